"""The kill switch, step by step: cause, what blocks a release, and what a release does."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.readings import KillSwitchReading
from remediation.errors import ActionError, ActionReason
from remediation.incident import Outcome, State
from remediation.playbooks.base import Status, StepResult, done
from remediation.playbooks.kill_switch import KILL_SWITCH, Cause, name_cause
from tests.playbooks.desk import Desk, applies, binding, blocked, desk, step, write_flat
from tests.sim.processes import live_bot
from tests.sim.serve import Request, Response
from tests.sim.simulator import Simulator
from tests.stack.programs import wait_until

SCENARIO = KILL_SWITCH.scenario
TRIPPED = '{"tripped": true, "reason": "5 consecutive errors", "counters": {"errors_total": 5}}'


def reading(**changes: Any) -> KillSwitchReading:
    """A tripped switch, with changes."""
    plain: dict[str, Any] = {
        "engaged": True,
        "paused": False,
        "flag_present": True,
        "tripped": True,
        "pause_incident": None,
        "reason": "",
        "digest": "",
        "flag_valid": True,
        "state_valid": True,
    }
    return KillSwitchReading(**{**plain, **changes})


@pytest.mark.parametrize(
    ("changes", "lines", "cause"),
    [
        ({"reason": "clock drift +3000 ms exceeds 2000 ms"}, (), Cause.CLOCK_DRIFT),
        ({"reason": "Timestamp for this request is outside"}, (), Cause.CLOCK_DRIFT),
        ({"reason": "max drawdown reached"}, (), Cause.RISK_LIMIT),
        ({"reason": "Risk limit breach"}, (), Cause.RISK_LIMIT),
        ({"reason": "5 consecutive errors"}, (), Cause.ERRORS),
        ({"reason": "order REJECTED"}, (), Cause.ERRORS),
        ({"reason": "because"}, (), Cause.UNKNOWN),
        # The log speaks where the state does not, and its last word counts.
        ({}, ("x Kill switch triggered: clock drift",), Cause.CLOCK_DRIFT),
        (
            {},
            ("Kill switch triggered: clock drift", "Kill switch triggered: 5 errors"),
            Cause.ERRORS,
        ),
        ({}, ("ERROR something else",), Cause.UNKNOWN),
        # A flag without a trip is a person's, whatever the log says.
        ({"tripped": False}, ("Kill switch triggered: clock drift",), Cause.MANUAL),
        # What cannot be read is not guessed.
        ({"state_valid": False, "tripped": None}, (), Cause.UNREADABLE),
        ({"flag_valid": False, "reason": "clock drift"}, (), Cause.UNREADABLE),
    ],
)
def test_the_cause_is_named(changes: dict[str, Any], lines: tuple[str, ...], cause: Cause) -> None:
    """The runbook's causes, and the two it does not name."""
    assert name_cause(reading(**changes), lines) is cause


@pytest.mark.parametrize(
    ("flag", "state", "cause"),
    [
        (True, None, Cause.MANUAL),
        (True, TRIPPED, Cause.ERRORS),
        (False, TRIPPED, Cause.ERRORS),
        (False, '{"tripped": fal', Cause.UNREADABLE),
    ],
    ids=["flag only", "both", "state only", "half a state"],
)
def test_a_latch_is_identified(
    at_hand: Desk, *, flag: bool, state: str | None, cause: Cause
) -> None:
    """Whatever holds the bot, with advice for the person who decides."""
    write_flat(at_hand)
    if flag:
        at_hand.flag.touch()
    if state is not None:
        at_hand.write("state/kill_switch_state.json", state)
    result = at_hand.act(SCENARIO, "identify")
    assert result.status is Status.DONE
    assert result.evidence["cause"] is cause
    assert result.evidence["advice"]


def test_what_does_not_hold_the_bot_is_cleared(at_hand: Desk) -> None:
    """An open switch, and our own pause, are no latch."""
    write_flat(at_hand)
    open_switch = at_hand.act(SCENARIO, "identify")
    assert (open_switch.status, open_switch.outcome) == (Status.STOP, Outcome.CLEARED)
    at_hand.services.hands.bot.pause(at_hand.bot, "another-incident")
    ours = at_hand.act(SCENARIO, "identify")
    assert (ours.status, ours.outcome) == (Status.STOP, Outcome.CLEARED)
    assert "our own pause" in ours.summary


def test_a_touched_pause_is_a_latch(at_hand: Desk) -> None:
    """A person's touch on our pause takes it over."""
    write_flat(at_hand)
    at_hand.services.hands.bot.pause(at_hand.bot, "another-incident")
    at_hand.flag.touch()
    assert at_hand.act(SCENARIO, "identify").status is Status.DONE


def test_a_trip_without_a_flag_gets_one(at_hand: Desk) -> None:
    """So that a supervisor's restart cannot get past it."""
    write_flat(at_hand)
    at_hand.write("state/kill_switch_state.json", TRIPPED)
    assert at_hand.act(SCENARIO, "hold").status is Status.DONE
    assert at_hand.flag.exists()
    content = at_hand.flag.read_bytes()
    assert at_hand.act(SCENARIO, "hold").status is Status.DONE
    assert at_hand.flag.read_bytes() == content


def in_maintenance(request: Request) -> Response | None:
    """The venue says so itself."""
    if request.path.endswith("/system/status"):
        return Response(200, {"status": 1, "msg": "system_maintenance"})
    return None


def without_account(request: Request) -> Response | None:
    """Signed questions are not answered."""
    return Response(503, {"error": "unavailable"}) if "signature=" in request.query else None


def test_release_waits_for_its_cause(at_hand: Desk) -> None:
    """Clock, venue and account, each read now; all well means nothing in the way."""
    write_flat(at_hand)
    assert blocked(at_hand, SCENARIO, "release") is None
    at_hand.fault("clock_drift", offset_seconds=0.8)
    assert "waits for the clock" in (blocked(at_hand, SCENARIO, "release") or "")
    at_hand.simulator.world.clocks.reset()
    at_hand.simulator.world.intercepts["test"] = in_maintenance
    assert "system_maintenance" in (blocked(at_hand, SCENARIO, "release") or "")
    at_hand.simulator.world.intercepts["test"] = without_account
    assert "waits for account" in (blocked(at_hand, SCENARIO, "release") or "")
    at_hand.simulator.world.intercepts.clear()
    (at_hand.root / "state/positions.json").unlink()
    assert "waits for account" in (blocked(at_hand, SCENARIO, "release") or "")


def test_an_approval_binds_switch_positions_and_orders(at_hand: Desk) -> None:
    """Any of them changed is another question; the same state is the same question."""
    at_hand.start_bot_and_crash()
    digests = [binding(at_hand, SCENARIO, "release").digest]
    assert binding(at_hand, SCENARIO, "release").digest == digests[0]
    at_hand.start_bot_and_crash(orphan=True)
    digests.append(binding(at_hand, SCENARIO, "release").digest)
    for name, text in (
        ("kill_switch.flag", ""),
        ("kill_switch.flag", "a person's note"),
        ("kill_switch_state.json", TRIPPED),
        ("kill_switch_state.json", TRIPPED.replace("errors", "losses")),
    ):
        at_hand.write(f"state/{name}", text)
        digests.append(binding(at_hand, SCENARIO, "release").digest)
    assert len(set(digests)) == len(digests)


def test_a_release_clears_both_and_keeps_the_bot_held(at_hand: Desk) -> None:
    """State untripped with its counters, flag turned into our pause, copies of both kept."""
    write_flat(at_hand)
    at_hand.flag.write_text("5 consecutive errors\n")
    at_hand.write("state/kill_switch_state.json", TRIPPED)
    result = at_hand.act(SCENARIO, "release")
    assert result.status is Status.DONE
    assert "it was not running" in result.summary
    after = at_hand.services.world.kill_switch(at_hand.bot)
    assert (after.engaged, after.paused) == (False, True)
    state = json.loads((at_hand.root / "state/kill_switch_state.json").read_text())
    assert (state["tripped"], state["counters"]) == (False, {"errors_total": 5})
    kept = [Path(name).read_text() for name in result.evidence["backups"]]
    assert sorted(kept) == sorted([TRIPPED, "5 consecutive errors\n"])


def test_a_release_stops_a_bot_that_remembers_its_trip(at_hand: Desk) -> None:
    """The latched process ends properly before its files are changed."""
    at_hand.start_bot()
    at_hand.flag.touch()
    wait_until(lambda: "flag present" in at_hand.log, "the bot holds")
    result = at_hand.act(SCENARIO, "release")
    assert result.status is Status.DONE
    assert live_bot(at_hand.root) is None
    assert "Shutdown complete" in at_hand.log
    assert at_hand.services.world.kill_switch(at_hand.bot).paused


def test_a_bot_that_does_not_stop_is_not_released(tmp_path: Path, simulator: Simulator) -> None:
    """Still running, still latched, and an error: never a kill."""

    def deaf(whole: dict[str, Any]) -> None:
        whole["bots"][0]["commands"]["stop"] = ["true"]

    with desk(tmp_path, simulator, deaf, stop_seconds=0.5) as at_hand:
        at_hand.start_bot()
        at_hand.flag.touch()
        with pytest.raises(ActionError) as failed:
            at_hand.act(SCENARIO, "release")
        assert failed.value.reason is ActionReason.NOT_STOPPED
        assert live_bot(at_hand.root) is not None
        assert at_hand.services.world.kill_switch(at_hand.bot).engaged


def test_a_release_is_read_back(at_hand: Desk) -> None:
    """Engaged again meanwhile means not released."""
    write_flat(at_hand)
    assert at_hand.act(SCENARIO, "verify_released").status is Status.DONE
    at_hand.flag.touch()
    assert at_hand.act(SCENARIO, "verify_released").status is Status.FAILED


def test_positions_must_agree_after_a_release(at_hand: Desk) -> None:
    """What the bot believes and what the exchange holds."""
    write_flat(at_hand)
    assert at_hand.act(SCENARIO, "verify_positions").status is Status.DONE
    at_hand.write("state/positions.json", '{"BTCUSDT": {"qty": "0.010"}}')
    result = at_hand.act(SCENARIO, "verify_positions")
    assert result.status is Status.FAILED
    assert "the bot says 0.010, the exchange says 0" in result.summary


def test_nothing_is_released_without_a_person(at_hand: Desk) -> None:
    """The whole run stops at the question, with the latch as it was."""
    write_flat(at_hand)
    at_hand.flag.write_text("stop\n")
    incident = at_hand.run(SCENARIO)
    assert incident.state is State.WAITING
    assert at_hand.flag.read_text() == "stop\n"
    (asked,) = at_hand.services.approvals.pending()
    assert asked.shown["cause"] == Cause.MANUAL
    assert at_hand.spawned == 0


def test_a_dry_run_ends_as_a_dry_run(tmp_path: Path, simulator: Simulator) -> None:
    """The latch that would have been released does not make the plan a failure."""
    with desk(tmp_path, simulator, dry_run=True) as at_hand:
        write_flat(at_hand)
        at_hand.flag.write_text("stop\n")
        incident = at_hand.run(SCENARIO)
        assert incident.outcome is Outcome.DRY_RUN, incident.reason
        assert at_hand.flag.read_text() == "stop\n"
        assert at_hand.services.escalations.open() == ()


def test_a_release_by_hand_ends_the_run(at_hand: Desk) -> None:
    """A person was quicker than the question: nothing to ask, nothing to stop."""
    write_flat(at_hand)
    at_hand.flag.write_text("stop\n")
    assert applies(at_hand, SCENARIO, "release") is None
    at_hand.flag.unlink()
    overtaken = applies(at_hand, SCENARIO, "release")
    assert isinstance(overtaken, StepResult)
    assert (overtaken.status, overtaken.outcome) == (Status.STOP, Outcome.CLEARED)


def test_only_what_was_approved_is_released(at_hand: Desk) -> None:
    """The latch changed between the approval and the act: nothing is touched."""
    write_flat(at_hand)
    at_hand.flag.write_text("stop\n")
    ctx = at_hand.context(SCENARIO)
    approved = binding(at_hand, SCENARIO, "release")
    at_hand.flag.write_text("a person's later note\n")
    result = step(SCENARIO, "release").act(ctx.with_step("release-test", approved))
    assert result.status is Status.FAILED
    assert at_hand.flag.read_text() == "a person's later note\n"


def test_the_advice_reaches_the_person(at_hand: Desk) -> None:
    """What identify found is shown with the question."""
    write_flat(at_hand)
    at_hand.write("state/kill_switch_state.json", TRIPPED)
    found = at_hand.act(SCENARIO, "identify")
    shown = binding(at_hand, SCENARIO, "release", identify=found).shown
    assert shown["cause"] is Cause.ERRORS
    assert "exchange refused" in shown["advice"]
    assert binding(at_hand, SCENARIO, "release", identify=done("x")).shown["cause"] == "unknown"
