"""Drift beyond the kill threshold: runbook sections 2 and 3 together."""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.stack.drill import settle
from tests.stack.programs import wait_until
from tests.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A bot with the runbook's own kill threshold."""
    directory = tmp_path_factory.mktemp("drift")
    with Stack(directory, thresholds={"kill_threshold_ms": 2000}) as running:
        yield running


def test_clock_first_then_a_person_and_nobody_is_blocked_meanwhile(stack: Stack) -> None:
    """The bot trips itself; the clock is repaired; the release waits and blocks nothing."""
    stack.control("POST", "/faults", {"scenario": "clock_drift", "offset_seconds": 3.0})
    clock = wait_until(lambda: _closed(stack, "clock_drift"), "the clock run ends", 120)
    assert clock["outcome"] == "recovered"
    skipped = {s["name"] for s in _steps(stack, clock) if s["status"] == "skipped"}
    assert {"lift_pause", "live_proof"} <= skipped

    (approval,) = wait_until(
        lambda: stack.api("GET", "/approvals")["approvals"], "the release is asked", 60
    )
    assert approval["shown"]["cause"] == "clock_drift"
    # The question is on the disk a moment before its run waits.
    wait_until(lambda: _states(stack, "kill_switch") == ["waiting"], "the release waits")
    (resync,) = [s for s in _steps(stack, clock) if s["name"] == "resync"]
    assert approval["asked"]["boottime"] > resync["started"]["boottime"]

    pid = int((stack.roots["alpha"] / "state/bot.pid").read_text())
    psutil.Process(pid).kill()
    crash = wait_until(lambda: _closed(stack, "process_crash"), "the crash run ends", 120)
    assert crash["outcome"] == "escalated"
    assert "kill switch" in crash["reason"]

    stack.api(
        "POST",
        f"/approvals/{approval['id']}/approve",
        {"reason": "the clock is right again", "digest": approval["digest"]},
    )
    released = wait_until(lambda: _closed(stack, "kill_switch"), "the release run ends", 120)
    assert released["outcome"] == "recovered", released
    up = 'tradingbot_process_up{bot="alpha"} == 1'
    wait_until(lambda: stack.query(up), "Prometheus sees the bot up")
    settle(stack)


def _states(stack: Stack, scenario: str) -> list[str]:
    return [incident["state"] for incident in stack.incidents(scenario)]


def _closed(stack: Stack, scenario: str) -> dict[str, Any] | None:
    incident: dict[str, Any] = stack.incidents(scenario)[-1]
    if incident["state"] != "closed":
        return None
    detail: dict[str, Any] = stack.api("GET", f"/incidents/{incident['id']}")
    return detail


def _steps(stack: Stack, incident: dict[str, Any]) -> list[dict[str, Any]]:
    detail = stack.api("GET", f"/incidents/{incident['id']}")
    return [step for phase in detail["phases"] for step in phase["steps"]]
