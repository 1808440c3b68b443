"""Write the dashboards: ``python -m grafana.build_dashboards``.

The committed JSON is this module's output and a test compares the two; never edit
the JSON or a dashboard in the browser.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grafana import account, exchange, files, host, overview
from grafana.frame import dashboard

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> Mapping[str, Mapping[str, Any]]:
    """Every dashboard by its file's name."""
    return {
        "overview.json": dashboard(
            "Overview",
            "Can each bot trade, and is Tradewarden able to help?",
            overview.panels(),
            receiver=True,
        ),
        "exchange.json": dashboard(
            "Exchange",
            "Can the exchange be reached, is it open, and what does it still allow?",
            exchange.panels(),
        ),
        "account.json": dashboard(
            "Account",
            "Does each bot know what it holds, and who else can touch it?",
            account.panels(),
        ),
        "host.json": dashboard(
            "Host",
            "Have the bots the processor time, memory and clock that they need?",
            host.panels(),
        ),
        "files.json": dashboard(
            "Files",
            "Can each bot's data be believed, restored and written, and what do its logs say?",
            files.panels(),
        ),
    }


def render(content: Mapping[str, Any]) -> str:
    """A dashboard as it is committed."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, content in dashboards().items():
        (FOLDER / name).write_text(render(content), encoding="utf-8")
        print(FOLDER / name)
