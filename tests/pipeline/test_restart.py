"""What a crash left behind, settled before anything new begins (one process, no real crash)."""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from exporter.config import Bot, Commands
from remediation.actuators import MARKER
from remediation.actuators.command import Running
from remediation.actuators.sessions import marker_of
from remediation.approval import ApprovalState
from remediation.bot_state import BotStateName
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, State
from remediation.playbooks.base import later
from remediation.restart import settle_interrupted
from tests.pipeline.crash_ground import is_alive
from tests.pipeline.rehearsal import Rehearsal, Script, playbook, rehearsal, working
from tests.stack.programs import wait_until


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def cut_off(stage: Rehearsal, script: Script) -> tuple[str, str]:
    """An incident whose step was intended and never ended; ids of both."""
    incident_id = stage.open("made_up")
    assert stage.services.incidents.claim(stage.incident(incident_id))
    return incident_id, stage.services.steps.intend(incident_id, script.step("fix"))


def settle(stage: Rehearsal) -> None:
    """What the engine does at its start."""
    settle_interrupted(stage.services, stage.reported.append)


def interruption(stage: Rehearsal, incident_id: str) -> dict[str, Any]:
    """What was recorded when the cut-off step was settled."""
    records = stage.services.journal.records(incident_id)
    (body,) = [dict(r["body"]) for r in records if r["kind"] == "step_interrupted"]
    return body


def test_a_cut_off_step_is_never_done_again(tmp_path: Path, script: Script) -> None:
    """Interrupted, reported, a person called; the account is free for the next incident."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        incident_id, step_id = cut_off(stage, script)
        with working(stage):
            assert stage.incident(incident_id).outcome is Outcome.INTERRUPTED
            assert stage.calls() == [EscalationKind.OUTCOME]
            assert (tmp_path / f"data/reports/{incident_id}.md").exists()
            assert script.acted == []
            second = stage.open("made_up")
            wait_until(lambda: stage.incident(second).state is State.CLOSED, "the next one runs")
        assert stage.statuses(incident_id) == [("fix", None)]
        assert interruption(stage, incident_id)["id"] == step_id


def test_settling_twice_changes_nothing(tmp_path: Path, script: Script) -> None:
    """A crash while settling, or two starts: the second finds nothing to do."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        incident_id, _ = cut_off(stage, script)
        settle(stage)
        records = len(stage.services.journal.records(incident_id))
        settle(stage)
        assert len(stage.services.journal.records(incident_id)) == records
        assert stage.reported == [incident_id]


def test_between_two_steps_nothing_is_in_doubt(tmp_path: Path, script: Script) -> None:
    """A running incident whose steps are all settled goes on where it was."""
    book = playbook("made_up", script.step("one"), script.step("two"))
    with rehearsal(tmp_path, book) as stage:
        incident_id, _ = stage.open("made_up"), None
        assert stage.services.incidents.claim(stage.incident(incident_id))
        stage.services.steps.note(incident_id, script.step("one"), later("not yet", 1.0))
        with working(stage):
            wait_until(lambda: stage.incident(incident_id).state is State.CLOSED, "it ends")
        assert stage.incident(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["one", "two"]


def test_a_wait_of_another_boot_is_over(tmp_path: Path, script: Script) -> None:
    """A host that was up for weeks restarts: its wait must not last for weeks."""
    answers = [later("not yet", 5.0)]
    book = playbook("made_up", script.step("wait", act=lambda _: answers.pop(0)))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        assert stage.run(incident_id).retry_at is not None
        stage.clock.reboot(uptime=30.0, wall_passed=60.0)
        settle(stage)
        assert stage.incident(incident_id).state is State.QUEUED


def test_a_question_survives(tmp_path: Path, script: Script) -> None:
    """What waits for a person goes on waiting, and his answer still counts."""
    with rehearsal(tmp_path, playbook("made_up", script.human("release"))) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        settle(stage)
        assert stage.incident(incident_id).state is State.WAITING
        stage.answer(ApprovalState.APPROVED)
        with working(stage):
            wait_until(lambda: stage.incident(incident_id).state is State.CLOSED, "it ends")
        assert script.acted == ["release"]


def test_a_report_that_cannot_be_written_does_not_stop_the_start(
    tmp_path: Path, script: Script
) -> None:
    """The journal holds it all; a full disk elsewhere must not keep the receiver down."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        incident_id, _ = cut_off(stage, script)
        (tmp_path / "data/reports").touch()
        with working(stage) as engine:
            assert engine.ready
        assert stage.incident(incident_id).outcome is Outcome.INTERRUPTED


def test_its_processes_are_ended(tmp_path: Path, script: Script) -> None:
    """The step's command and a child that left its session; another step's are not."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        _, step_id = cut_off(stage, script)
        spawn = stage.services.hands.command.spawn
        argv = ["sh", "-c", "setsid sleep 300 & exec sleep 300"]
        running = spawn(argv, cwd=tmp_path, step_id=step_id)
        other = spawn(["sleep", "300"], cwd=tmp_path, step_id="other-1")
        try:
            wait_until(lambda: len(marked(step_id)) == 2, "command and child run")
            wait_until(lambda: len(marked("other-1")) == 1, "the other runs")
            settle(stage)
            assert not marked(step_id)
            assert len(marked("other-1")) == 1
        finally:
            end(running)
            end(other)


def test_a_bot_is_never_ended_with_the_step_that_started_it(tmp_path: Path, script: Script) -> None:
    """A start command that becomes the bot itself, against the rules: the bot lives on."""
    (tmp_path / "script_live.py").write_text("import threading\nthreading.Event().wait(300)\n")
    start = (sys.executable, "script_live.py")

    def with_start(bot: Bot) -> Bot:
        return msgspec.structs.replace(bot, root=str(tmp_path), commands=Commands(start=start))

    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, bots=with_start) as stage:
        incident_id, step_id = cut_off(stage, script)
        command = stage.services.hands.command
        running = command.spawn(start, cwd=tmp_path, step_id=step_id, detach=True)
        try:
            wait_until(lambda: stage.services.world.process(stage.bot()).up, "the bot lives")
            settle(stage)
            assert interruption(stage, incident_id)["killed"] == []
            assert running.exit_status is None
        finally:
            end(running)


@pytest.mark.parametrize(
    ("exposure", "proves", "contained"),
    [(True, False, True), (False, True, True), (False, False, False)],
)
def test_a_step_that_lets_the_bot_trade_is_contained_again(
    tmp_path: Path, script: Script, *, exposure: bool, proves: bool, contained: bool
) -> None:
    """Cut off there, the bot may trade without its proof: the pause is back before all else."""
    step = script.step("fix", changes=True, exposure=exposure, proves=proves)
    with rehearsal(tmp_path, playbook("made_up", step)) as stage:
        (tmp_path / "bot/state").mkdir()
        incident_id, _ = cut_off(stage, script)
        settle(stage)
        assert (tmp_path / "bot/state/kill_switch.flag").exists() == contained
        state = stage.services.states.get("alpha").state
        assert (state is BotStateName.PAUSED) == contained
        assert stage.incident(incident_id).outcome is Outcome.INTERRUPTED


def marked(step_id: str) -> list[int]:
    """Living processes with a step's mark, other than this one."""
    return [
        process.pid
        for process in psutil.process_iter()
        if process.pid != os.getpid() and marker_of(process) == step_id and is_alive(process)
    ]


def end(running: Running) -> None:
    """Leave nothing behind, and reap it."""
    for process in running.processes():
        process.kill()
    wait_until(lambda: running.exit_status is not None, f"the holder of {MARKER} ends")
    running.close()
