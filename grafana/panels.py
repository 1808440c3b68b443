"""Grafana panels as plain dicts: each kind of panel once, with our conventions.

Every panel has a description and a unit; data source, bot, exporter and receiver
are template variables, so one file serves both import and provisioning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Panel = dict[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Label matchers of a bot's series, of the exporter's own and of the receiver's.
BOT = '{job=~"$job",instance=~"$instance",bot=~"$bot"}'
EXPORTER = '{job=~"$job",instance=~"$instance"}'
RECEIVER = '{instance=~"$receiver"}'

# Texts and colours of states that several panels show: (value, text, colour).
UP_DOWN = ((0, "down", "red"), (1, "up", "green"))
YES_NO_NOTE = ((0, "no", "green"), (1, "yes", "orange"))
YES_NO_BAD = ((0, "no", "green"), (1, "yes", "red"))
YES_NO_GOOD = ((0, "no", "red"), (1, "yes", "green"))
PRESENT = ((1, "yes", "orange"),)

WIDTH = 24


@dataclass(frozen=True)
class Query:
    """One PromQL expression and how its series are named."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Size:
    """A panel's size on Grafana's grid of 24 columns."""

    width: int
    height: int


def row(title: str) -> Panel:
    """A heading over the panels that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    mappings: Sequence[tuple[float, str, str]] = (),
    steps: Sequence[tuple[float | None, str]] = ((None, "text"),),
    size: Size = Size(4, 4),
) -> Panel:
    """Last values, coloured. ``mappings`` are (value, text, colour)."""
    return _panel("stat", title, description, queries, size) | {
        "fieldConfig": _fields(unit, steps, mappings),
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "background" if mappings or len(steps) > 1 else "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "value_and_name",
        },
    }


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    dashed: str = "",
    size: Size = Size(12, 8),
) -> Panel:
    """Lines over time, never stacked; series whose name matches ``dashed`` are limits."""
    fields = _fields(unit, ((None, "green"),), ())
    fields["defaults"]["custom"] = {
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "lineWidth": 1,
        "fillOpacity": 0,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "none", "group": "A"},
    }
    if dashed:
        style = {"fill": "dash", "dash": [8, 6]}
        fields["overrides"] = [
            {
                "matcher": {"id": "byRegexp", "options": dashed},
                "properties": [{"id": "custom.lineStyle", "value": style}],
            }
        ]
    return _panel("timeseries", title, description, queries, size) | {
        "fieldConfig": fields,
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
    }


def timeline(
    title: str,
    description: str,
    *queries: Query,
    mappings: Sequence[tuple[float, str, str]],
    size: Size = Size(12, 8),
) -> Panel:
    """States over time, one band per series."""
    fields = _fields("none", ((None, "text"),), mappings)
    fields["defaults"]["custom"] = {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False}
    return _panel("state-timeline", title, description, queries, size) | {
        "fieldConfig": fields,
        "options": {
            "mergeValues": True,
            "rowHeight": 0.9,
            "showValue": "never",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    }


def table(
    title: str,
    description: str,
    query: Query,
    *,
    hide: Sequence[str] = (),
    size: Size = Size(12, 8),
) -> Panel:
    """The labels of an instant query as columns."""
    panel = _panel("table", title, description, (query,), size)
    panel["targets"][0] |= {"format": "table", "instant": True, "range": False}
    return panel | {
        "fieldConfig": _fields("none", ((None, "text"),), ()),
        "options": {"showHeader": True, "cellHeight": "sm"},
        "transformations": [
            {
                "id": "organize",
                "options": {"excludeByName": dict.fromkeys(("Time", "__name__", *hide), True)},
            }
        ],
    }


def optional(panel: Panel, text: str = "none") -> Panel:
    """A panel that may have no data although all is well; it then says ``text``."""
    fields = panel["fieldConfig"]
    return panel | {"fieldConfig": fields | {"defaults": fields["defaults"] | {"noValue": text}}}


def arrange(panels: Sequence[Panel]) -> list[Panel]:
    """Number the panels and lay them out left to right, top to bottom."""
    placed, x, y, height = [], 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        width, own = (WIDTH, 1) if panel["type"] == "row" else panel["gridPos"].values()
        if x + width > WIDTH:
            x, y, height = 0, y + height, 0
        placed.append(panel | {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": own}})
        x, height = x + width, max(height, own)
    return placed


def _panel(kind: str, title: str, description: str, queries: Sequence[Query], size: Size) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"w": size.width, "h": size.height},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "range": True,
            }
            for index, query in enumerate(queries)
        ],
    }


def _fields(
    unit: str,
    steps: Sequence[tuple[float | None, str]],
    mappings: Sequence[tuple[float, str, str]],
) -> dict[str, Any]:
    options = {
        f"{value:g}": {"text": text, "color": colour, "index": index}
        for index, (value, text, colour) in enumerate(mappings)
    }
    return {
        "defaults": {
            "unit": unit,
            "mappings": [{"type": "value", "options": options}] if options else [],
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": value, "color": colour} for value, colour in steps],
            },
            "color": {"mode": "palette-classic" if len(steps) == 1 else "thresholds"},
        },
        "overrides": [],
    }
