"""Runbook section 2 through the whole stack."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from grafana.queries import queries
from tests.stack.drill import Drill, run_drill, settle
from tests.stack.programs import wait_until
from tests.stack.render import PROJECT
from tests.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

_SYMPTOM = 'abs(tradingbot_clock_offset_seconds{bot="alpha"}) > 1'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for the module; a repeat is not deferred by its cooldown."""
    directory = tmp_path_factory.mktemp("clock")
    with Stack(directory, remediation={"cooldown_seconds": 0.1}) as running:
        yield running


def test_three_seconds_seen_by_ntp_and_exchange_are_remediated(stack: Stack) -> None:
    """Local drift is slewed, proved and resumed without a person."""
    drill = Drill("clock_drift", _SYMPTOM, {"offset_seconds": 3.0})
    result = run_drill(stack, drill, lambda *_: None)
    assert result.as_expected, result
    clock = stack.control("GET", "/state")["clock"]
    assert all(abs(offset) < 0.001 for offset in clock["offset_seconds"].values())
    assert [repair["action"] for repair in clock["repairs"]] == ["slew"]
    incident = stack.incidents("clock_drift")[-1]
    assert incident["severity"] == "critical"
    settle(stack)


def test_every_dashboard_query_returns_data(stack: Stack) -> None:
    """After a recovery no panel of the shipped dashboard is empty."""
    for dashboard in sorted((PROJECT / "grafana/dashboards").glob("*.json")):
        for query in queries(yaml.safe_load(dashboard.read_text())):
            # One scrape that comes late leaves everything of its program stale for a moment.
            looked = functools.partial(stack.query, query)
            wait_until(looked, f"{dashboard.name}: data for {query}")


def test_an_offset_only_at_the_exchange_pages_and_touches_nothing(stack: Stack) -> None:
    """The venue's clock is wrong: a person is called, the local clock is left alone."""
    before = stack.control("GET", "/state")["clock"]["repairs"]
    drill = Drill(
        "clock_drift",
        'tradingbot_clock_offset_seconds{bot="alpha",reference="exchange"} > 1',
        {"offset_seconds": 3.0, "where": "exchange"},
        outcome="escalated",
    )
    result = run_drill(stack, drill, lambda *_: None)
    assert result.outcome == "escalated"
    assert stack.control("GET", "/state")["clock"]["repairs"] == before
    detail = stack.api("GET", f"/incidents/{result.incident_id}")
    assert "the local clock is not touched" in detail["reason"]
    assert [step["name"] for phase in detail["phases"] for step in phase["steps"]] == [
        *("evidence", "confirm", "pause", "impact", "who_is_wrong"),
    ]
    # It stays contained until a person lets it go, and is no kill-switch alert meanwhile.
    flag = stack.roots["alpha"] / "state/kill_switch.flag"
    assert f"remove {flag.relative_to(stack.roots['alpha'])}" in detail["reason"]
    assert not stack.incidents("kill_switch")
    flag.unlink()
    wait_until(lambda: result.incident_id in _paged(stack), "the pager has been called")
    stack.api("POST", f"/incidents/{result.incident_id}/ack", {"reason": "seen by the test"})
    settle(stack)


def test_alert_levels_follow_the_bots_own_file(stack: Stack) -> None:
    """300 ms fire nothing at the bot's 500 ms, and are critical once its file says 200 ms."""
    config = stack.roots["alpha"] / "configs/config_live.yaml"
    before = config.read_text()
    stack.control("POST", "/faults", {"scenario": "clock_drift", "offset_seconds": -0.3})
    offset = 'tradingbot_clock_offset_seconds{bot="alpha",reference="ntp"} < -0.25'
    wait_until(
        lambda: stack.query(f"count_over_time(({offset})[10s:1s]) >= 5"), "offset is seen", 60
    )
    assert not [a for a in stack.firing() if a["labels"].get("scenario") == "clock_drift"]
    known = {incident["id"] for incident in stack.incidents("clock_drift")}
    try:
        _set_thresholds(config, before, warn=100, kill=200)
        kill = 'tradingbot_clock_offset_kill_threshold_seconds{bot="alpha"} == 0.2'
        wait_until(lambda: stack.query(kill), "the exporter has read the bot's file", 60)
        wait_until(lambda: _fires(stack, "TradingBotClockDriftCritical"), "the alert fires", 60)
        wait_until(lambda: _recovered(stack) - known, "it recovers", 120)
    finally:
        config.write_text(before)
    settle(stack)


def _set_thresholds(config: Path, text: str, *, warn: int, kill: int) -> None:
    body = yaml.safe_load(text)
    body["clock_sync"] |= {"warn_threshold_ms": warn, "kill_threshold_ms": kill}
    fresh = config.with_suffix(".new")
    fresh.write_text(yaml.safe_dump(body))
    fresh.replace(config)


def _fires(stack: Stack, name: str) -> bool:
    return any(
        alert["labels"]["alertname"] == name and alert["state"] == "firing"
        for alert in stack.firing()
    )


def _recovered(stack: Stack) -> set[str]:
    incidents = stack.incidents("clock_drift")
    return {incident["id"] for incident in incidents if incident["outcome"] == "recovered"}


def _paged(stack: Stack) -> str:
    return str(stack.control("GET", "/pager"))
