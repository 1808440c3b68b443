"""Runbook section 3 through the whole stack."""

from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.stack.drill import settle
from tests.stack.programs import wait_until
from tests.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for the module."""
    with Stack(tmp_path_factory.mktemp("kill")) as running:
        yield running


def _bot_pid(stack: Stack) -> int | None:
    file = stack.roots["alpha"] / "state/bot.pid"
    pid = int(file.read_text()) if file.exists() else 0
    return pid if pid and psutil.pid_exists(pid) else None


def _waiting(stack: Stack) -> dict[str, Any]:
    """The one pending approval, once there is one."""
    found: dict[str, Any] = wait_until(
        lambda: stack.api("GET", "/approvals")["approvals"], "an approval is asked", 60
    )[0]
    return found


def _closed(stack: Stack, scenario: str, outcome: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        incident = stack.incidents(scenario)[-1]
        return incident if incident["state"] == "closed" else None

    incident: dict[str, Any] = wait_until(ended, f"{scenario} closes", 120)
    assert incident["outcome"] == outcome, incident
    return incident


def test_an_engaged_flag_stops_restarts_and_only_a_person_releases(stack: Stack) -> None:
    """A touched flag latches: no restart, no resume, until approved with actor and reason."""
    flag = stack.roots["alpha"] / "state/kill_switch.flag"
    stack.control("POST", "/faults", {"scenario": "kill_switch", "cause": "manual"})
    approval = _waiting(stack)
    assert approval["shown"]["cause"] == "manual"

    psutil.Process(_bot_pid(stack)).kill()
    crash = _closed(stack, "process_crash", "escalated")
    assert "kill switch" in crash["reason"]
    assert _bot_pid(stack) is None
    assert flag.exists()

    refused = [
        _try(stack, approval, {"reason": "  ", "digest": approval["digest"]}),
        _try(stack, approval, {"reason": "go", "digest": "0" * 64}),
        _try(stack, approval, {"reason": "go", "digest": approval["digest"]}, token="wrong"),
    ]
    assert refused == [400, 409, 401]
    assert flag.exists()

    stack.api(
        "POST",
        f"/approvals/{approval['id']}/approve",
        {"reason": "I set it myself", "digest": approval["digest"]},
    )
    released = _closed(stack, "kill_switch", "recovered")
    detail = stack.api("GET", f"/incidents/{released['id']}")
    (answer,) = [a for a in detail["approvals"] if a["state"] == "used"]
    assert (answer["actor"], answer["reason"]) == ("demo-operator", "I set it myself")
    assert not flag.exists()
    assert _bot_pid(stack) is not None
    settle(stack)


def test_an_unreadable_state_counts_as_engaged_and_a_denial_leaves_it(stack: Stack) -> None:
    """A truncated state file latches; denying changes nothing."""
    state = stack.roots["alpha"] / "state/kill_switch_state.json"
    stack.control("POST", "/faults", {"scenario": "kill_switch", "cause": "state_unreadable"})
    engaged = 'tradingbot_kill_switch_engaged{bot="alpha"} == 1'
    wait_until(lambda: stack.query(engaged), "the unreadable state counts as engaged")
    approval = _waiting(stack)
    assert approval["shown"]["cause"] == "unreadable"
    truncated = state.read_bytes()
    stack.api("POST", f"/approvals/{approval['id']}/deny", {"reason": "I look myself"})
    _closed(stack, "kill_switch", "denied")
    assert state.read_bytes() == truncated
    stack.control("DELETE", "/faults/kill_switch")


def _try(
    stack: Stack, approval: dict[str, Any], body: dict[str, str], token: str | None = None
) -> int:
    token = token or stack.files.operator_token.read_text()
    return httpx.post(
        f"http://{stack.addresses.remediation}/api/v1/approvals/{approval['id']}/approve",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    ).status_code
