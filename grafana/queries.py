"""The queries of a dashboard, made runnable outside Grafana."""

import re
from collections.abc import Mapping
from typing import Any

# What Grafana would put in: everything selected, intervals for a young stack.
_VALUES = {"__rate_interval": "1m", "__range": "1h", "__interval": "5s"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def queries(dashboard: Mapping[str, Any]) -> list[str]:
    """Every panel's PromQL with Grafana's variables filled in.

    In a healthy stack each of them returns data.
    """
    panels = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    return [_VARIABLE.sub(_value, expr) for expr in panels]


def _value(match: re.Match[str]) -> str:
    return _VALUES.get(match[1] or match[2], ".+")
