"""Which series the two programs really expose: name, labels, type, and where they come from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from docs.build_metrics import groups
from exporter.collectors.families import Family, Kind
from tests.alerts.promql import SYNTHETIC, selectors
from tests.alerts.rulefiles import REPO

# The receiver declares nothing; its golden page is complete.
_RECEIVER = REPO / "tests/golden/remediation.prom"

# Added to every series by Prometheus when it scrapes.
_SCRAPE_LABELS = frozenset({"job", "instance"})


@dataclass(frozen=True)
class Series:
    """One name that can be queried. ``source`` is empty for a program's own metrics."""

    kind: str
    labels: frozenset[str]
    source: str = ""


def declared() -> tuple[Family, ...]:
    """Every metric that the exporter's code declares."""
    return tuple(family for group in groups() for family in group.families)


def exposed() -> Mapping[str, Series]:
    """Every name that can be queried, of both programs."""
    return dict(_exporter(declared())) | _receiver()


def unknown_names(expr: str, known: Mapping[str, Series]) -> list[str]:
    """Metrics and labels that the expression names and no program exposes."""
    wrong = []
    for selector in selectors(expr):
        if selector.metric in SYNTHETIC:
            continue
        if selector.metric not in known:
            wrong.append(selector.metric)
            continue
        labels = known[selector.metric].labels | _SCRAPE_LABELS
        wrong += [f"{selector.metric}{{{x}}}" for x in selector.labels if x not in labels]
    return wrong


def misused_types(expr: str, known: Mapping[str, Series]) -> list[str]:
    """Counters that are read like gauges, and gauges that are read like counters.

    The last value of a counter may be held against its own older values, and be looked at
    where it is first seen; everything else about a counter is its increase.
    """
    wrong = []
    for selector in selectors(expr):
        series = known.get(selector.metric)
        if series is None:
            continue
        counting = selector.function in {"rate", "increase", "resets"}
        first_seen = (
            selector.function == "last_over_time"
            and f"last_over_time({selector.metric}[1d] offset 5m)" in expr
        )
        if series.kind == Kind.GAUGE and counting:
            wrong.append(f"{selector.function}({selector.metric}), a gauge")
        if series.kind != Kind.GAUGE and not (counting or first_seen):
            wrong.append(f"{selector.metric}, a {series.kind}, outside rate or increase")
    return wrong


def _exporter(families: Iterable[Family]) -> Iterator[tuple[str, Series]]:
    for family in families:
        labels = frozenset(family.labels)
        if family.kind is not Kind.HISTOGRAM:
            yield family.sample_name, Series(family.kind, labels, family.source)
            continue
        for suffix in ("_count", "_sum"):
            yield f"{family.name}{suffix}", Series(family.kind, labels, family.source)
        yield f"{family.name}_bucket", Series(family.kind, labels | {"le"}, family.source)


def _receiver() -> dict[str, Series]:
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(_RECEIVER.read_text(encoding="utf-8")):
        for sample in family.samples:
            labels = found[sample.name].labels if sample.name in found else frozenset()
            found[sample.name] = Series(family.type, labels | frozenset(sample.labels))
    return found
