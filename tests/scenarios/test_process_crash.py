"""Runbook section 6 through the whole stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.drill import Drill, run_drill, settle
from tests.stack.programs import wait_until
from tests.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack for each test, since restarts count against one budget."""
    with Stack(tmp_path) as running:
        yield running


def _crash(outcome: str = "recovered") -> Drill:
    return Drill("process_crash", 'tradingbot_process_up{bot="alpha"} == 0', outcome=outcome)


def _wait_down(stack: Stack) -> None:
    """Wait for Prometheus' word that no bot runs: one late scrape leaves it without any."""
    down = 'tradingbot_process_up{bot="alpha"} == 0'
    wait_until(lambda: stack.query(down), "Prometheus sees the bot down")


def _never_two(stack: Stack) -> bool:
    return not stack.query("max_over_time(tradingbot_process_instances[10m]) > 1")


def test_a_clean_stop_is_not_a_crash(stack: Stack) -> None:
    """After "Shutdown complete" nothing is restarted."""
    stack.control("POST", "/faults", {"scenario": "process_crash", "signal": "TERM"})
    stopped = 'tradingbot_process_up{bot="alpha"} == 0 and tradingbot_process_last_exit_clean == 1'
    seen = f"count_over_time(({stopped})[20s:1s]) >= 8"
    wait_until(lambda: stack.query(seen), "seen stopped", 60)
    assert not stack.incidents("process_crash")
    stack.control("DELETE", "/faults/process_crash")
    stack.start_bot("alpha")
    settle(stack)


def test_orphan_orders_make_the_restart_a_persons_choice(stack: Stack) -> None:
    """An order that nobody knows stops the automatic restart; an approval lets it go on."""
    stack.control("POST", "/faults", {"scenario": "process_crash", "orphan": True})
    (approval,) = wait_until(
        lambda: stack.api("GET", "/approvals")["approvals"], "an approval is asked", 60
    )
    assert any("BUY 0.004 BTCUSDT" in orphan for orphan in approval["shown"]["orphans"])
    _wait_down(stack)
    stack.api(
        "POST",
        f"/approvals/{approval['id']}/approve",
        {"reason": "my own order", "digest": approval["digest"]},
    )
    wait_until(
        lambda: stack.incidents("process_crash")[-1]["outcome"] == "recovered", "it recovers", 120
    )
    stack.control("DELETE", "/faults/process_crash")
    settle(stack)


def test_three_crashes_an_hour_are_repaired_and_the_fourth_is_escalated(stack: Stack) -> None:
    """No crash is lost to a cooldown; the budget ends restarts; there are never two bots."""
    for number in (1, 2, 3):
        result = run_drill(stack, _crash(), lambda *_: None)
        assert result.as_expected, (number, result)
        settle(stack)
    result = run_drill(stack, _crash("escalated"), lambda *_: None)
    assert result.outcome == "escalated", result
    detail = stack.api("GET", f"/incidents/{result.incident_id}")
    assert "over_budget" in detail["reason"]
    _wait_down(stack)
    assert _never_two(stack)
