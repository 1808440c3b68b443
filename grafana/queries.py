"""The queries of a dashboard, made runnable outside Grafana."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

# What Grafana would put in: everything selected, intervals for a young stack.
_VALUES = {"__rate_interval": "1m", "__range": "1h", "__interval": "5s"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def every_query(dashboard: Mapping[str, Any]) -> list[str]:
    """Every panel's PromQL with Grafana's variables filled in."""
    return _filled_in(dashboard["panels"])


def queries(dashboard: Mapping[str, Any]) -> list[str]:
    """The queries of which each returns data in a healthy stack.

    Left out are panels that say what no data means.
    """
    panels = dashboard["panels"]
    return _filled_in(p for p in panels if "noValue" not in _defaults(p))


def _filled_in(panels: Iterable[Mapping[str, Any]]) -> list[str]:
    targets = (target for panel in panels for target in panel.get("targets", ()))
    return [_VARIABLE.sub(_value, target["expr"]) for target in targets]


def _defaults(panel: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = panel.get("fieldConfig", {}).get("defaults", {})
    return found


def _value(match: re.Match[str]) -> str:
    return _VALUES.get(match[1] or match[2], ".+")
