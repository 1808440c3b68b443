"""A crash, step by step: was it one, what did it leave, and one careful start."""

from pathlib import Path
from typing import Any

import pytest

from remediation.bot_state import BotStateName
from remediation.errors import ActionError
from remediation.incident import Outcome, State
from remediation.playbooks.base import Status, done
from remediation.playbooks.process_crash import PROCESS_CRASH
from tests.playbooks.desk import Desk, applies, binding, desk, write_flat
from tests.sim.processes import live_bot
from tests.sim.simulator import Simulator
from tests.stack.programs import wait_until

SCENARIO = PROCESS_CRASH.scenario


def test_a_killed_bot_has_crashed(at_hand: Desk) -> None:
    """Gone without a word."""
    at_hand.start_bot_and_crash()
    result = at_hand.act(SCENARIO, "what_happened")
    assert result.status is Status.DONE
    assert result.evidence["last_exit"] == "unclean"
    assert result.evidence["log_tail"]


def test_a_bot_that_left_no_word_at_all_is_a_persons(at_hand: Desk) -> None:
    """No log tells whether it crashed or was stopped: not started by guesswork."""
    write_flat(at_hand)
    result = at_hand.act(SCENARIO, "what_happened")
    assert (result.status, result.outcome) == (Status.STOP, Outcome.ESCALATED)


def test_orphans_are_looked_for_once_more_before_the_start(at_hand: Desk) -> None:
    """Nothing new, or exactly what a person has accepted; anything else stops."""
    at_hand.start_bot_and_crash()
    assert at_hand.act(SCENARIO, "verify_orphans").status is Status.DONE
    accepted = at_hand.act(SCENARIO, "accept_orphans")
    at_hand.write("state/positions.json", "{}")
    assert at_hand.act(SCENARIO, "verify_orphans").status is Status.FAILED
    changed = at_hand.act(SCENARIO, "verify_orphans", accept_orphans=accepted)
    assert changed.status is Status.FAILED
    accepted = at_hand.act(SCENARIO, "accept_orphans")
    same = at_hand.act(SCENARIO, "verify_orphans", accept_orphans=accepted)
    assert same.status is Status.DONE


@pytest.mark.parametrize("signal", ["TERM", None], ids=["stopped", "running"])
def test_a_stopped_or_running_bot_has_not(at_hand: Desk, signal: str | None) -> None:
    """A person's stop is respected, and an alert that came too late does nothing."""
    at_hand.start_bot()
    if signal is not None:
        at_hand.fault(SCENARIO, signal=signal)
    result = at_hand.act(SCENARIO, "what_happened")
    assert (result.status, result.outcome) == (Status.STOP, Outcome.CLEARED)


def test_a_clean_crash_leaves_no_orphans(at_hand: Desk) -> None:
    """Killed between two steps: file and exchange agree, its own order is its own."""
    at_hand.start_bot_and_crash()
    found = at_hand.act(SCENARIO, "orphans")
    assert found.evidence["orphans"] == []
    assert applies(at_hand, SCENARIO, "accept_orphans", orphans=found) == "there are no orphans"


def test_orders_and_positions_nobody_knows_are_orphans(at_hand: Desk) -> None:
    """A resting order that is not the bot's, and a position that is not in its file."""
    at_hand.start_bot_and_crash(orphan=True)
    at_hand.write("state/positions.json", "{}")
    found = at_hand.act(SCENARIO, "orphans")
    position, order = found.evidence["orphans"]
    assert "order" in order
    assert position.startswith("BTCUSDT: the bot says 0, the exchange says 0.0")
    assert applies(at_hand, SCENARIO, "accept_orphans", orphans=found) is None


def test_accepting_binds_what_was_seen(at_hand: Desk) -> None:
    """Another order or another quantity is another question."""
    at_hand.start_bot_and_crash()
    digests = [binding(at_hand, SCENARIO, "accept_orphans").digest]
    assert binding(at_hand, SCENARIO, "accept_orphans").digest == digests[0]
    at_hand.write("state/positions.json", '{"BTCUSDT": {"qty": "0.001"}}')
    digests.append(binding(at_hand, SCENARIO, "accept_orphans").digest)
    at_hand.start_bot_and_crash(orphan=True)
    digests.append(binding(at_hand, SCENARIO, "accept_orphans").digest)
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("kernel", "log", "cores", "cause"),
    [
        ([], ["INFO fine"], [], "unknown"),
        ([], ["Traceback (most recent call last):", "ValueError: x"], [], "exception"),
        ([], ["Traceback (most recent call last):", "MemoryError"], [], "memory"),
        (["Out of memory: Killed process 7 (python)"], ["INFO fine"], [], "memory"),
        (["oom-kill:constraint=CONSTRAINT_MEMCG"], [], [], "memory"),
        ([], ["INFO fine"], ["core.7"], "core"),
        (["usb 1-1: new device"], [], [], "unknown"),
    ],
)
def test_the_root_cause_is_named_from_the_evidence(
    at_hand: Desk, kernel: list[str], log: list[str], cores: list[str], cause: str
) -> None:
    """Memory, core dump, exception, or honestly unknown; none of them forbids a start."""
    result = at_hand.act(
        SCENARIO,
        "root_cause",
        evidence=done("kept", kernel_lines=kernel),
        what_happened=done("gone", log_tail=log, core_dumps=cores),
    )
    assert (result.status, result.evidence["cause"]) == (Status.DONE, cause)


def test_nothing_of_it_may_run_before_a_start(at_hand: Desk) -> None:
    """Neither a live bot nor a dry-run."""
    write_flat(at_hand)
    assert at_hand.act(SCENARIO, "verify_down").status is Status.DONE
    at_hand.start_bot("--dry-run")
    assert at_hand.act(SCENARIO, "verify_down").status is Status.FAILED
    assert at_hand.act("kill_switch", "start_live").status is Status.FAILED


def test_a_second_bot_is_never_started(at_hand: Desk) -> None:
    """A person was quicker: the run ends, his bot is left alone."""
    pid = at_hand.start_bot()
    result = at_hand.act(SCENARIO, "start_live")
    assert (result.status, result.outcome) == (Status.STOP, Outcome.ESCALATED)
    assert at_hand.act("kill_switch", "start_live").status is Status.FAILED
    found = live_bot(at_hand.root)
    assert found is not None
    assert found.pid == pid


def test_a_start_lifts_our_pause_and_starts_once(at_hand: Desk) -> None:
    """Paused, lifted, started, and proved by a heartbeat that moves."""
    at_hand.start_bot_and_crash()
    assert at_hand.act(SCENARIO, "pause").status is Status.DONE
    assert at_hand.services.states.get("alpha").state is BotStateName.PAUSED
    started = at_hand.act(SCENARIO, "start_live")
    assert started.status is Status.DONE
    assert not at_hand.flag.exists()
    assert at_hand.services.states.get("alpha").state is BotStateName.ACTIVE
    proof = at_hand.act(SCENARIO, "live_proof", start_live=started)
    assert proof.status is Status.DONE, proof.summary
    assert at_hand.log.count("mode live") == 2


def test_a_start_that_fails_contains_again(tmp_path: Path, simulator: Simulator) -> None:
    """Whatever half-started must not trade unseen."""

    def broken(whole: dict[str, Any]) -> None:
        whole["bots"][0]["commands"]["start"] = ["false"]

    with desk(tmp_path, simulator, broken) as at_hand:
        at_hand.start_bot_and_crash()
        at_hand.act(SCENARIO, "pause")
        with pytest.raises(ActionError):
            at_hand.act(SCENARIO, "start_live")
        assert at_hand.services.world.kill_switch(at_hand.bot).paused
        assert at_hand.services.states.get("alpha").state is BotStateName.PAUSED


def test_a_bot_that_is_not_proved_live_is_contained(tmp_path: Path, simulator: Simulator) -> None:
    """No process, or no heartbeat: the pause is back and a person is told."""
    with desk(tmp_path, simulator, live_proof_seconds=0.5) as at_hand:
        write_flat(at_hand)
        result = at_hand.act(SCENARIO, "live_proof", start_live=done("started"))
        assert result.status is Status.FAILED
        assert "0 live processes" in result.summary
        assert at_hand.services.world.kill_switch(at_hand.bot).paused


def test_a_slow_heartbeat_is_a_heartbeat(at_hand: Desk) -> None:
    """A bot that beats less often than we look is live, not dead."""
    at_hand.start_bot()
    assert at_hand.bot.heartbeat.file is not None
    # The bot beats every 0.25 s, the proof looks every 0.1 s.
    proof = at_hand.act(SCENARIO, "live_proof", start_live=done("started"))
    assert proof.status is Status.DONE, proof.summary


def test_a_halt_is_not_undone_by_a_run(at_hand: Desk) -> None:
    """A person halts the bot while it is being paused: his word stands."""
    write_flat(at_hand)
    at_hand.services.states.set("alpha", BotStateName.HALTED, actor="alice", reason="mine")
    at_hand.act(SCENARIO, "pause")
    state = at_hand.services.states.get("alpha")
    assert (state.state, state.actor) == (BotStateName.HALTED, "alice")


def test_orphans_are_a_persons_decision(at_hand: Desk) -> None:
    """The whole run waits, the bot stays down and paused."""
    at_hand.start_bot_and_crash(orphan=True)
    incident = at_hand.run(SCENARIO)
    assert incident.state is State.WAITING, incident.reason
    assert live_bot(at_hand.root) is None
    assert at_hand.services.world.kill_switch(at_hand.bot).paused
    (asked,) = at_hand.services.approvals.pending()
    assert asked.shown["orphans"]


def test_a_latched_bot_is_not_restarted(at_hand: Desk) -> None:
    """It crashed behind its kill switch: the start is left to who releases that."""
    at_hand.start_bot()
    at_hand.flag.touch()
    wait_until(lambda: "flag present" in at_hand.log, "the bot holds")
    at_hand.fault(SCENARIO)
    incident = at_hand.run(SCENARIO)
    assert incident.outcome is Outcome.ESCALATED
    assert "latched" in incident.reason
    assert live_bot(at_hand.root) is None
    assert at_hand.statuses(incident)["pause"] == "skipped"


def test_a_clean_stop_is_left_alone(at_hand: Desk) -> None:
    """The whole run: cleared, nothing started, nobody called."""
    at_hand.start_bot()
    at_hand.fault(SCENARIO, signal="TERM")
    incident = at_hand.run(SCENARIO)
    assert incident.outcome is Outcome.CLEARED
    assert live_bot(at_hand.root) is None
    assert at_hand.spawned == 0
    assert at_hand.services.escalations.open() == ()


def test_a_dry_run_starts_nothing(tmp_path: Path, simulator: Simulator) -> None:
    """The bot stays down; what would be done is in the record."""
    with desk(tmp_path, simulator, dry_run=True) as at_hand:
        at_hand.start_bot_and_crash()
        incident = at_hand.run(SCENARIO)
        assert incident.outcome is Outcome.DRY_RUN, incident.reason
        assert live_bot(at_hand.root) is None
        assert not at_hand.flag.exists()
        assert at_hand.spawned == 0


@pytest.mark.timeout(300)
def test_a_crashed_bot_is_started_again(at_hand: Desk) -> None:
    """The whole run on the simulator: one start, live, every step once."""
    at_hand.start_bot_and_crash()
    incident = at_hand.run(SCENARIO)
    assert incident.outcome is Outcome.RECOVERED, incident.reason
    assert live_bot(at_hand.root) is not None
    assert at_hand.log.count("mode live") == 2
    assert set(at_hand.statuses(incident)) == {step.name for step in PROCESS_CRASH.steps}
