"""Whole runs of the clock playbook on the simulator: what is touched, and what never is."""

from pathlib import Path

import pytest

from remediation.incident import Outcome, State
from remediation.playbooks.clock_drift import CLOCK_DRIFT
from tests.playbooks.desk import Desk, desk, write_flat
from tests.sim.simulator import Simulator

SCENARIO = CLOCK_DRIFT.scenario


def test_an_exchange_that_is_off_is_escalated_and_no_command_runs(at_hand: Desk) -> None:
    """The whole run: contained, the verdict, a person; the clock is not touched."""
    write_flat(at_hand)
    at_hand.fault(SCENARIO, where="exchange", offset_seconds=3.0)
    incident = at_hand.run(SCENARIO)
    assert incident.outcome is Outcome.ESCALATED
    statuses = at_hand.statuses(incident)
    assert list(statuses) == ["evidence", "confirm", "pause", "impact", "who_is_wrong"]
    assert statuses["who_is_wrong"] == "stop"
    assert at_hand.repairs == []
    assert at_hand.spawned == 0
    assert at_hand.services.world.kill_switch(at_hand.bot).paused
    (call,) = at_hand.services.escalations.open()
    assert str(at_hand.bot.paths.kill_switch_flag) in call.summary


def test_a_warning_repairs_without_touching_the_bot(at_hand: Desk) -> None:
    """Below the kill limit the bot trades on: no pause, no dry-run, no resume."""
    write_flat(at_hand)
    at_hand.fault(SCENARIO, offset_seconds=0.8)
    incident = at_hand.run(SCENARIO, "warning")
    assert incident.outcome is Outcome.RECOVERED, incident.reason
    assert at_hand.repairs == ["slew"]
    assert not at_hand.flag.exists()
    statuses = at_hand.statuses(incident)
    assert "pause" not in statuses
    resume = ("doctor", "dry_run", "lift_pause", "live_proof")
    assert [statuses[name] for name in resume] == ["skipped"] * len(resume)


def test_a_repair_that_does_not_end_the_alert_is_ineffective(at_hand: Desk) -> None:
    """Our own reading is not enough: Prometheus must agree."""
    write_flat(at_hand)
    at_hand.fault(SCENARIO, offset_seconds=0.8)
    at_hand.alerting.fires.append({"bot": "alpha", "scenario": SCENARIO, "remediate": "true"})
    assert at_hand.run(SCENARIO, "warning").outcome is Outcome.INEFFECTIVE


@pytest.mark.parametrize(
    ("healthy", "down", "outcome"),
    [(False, False, Outcome.INEFFECTIVE), (True, True, Outcome.UNPROVEN)],
    ids=["no healthy value", "Prometheus down"],
)
def test_silence_is_no_proof(at_hand: Desk, *, healthy: bool, down: bool, outcome: Outcome) -> None:
    """An alert that is absent because its series is, or unreadable, has not ended."""
    write_flat(at_hand)
    at_hand.fault(SCENARIO, offset_seconds=0.8)
    at_hand.alerting.healthy, at_hand.alerting.down = healthy, down
    assert at_hand.run(SCENARIO, "warning").outcome is outcome


def test_a_dry_run_leaves_the_clock_alone(tmp_path: Path, simulator: Simulator) -> None:
    """It says what it would do, and nothing more."""
    with desk(tmp_path, simulator, dry_run=True) as at_hand:
        write_flat(at_hand)
        at_hand.fault(SCENARIO, offset_seconds=0.8)
        incident = at_hand.run(SCENARIO)
        assert incident.outcome is Outcome.DRY_RUN, incident.reason
        assert at_hand.repairs == []
        assert at_hand.spawned == 0
        assert not at_hand.flag.exists()


def test_a_drift_at_the_limit_is_looked_at_again(at_hand: Desk) -> None:
    """One witness just beyond it, the other just within: too early to act or to page."""
    write_flat(at_hand)
    clocks = at_hand.simulator.world.clocks
    # As far from the limit as their agreement allows: each reading has an error of its own.
    clocks.local, clocks.ntp, clocks.exchange = 0.5, -0.06, 0.06
    incident = at_hand.run(SCENARIO, "warning")
    assert incident.state is State.WAITING
    assert incident.retry_at is not None
    assert at_hand.services.escalations.open() == ()
    assert at_hand.repairs == []
