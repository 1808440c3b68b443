"""The reference page says what the code says."""

import re

from docs.build_metrics import PAGE, groups, render
from exporter.collectors import COLLECTORS
from exporter.collectors.families import BOT_PREFIX, Family, Kind


def _families() -> list[Family]:
    return [family for group in groups() for family in group.families]


def test_the_committed_page_is_the_generated_one() -> None:
    """Nobody edited the page, and nobody forgot to make it."""
    assert PAGE.read_text(encoding="utf-8") == render(), "run: make docs"


def test_every_declared_metric_is_on_the_page_once() -> None:
    """One row for each, under the name by which it is queried."""
    named = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) == len(set(named))
    assert {family.sample_name for family in _families()} <= set(named)


def test_every_collector_has_its_metrics_on_the_page() -> None:
    """Those of the host, too, which stand under a heading of their own."""
    for collector in COLLECTORS:
        assert collector.families, collector.name
        assert set(collector.families) <= set(_families())


def test_every_row_can_be_read_alone() -> None:
    """Type, labels, a sentence and a source for each; no cell breaks the table."""
    for family in _families():
        assert family.kind in set(Kind)
        assert family.text.endswith("."), family.name
        assert family.source, family.name
        assert "\n" not in family.text
        assert (family.labels[:1] == ("bot",)) == family.name.startswith(f"{BOT_PREFIX}_")


def test_labels_are_told_apart_from_the_scrapers() -> None:
    """No label of ours collides with those that Prometheus adds."""
    for family in _families():
        assert not {"job", "instance", "le"} & set(family.labels), family.name
