"""What rules and panels ask for: it exists, is used as what it is, and nothing is left unused."""

import json
import re
from collections.abc import Collection, Iterator, Mapping

import pytest

from exporter.collectors.families import Family, Kind
from exporter.collectors.sources import REASONS
from exporter.readings import Cause, Difference, PositionState
from exporter.sources.log_patterns import EVENTS
from grafana.build_dashboards import FOLDER
from grafana.queries import every_query
from tests.alerts.exposition import declared, exposed, misused_types, unknown_names
from tests.alerts.promql import label_values, selectors
from tests.alerts.rulefiles import RULES, Rule
from tests.alerts.test_sources import PARTNERS

_EACH = pytest.mark.parametrize("rule", RULES, ids=[rule.alert for rule in RULES])

# Sources that are no bot's: nothing to read, or TradewardenHostMemoryUnknown speaks.
_NOT_OF_A_BOT = {"configuration", "host", "exporter", ""}

_CLOSED: Mapping[str, Collection[str]] = {
    "source": set(REASONS),
    "event": {event.name for event in EVENTS},
    "state": set(PositionState),
    "difference": set(Difference),
    "cause": set(Cause),
    "reference": {"ntp", "exchange"},
    "key": {"bot", "exporter", "remediation"},
}

_NEITHER_RULE_NOR_PANEL: Mapping[str, str] = {
    "tradingbot_source_last_attempt_timestamp_seconds": (
        "for a person who asks whether the exporter hangs; source_up falls within its intervals"
    ),
    "tradewarden_exporter_config_last_reload_success_timestamp_seconds": (
        "for a person who asks which configuration is in force"
    ),
}


def _queries_in_annotations(rule: Rule) -> Iterator[str]:
    """The PromQL that a description is filled in from."""
    for text in rule.annotations.values():
        for query in re.findall(r'query \(printf "((?:[^"\\]|\\.)*)"', text):
            yield query.replace("%q", '"x"')


def _panel_queries() -> Iterator[str]:
    for file in sorted(FOLDER.glob("*.json")):
        yield from every_query(json.loads(file.read_text(encoding="utf-8")))


def _names(family: Family) -> set[str]:
    if family.kind is not Kind.HISTOGRAM:
        return {family.sample_name}
    return {f"{family.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")}


@_EACH
def test_every_metric_exists(rule: Rule) -> None:
    """Rules and their texts name only metrics and labels that the programs really expose."""
    for expr in (rule.expr, *_queries_in_annotations(rule)):
        assert unknown_names(expr, exposed()) == []


@_EACH
def test_types_are_respected(rule: Rule) -> None:
    """Counters are read by their increase, and gauges never are."""
    assert misused_types(rule.expr, exposed()) == []


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("increase(tradingbot_process_up[5m]) > 0", ["increase(tradingbot_process_up), a gauge"]),
        (
            "last_over_time(tradingbot_log_lines_total[1m]) > 5",
            ["tradingbot_log_lines_total, a counter, outside rate or increase"],
        ),
        ("increase(tradingbot_log_lines_total[5m]) > 5", []),
    ],
)
def test_a_misused_type_is_noticed(expr: str, wrong: list[str]) -> None:
    """The check tells the two apart."""
    assert misused_types(expr, exposed()) == wrong


@_EACH
def test_values_of_closed_labels_exist(rule: Rule) -> None:
    """A matcher on a closed set of values names a member: a typing error would never fire."""
    for label, value in label_values(rule.expr):
        if label in _CLOSED:
            assert value in _CLOSED[label], f"{label}={value}"


@_EACH
def test_what_can_vanish_has_a_partner(rule: Rule) -> None:
    """Each metric's source has the rule that fires when it cannot be read."""
    known = exposed()
    for selector in selectors(rule.expr):
        if selector.metric in known:
            for source in known[selector.metric].source.split(", "):
                assert source in _NOT_OF_A_BOT or source in PARTNERS, selector.metric


def test_every_declared_source_is_one() -> None:
    """What the reference page tells people to look at is a value of tradingbot_source_up."""
    for family in declared():
        for source in family.source.split(", "):
            assert source in {*REASONS, *_NOT_OF_A_BOT}, family.name


def test_every_metric_is_used() -> None:
    """Each metric is in a rule or a panel, or has a reason for being in neither."""
    exprs = [rule.expr for rule in RULES]
    exprs += [query for rule in RULES for query in _queries_in_annotations(rule)]
    exprs += list(_panel_queries())
    used = {selector.metric for expr in exprs for selector in selectors(expr)}
    unused = {family.sample_name for family in declared() if not _names(family) & used}
    assert unused == set(_NEITHER_RULE_NOR_PANEL)
