"""Clock drift, step by step: who is wrong, what is touched, and what never is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remediation.errors import ActionError
from remediation.incident import Outcome
from remediation.playbooks.base import Status, done
from remediation.playbooks.clock_drift import CLOCK_DRIFT
from tests.playbooks.desk import Desk, applies, binding, desk, write_flat
from tests.sim.simulator import Simulator

SCENARIO = CLOCK_DRIFT.scenario


def with_clock_commands(slew: list[str] | None, step_: list[str] | None) -> Callable[..., None]:
    """Configure other clock commands; None leaves one out."""
    given = {"slew": slew, "step": step_}

    def change(whole: dict[str, Any]) -> None:
        commands = whole["bots"][0]["commands"]
        commands["resync_clock"] = {name: argv for name, argv in given.items() if argv}

    return change


@pytest.mark.parametrize(
    ("fault", "status", "outcome", "blamed"),
    [
        ({}, Status.DONE, None, "nobody"),
        ({"where": "local", "offset_seconds": 0.8}, Status.DONE, None, "local"),
        ({"where": "local", "offset_seconds": -0.8}, Status.DONE, None, "local"),
        ({"where": "exchange"}, Status.STOP, Outcome.ESCALATED, "exchange"),
        ({"where": "exchange", "offset_seconds": -3.0}, Status.STOP, Outcome.ESCALATED, "exchange"),
        ({"where": "ntp"}, Status.STOP, Outcome.ESCALATED, "ntp"),
        # One liar among four time servers is outvoted.
        ({"where": "ntp_one"}, Status.DONE, None, "nobody"),
    ],
)
def test_who_is_wrong(
    at_hand: Desk, fault: dict[str, Any], status: Status, outcome: Outcome | None, blamed: str
) -> None:
    """Measured anew, judged, and written down with the signs of the runbook."""
    if fault:
        at_hand.fault(SCENARIO, **fault)
    result = at_hand.act(SCENARIO, "who_is_wrong")
    assert (result.status, result.outcome) == (status, outcome)
    assert result.evidence["blame"] == blamed
    ahead = fault.get("offset_seconds", 3.0) if fault else 0.0
    expected = {
        "ntp_offset_seconds": ahead if fault.get("where") in ("local", "ntp") else 0.0,
        "exchange_offset_seconds": ahead if fault.get("where") in ("local", "exchange") else 0.0,
    }
    for name, offset in expected.items():
        assert result.evidence[name] == pytest.approx(offset, abs=0.2)


@pytest.mark.parametrize("fires", [False, True])
def test_a_clock_that_is_right_is_cleared_if_prometheus_agrees(
    at_hand: Desk, *, fires: bool
) -> None:
    """Before anything is paused; a contradiction is a person's, nobody else would look."""
    if fires:
        at_hand.alerting.fires.append({"bot": "alpha", "scenario": SCENARIO, "remediate": "true"})
    result = at_hand.act(SCENARIO, "confirm")
    expected = Outcome.ESCALATED if fires else Outcome.CLEARED
    assert (result.status, result.outcome) == (Status.STOP, expected)


def test_a_clock_that_may_be_wrong_is_contained_first(at_hand: Desk) -> None:
    """Who is wrong is asked when the bot is safe, even when nothing can be measured."""
    at_hand.fault(SCENARIO, where="ntp")
    assert at_hand.act(SCENARIO, "confirm").status is Status.DONE
    names = [item.name for item in CLOCK_DRIFT.steps]
    assert names.index("confirm") < names.index("pause") < names.index("who_is_wrong")


def test_a_second_exchange_that_contradicts_stops_it(at_hand: Desk) -> None:
    """NTP and venue off together, the second exchange not: nothing is touched."""
    at_hand.simulator.world.clocks.ntp = at_hand.simulator.world.clocks.exchange = 3.0
    result = at_hand.act(SCENARIO, "who_is_wrong")
    assert (result.status, result.outcome) == (Status.STOP, Outcome.ESCALATED)
    assert result.evidence["blame"] == "unknown"


def test_a_second_exchange_that_is_down_is_one_opinion_less(
    tmp_path: Path, simulator: Simulator
) -> None:
    """Its absence is noted and does not keep the clock from being repaired."""

    def gone(whole: dict[str, Any]) -> None:
        whole["exporter"]["clock_references"][0]["base_url"] = "http://127.0.0.1:1"

    with desk(tmp_path, simulator, gone) as at_hand:
        at_hand.fault(SCENARIO, offset_seconds=0.8)
        result = at_hand.act(SCENARIO, "who_is_wrong")
        assert result.evidence["blame"] == "local"
        assert any("second exchange" in problem for problem in result.evidence["problems"])


@pytest.mark.parametrize("silent", ["ntp", "exchange"])
def test_without_both_witnesses_nothing_is_touched(
    tmp_path: Path, simulator: Simulator, silent: str
) -> None:
    """A view that is missing is not a view that agrees."""

    def cut(whole: dict[str, Any]) -> None:
        if silent == "ntp":
            whole["exporter"]["timeout_seconds"] = 0.5
            whole["exporter"]["ntp_servers"] = [f"127.0.0.1:{port}" for port in (1, 2, 3, 4)]
        else:
            whole["bots"][0]["venue"]["base_url"] = "http://127.0.0.1:1"

    with desk(tmp_path, simulator, cut) as at_hand:
        at_hand.fault(SCENARIO, offset_seconds=3.0)
        result = at_hand.act(SCENARIO, "who_is_wrong")
        assert (result.status, result.outcome) == (Status.STOP, Outcome.ESCALATED)
        assert at_hand.act(SCENARIO, "resync").status is Status.FAILED
        assert at_hand.act(SCENARIO, "step_clock").status is Status.FAILED
        assert at_hand.repairs == []


@pytest.mark.parametrize("where", [{"exchange": 3.0}, {"ntp": 3.0}, {"ntp": 3.0, "exchange": -3.0}])
@pytest.mark.parametrize("name", ["resync", "step_clock"])
def test_the_clock_is_touched_only_while_it_is_to_blame(
    at_hand: Desk, where: dict[str, float], name: str
) -> None:
    """Judged again right before: what has turned into another fault is not slewed away."""
    for clock, offset in where.items():
        setattr(at_hand.simulator.world.clocks, clock, offset)
    assert at_hand.act(SCENARIO, name).status is Status.FAILED
    assert at_hand.repairs == []
    assert at_hand.spawned == 0


@pytest.mark.parametrize("name", ["resync", "step_clock"])
def test_what_has_come_right_is_left_alone(at_hand: Desk, name: str) -> None:
    """A daemon was quicker."""
    assert at_hand.act(SCENARIO, name).status is Status.SKIPPED
    assert at_hand.spawned == 0


@pytest.mark.parametrize("offset", [0.8, -0.8])
def test_resync_slews_and_never_steps(at_hand: Desk, offset: float) -> None:
    """The automatic repair is the gentle one."""
    at_hand.fault(SCENARIO, offset_seconds=offset)
    result = at_hand.act(SCENARIO, "resync")
    assert result.status is Status.DONE
    assert result.evidence["slewed"] is True
    assert at_hand.repairs == ["slew"]
    synced = at_hand.act(SCENARIO, "await_sync", resync=result)
    assert synced.evidence["in_sync"] is True
    assert applies(at_hand, SCENARIO, "step_clock", await_sync=synced) == "slewing was enough"


@pytest.mark.parametrize(
    ("slew", "status", "said"),
    [
        (None, Status.SKIPPED, "a person's decision"),
        (["false"], Status.DONE, "slew command failed"),
        (["/nonexistent/clock-tool"], Status.DONE, "slew command failed"),
    ],
    ids=["none configured", "fails", "cannot be run"],
)
def test_a_slew_that_is_not_to_be_had_leads_to_a_question(
    tmp_path: Path, simulator: Simulator, slew: list[str] | None, status: Status, said: str
) -> None:
    """Not waited for, and not the end: stepping is offered to a person."""
    with desk(tmp_path, simulator, with_clock_commands(slew, ["true"])) as at_hand:
        at_hand.fault(SCENARIO, offset_seconds=0.8)
        result = at_hand.act(SCENARIO, "resync")
        assert result.status is status
        assert said in result.summary
        synced = at_hand.act(SCENARIO, "await_sync", resync=result)
        assert synced.evidence["in_sync"] is False
        assert applies(at_hand, SCENARIO, "step_clock", await_sync=synced) is None


def test_waiting_for_a_slew_gives_way_to_shutdown(tmp_path: Path, simulator: Simulator) -> None:
    """A slew takes its time; the receiver need not."""
    with desk(tmp_path, simulator, with_clock_commands(["true"], ["true"])) as at_hand:
        at_hand.fault(SCENARIO, offset_seconds=0.8)
        at_hand.stopping.set()
        told = done("told", slewed=True)
        assert at_hand.act(SCENARIO, "await_sync", resync=told).status is Status.LATER


def test_a_step_binds_the_command_and_about_how_far(tmp_path: Path, simulator: Simulator) -> None:
    """What creeps on while a person thinks does not void his answer; another thing does."""
    digests = []
    for number, (argv, offset) in enumerate(
        ((["true"], 0.80), (["true"], 0.82), (["true", "-x"], 0.8), (["true"], -0.8), (["true"], 3))
    ):
        change = with_clock_commands(None, argv)
        with desk(tmp_path / str(number), simulator, change) as at_hand:
            at_hand.fault(SCENARIO, offset_seconds=offset)
            digests.append(binding(at_hand, SCENARIO, "step_clock").digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_a_step_that_cannot_be_taken_is_not_asked_for(tmp_path: Path, simulator: Simulator) -> None:
    """Who configures no step command is not asked whether to run it."""
    with desk(tmp_path, simulator, with_clock_commands(["false"], None)) as at_hand:
        why = applies(at_hand, SCENARIO, "step_clock", await_sync=done("no", in_sync=False))
        assert why == "no command here steps the clock"


def test_an_approved_step_steps(at_hand: Desk) -> None:
    """With its own command, once, and under a paused bot."""
    write_flat(at_hand)
    at_hand.fault(SCENARIO, offset_seconds=0.8)
    assert at_hand.act(SCENARIO, "step_clock").status is Status.DONE
    assert at_hand.repairs == ["step"]
    assert at_hand.services.world.kill_switch(at_hand.bot).paused


def test_a_step_that_fails_is_an_error(tmp_path: Path, simulator: Simulator) -> None:
    """The run stops there, for a person."""
    with desk(tmp_path, simulator, with_clock_commands(None, ["false"])) as at_hand:
        at_hand.fault(SCENARIO, offset_seconds=0.8)
        with pytest.raises(ActionError):
            at_hand.act(SCENARIO, "step_clock")


@pytest.mark.parametrize("where", ["local", "exchange", "ntp"])
def test_the_repair_is_proved_against_both(at_hand: Desk, where: str) -> None:
    """Either of them still off means not repaired."""
    assert at_hand.act(SCENARIO, "verify_clock").status is Status.DONE
    at_hand.fault(SCENARIO, where=where, offset_seconds=0.8)
    assert at_hand.act(SCENARIO, "verify_clock").status is Status.FAILED
