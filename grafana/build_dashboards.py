"""Write the dashboards: ``python -m grafana.build_dashboards``.

The committed JSON is this module's output and a test compares the two; never edit
the JSON or a dashboard in the browser.
"""

import json
from pathlib import Path
from typing import Any

from grafana.overview import panels
from grafana.panels import DATASOURCE, arrange

OVERVIEW = Path(__file__).parent / "dashboards" / "overview.json"


def overview() -> dict[str, Any]:
    """The Overview dashboard."""
    return {
        "uid": "tradewarden-overview",
        "title": "Tradewarden / Overview",
        "description": "Can each bot trade, and is Tradewarden able to help?",
        "tags": ["tradewarden"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                _datasource(),
                _variable("job", "tradingbot_info, job", "Exporter job"),
                _variable("instance", 'tradingbot_info{job=~"$job"}, instance', "Exporter"),
                _variable("bot", 'tradingbot_info{job=~"$job",instance=~"$instance"}, bot', "Bot"),
                _variable("receiver", "tradewarden_remediation_build_info, instance", "Receiver"),
            ]
        },
        "panels": arrange(panels()),
    }


def render(dashboard: dict[str, Any]) -> str:
    """The dashboard as it is committed."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


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


if __name__ == "__main__":
    OVERVIEW.write_text(render(overview()), encoding="utf-8")
    print(OVERVIEW)
