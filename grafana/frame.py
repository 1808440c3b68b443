"""What every dashboard has around its panels: identity, variables, links."""

from collections.abc import Sequence
from typing import Any

from grafana.panels import DATASOURCE, Panel, arrange

_TAG = "tradewarden"


def dashboard(
    name: str, question: str, panels: Sequence[Panel], *, receiver: bool = False
) -> dict[str, Any]:
    """A dashboard that answers one question.

    Args:
        name: its title, and in small letters its uid.
        question: what a person who opens it wants to know.
        panels: in reading order.
        receiver: whether it shows anything of the remediation receiver.
    """
    variables = [
        _datasource(),
        _variable("job", "tradingbot_info, job", "Exporter job"),
        _variable("instance", 'tradingbot_info{job=~"$job"}, instance', "Exporter"),
        _variable("bot", 'tradingbot_info{job=~"$job",instance=~"$instance"}, bot', "Bot"),
    ]
    if receiver:
        source = "tradewarden_remediation_build_info, instance"
        variables.append(_variable("receiver", source, "Receiver"))
    return {
        "uid": f"tradewarden-{name.lower()}",
        "title": f"Tradewarden / {name}",
        "description": question,
        "tags": [_TAG],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [_link_to_the_others()],
        "templating": {"list": variables},
        "panels": arrange(panels),
    }


def _link_to_the_others() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Tradewarden",
        "tags": [_TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "hide": 0,
        "multi": False,
        "includeAll": False,
    }


def _variable(name: str, values: str, label: str) -> dict[str, Any]:
    query = f"label_values({values})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # on time-range change: a bot added yesterday has no series last week
        "sort": 1,
        "regex": "",
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
