"""The golden /metrics pages: which series the two programs really expose."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.alerts.promql import SYNTHETIC, selectors
from tests.alerts.rulefiles import REPO

GOLDEN = (REPO / "tests/golden/metrics.prom", REPO / "tests/golden/remediation.prom")

# Added to every series by Prometheus when it scrapes.
_SCRAPE_LABELS = {"job", "instance"}


def exposed() -> Mapping[str, frozenset[str]]:
    """Every sample name in the golden pages with the label names it carries."""
    found: dict[str, frozenset[str]] = {}
    for page in GOLDEN:
        for family in text_string_to_metric_families(page.read_text(encoding="utf-8")):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, frozenset()) | frozenset(sample.labels)
    return found


def unknown_names(expr: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    """Metrics and labels that the expression names and no program exposes."""
    wrong = []
    for selector in selectors(expr):
        if selector.metric in SYNTHETIC:
            continue
        if selector.metric not in known:
            wrong.append(selector.metric)
            continue
        labels = known[selector.metric] | _SCRAPE_LABELS
        wrong += [f"{selector.metric}{{{x}}}" for x in selector.labels if x not in labels]
    return wrong
