"""Write the reference of all metrics: ``python -m docs.build_metrics``.

The exporter's part is made from what the collectors declare, the receiver's from its
golden page. The committed page is this module's output and a test compares the two.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporter import own_metrics, scrape
from exporter.collectors import COLLECTORS, Collector
from exporter.collectors.families import HOST_PREFIX, Family, Kind
from exporter.scenarios import SCENARIOS

_PROJECT = Path(__file__).resolve().parents[1]
PAGE = _PROJECT / "docs" / "metrics.md"
_RECEIVER = _PROJECT / "tests" / "golden" / "remediation.prom"

_HEADINGS = {scenario.stem: scenario.heading for scenario in SCENARIOS}
_HEAD = """# Metrics

Made by `make docs` from the programs' own declarations; do not edit.

Names are as they are queried. A histogram adds `_bucket` (with `le`), `_sum` and `_count`.
Times are Unix seconds, sizes bytes, ratios 0 to 1. Prometheus adds `job` and `instance`.

**Source** is the label value of `tradingbot_source_up` to look at when a metric is missing: a
measurement that is old or failed disappears, it never becomes zero. `configuration` stands for
the configuration and never goes missing; `host` for the host that the exporter runs on.
"""
_TABLE = "| metric | type | labels | meaning | source |\n|---|---|---|---|---|"


@dataclass(frozen=True)
class Group:
    """Metrics under one heading, and a sentence about them."""

    title: str
    intro: str
    families: tuple[Family, ...]


def groups() -> tuple[Group, ...]:
    """What the exporter exposes: one group per collector, then the host and the exporter."""
    found: list[Group] = []
    host: list[Family] = []
    for collector in sorted(COLLECTORS, key=_place):
        intro = (sys.modules[collector.collect.__module__].__doc__ or "").splitlines()[0]
        of_host = tuple(f for f in collector.families if f.name.startswith(HOST_PREFIX))
        of_bots = tuple(f for f in collector.families if f not in of_host)
        found.append(Group(_title(collector.name), intro, of_bots))
        host.extend(of_host)
    own = (*own_metrics.FAMILIES, *scrape.FAMILIES)
    return (
        *found,
        Group("The host", "Without `bot`: the host is everybody's.", tuple(host)),
        Group("The exporter itself", "Whether it works, and by which configuration.", own),
    )


def render() -> str:
    """The page as it is committed."""
    parts = [_HEAD]
    for group in groups():
        rows = "\n".join(map(_row, group.families))
        parts.append(f"## {group.title}\n\n{group.intro}\n\n{_TABLE}\n{rows}\n")
    intro = "Incidents, runs and steps are counted in its journal: a restart does not reset them."
    parts.append(f"## The remediation receiver\n\n{intro}\n\n{_receiver_table()}\n")
    return "\n".join(parts)


def _place(collector: Collector) -> int:
    """In the runbook's order; the general ones first, as they are registered."""
    order = list(_HEADINGS)
    return order.index(collector.name) if collector.name in order else -1


def _title(name: str) -> str:
    if name not in _HEADINGS:
        return name.replace("_", " ").capitalize()
    number, _, heading = _HEADINGS[name].partition(". ")
    return f"{heading} (recovery procedures, section {number})"


def _row(family: Family) -> str:
    source = "" if family.source == "exporter" else family.source
    return _cells(family.sample_name, family.kind, family.labels, family.text, source)


def _cells(name: str, kind: str, labels: Sequence[str], text: str, *more: str) -> str:
    shown = ", ".join(f"`{label}`" for label in labels)
    return " | ".join(("| `" + name + "`", kind, shown, text.replace("|", "\\|"), *more)) + " |"


def _receiver_table() -> str:
    page = _RECEIVER.read_text(encoding="utf-8")
    rows = (_receiver_row(family) for family in text_string_to_metric_families(page))
    return "\n".join(("| metric | type | labels | meaning |\n|---|---|---|---|", *rows))


def _receiver_row(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == Kind.COUNTER else family.name
    return _cells(name, family.type, tuple(_labels(family)), family.documentation)


def _labels(family: Metric) -> Iterator[str]:
    """Label names in the order of their first appearance."""
    yield from dict.fromkeys(x for sample in family.samples for x in sample.labels if x != "le")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(PAGE)
