"""The loops: who runs when, what waits, and how it all ends."""

import functools
import threading
from pathlib import Path

import pytest

from remediation.approval import ApprovalState
from remediation.engine import Engine
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, State
from remediation.playbooks.base import StepContext, StepResult, done, later
from tests.pipeline.rehearsal import Rehearsal, Script, playbook, rehearsal, working
from tests.stack.programs import wait_until

_PATIENCE = 60.0


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def wait_closed(stage: Rehearsal) -> None:
    """Wait until every incident has ended."""
    wait_until(
        lambda: all(i.state is State.CLOSED for i in stage.services.incidents.in_state()),
        "every incident is closed",
    )


def is_closed(stage: Rehearsal, incident_id: str) -> bool:
    """Whether an incident has ended."""
    return stage.incident(incident_id).state is State.CLOSED


def wait_rounds(stage: Rehearsal) -> None:
    """Wait until a whole round of dispatching has begun and ended from now on.

    Two incidents of beta's, one after the other; of a playbook ``quick`` that does nothing.
    """
    for _ in range(2):
        wait_until(functools.partial(is_closed, stage, stage.open("quick", bot="beta")), "a round")


def wait_for(event: threading.Event, what: str) -> None:
    """Wait for what another thread does."""
    assert event.wait(_PATIENCE), what


def test_the_most_urgent_goes_first(tmp_path: Path, script: Script) -> None:
    """Of what waits for an account, the lowest precedence runs first."""
    books = [
        playbook(name, script.step(name), precedence=precedence)
        for name, precedence in (("calm", 30), ("urgent", 10), ("middle", 20))
    ]
    with rehearsal(tmp_path, *books) as stage:
        for name in ("calm", "urgent", "middle"):
            stage.open(name)
        with working(stage):
            wait_closed(stage)
    assert script.acted == ["urgent", "middle", "calm"]


def test_one_run_at_a_time_per_account(tmp_path: Path, script: Script) -> None:
    """Two incidents of one account never act at the same moment."""
    at_once, most, lock = [0], [0], threading.Lock()

    def act(_: StepContext) -> StepResult:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        threading.Event().wait(0.05)
        with lock:
            at_once[0] -= 1
        return done("did it")

    books = [
        playbook(name, *(script.step(f"{name}{n}", act=act) for n in range(3)))
        for name in ("one", "two", "three")
    ]
    with rehearsal(tmp_path, *books) as stage, working(stage) as engine:
        for name in ("one", "two", "three"):
            stage.open(name)
            engine.wake()
        wait_closed(stage)
    assert most == [1]
    assert len(script.acted) == 9


def test_accounts_run_side_by_side(tmp_path: Path, script: Script) -> None:
    """A slow run of one account does not hold up another's."""
    both = threading.Barrier(2, timeout=_PATIENCE)

    def meet(_: StepContext) -> StepResult:
        both.wait()
        return done("met")

    book = playbook("made_up", script.step("meet", act=meet))
    with rehearsal(tmp_path, book) as stage, working(stage):
        ids = [stage.open("made_up", bot="alpha"), stage.open("made_up", bot="beta")]
        wait_closed(stage)
        assert [stage.incident(i).outcome for i in ids] == [Outcome.RECOVERED] * 2


def test_a_run_that_waits_for_a_person_blocks_nobody(tmp_path: Path, script: Script) -> None:
    """Even a less urgent incident of the account runs meanwhile; the answer resumes it."""
    asking = playbook("asking", script.human("release"), precedence=10)
    with (
        rehearsal(tmp_path, asking, playbook("other", script.step("other"))) as stage,
        working(stage) as engine,
    ):
        first = stage.open("asking")
        wait_until(stage.services.approvals.pending, "the question")
        second = stage.open("other")
        wait_until(lambda: stage.incident(second).state is State.CLOSED, "the other runs")
        assert stage.incident(first).state is State.WAITING
        stage.answer(ApprovalState.APPROVED)
        engine.wake()
        wait_closed(stage)
        assert script.acted == ["other", "release"]


def test_a_wait_ends_on_the_boot_clock(tmp_path: Path, script: Script) -> None:
    """Not by repairing the wall clock, but when its seconds have really passed."""
    answers = [later("not yet", 60.0), done("now")]
    book = playbook("made_up", script.step("wait", act=lambda _: answers.pop(0)))
    with rehearsal(tmp_path, book, playbook("quick")) as stage, working(stage):
        incident_id = stage.open("made_up")
        wait_until(lambda: stage.incident(incident_id).state is State.WAITING, "it waits")
        stage.clock.step_wall(3600)
        wait_rounds(stage)
        assert stage.incident(incident_id).state is State.WAITING
        stage.clock.sleep(60)
        wait_closed(stage)
        assert stage.incident(incident_id).outcome is Outcome.RECOVERED


def test_a_question_expires_on_the_boot_clock(tmp_path: Path, script: Script) -> None:
    """No answer within the limit becomes a call, however the wall clock jumps."""
    books = (playbook("made_up", script.human("release")), playbook("quick"))
    with rehearsal(tmp_path, *books, approval_seconds=600.0) as stage, working(stage):
        incident_id = stage.open("made_up")
        wait_until(stage.services.approvals.pending, "the question")
        stage.clock.step_wall(86_400)
        wait_rounds(stage)
        assert stage.services.approvals.pending()
        stage.clock.sleep(600)
        wait_closed(stage)
        assert stage.incident(incident_id).outcome is Outcome.ESCALATED
        assert script.acted == []


def test_an_incident_without_a_playbook_blocks_nobody(tmp_path: Path, script: Script) -> None:
    """A playbook taken away since is handed over; the others are dispatched as ever."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        lost = stage.open("made_up", bot="beta")
        stage.services.journal.execute("UPDATE incidents SET scenario = 'gone'")
        kept = stage.open("made_up")
        with working(stage):
            wait_closed(stage)
        assert stage.incident(lost).outcome is Outcome.ESCALATED
        assert stage.incident(kept).outcome is Outcome.RECOVERED


def test_a_run_that_fails_in_our_own_code_is_handed_over(tmp_path: Path, script: Script) -> None:
    """Nobody knows how far it came: interrupted, a person is called, the loops go on."""

    def broken(_: StepContext) -> str | None:
        raise ZeroDivisionError

    bad = playbook("bad", script.step("never", applies=broken))
    with rehearsal(tmp_path, bad, playbook("good", script.step("good"))) as stage, working(stage):
        incident_id = stage.open("bad")
        wait_until(lambda: stage.incident(incident_id).state is State.CLOSED, "it is closed")
        assert stage.incident(incident_id).outcome is Outcome.INTERRUPTED
        assert stage.calls() == [EscalationKind.OUTCOME]
        stage.open("good")
        wait_closed(stage)
        assert script.acted == ["good"]


def test_an_incident_that_nobody_gets_round_to_becomes_a_call(
    tmp_path: Path, script: Script
) -> None:
    """Queued behind another run for too long: a person is told, once."""
    may_end = threading.Event()

    def slow(_: StepContext) -> StepResult:
        wait_for(may_end, "the end of the step")
        return done("did it")

    first = playbook("first", script.step("slow", act=slow), precedence=10)
    books = (first, playbook("second"), playbook("quick"))
    with rehearsal(tmp_path, *books, defer_escalate_seconds=600.0) as stage, working(stage):
        running = stage.open("first")
        wait_until(lambda: script.acted, "the first runs")
        stage.open("second")
        stage.clock.sleep(599)
        wait_rounds(stage)
        assert stage.calls() == []
        stage.clock.sleep(1)
        wait_until(lambda: stage.calls() == [EscalationKind.DEFERRED], "a person is called")
        may_end.set()
        wait_closed(stage)
        assert stage.incident(running).outcome is Outcome.RECOVERED


def test_a_running_incident_that_nobody_runs_is_handed_over(tmp_path: Path, script: Script) -> None:
    """Its thread is gone and its end could not be written then: it does not stay locked."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book) as stage, working(stage):
        incident_id = stage.open("made_up", bot="beta")
        wait_closed(stage)
        stage.services.journal.execute(
            "UPDATE incidents SET state = 'running', outcome = NULL WHERE id = ?", (incident_id,)
        )
        wait_closed(stage)
        assert stage.incident(incident_id).outcome is Outcome.INTERRUPTED


def test_a_report_is_written_and_not_essential(tmp_path: Path, script: Script) -> None:
    """A closed incident has its report; a full disk there does not stop the loops."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book) as stage, working(stage):
        first = stage.open("made_up")
        # It is written last, and whole: nothing else is being written there then.
        wait_until((tmp_path / f"data/reports/{first}.md").exists, "the report")
        for file in (tmp_path / "data/reports").iterdir():
            file.unlink()
        (tmp_path / "data/reports").rmdir()
        (tmp_path / "data/reports").touch()
        second = stage.open("made_up")
        wait_until(lambda: stage.incident(second).state is State.CLOSED, "the second ends")
        assert stage.incident(second).outcome is Outcome.RECOVERED


def test_stopping_finishes_the_step_and_the_next_start_goes_on(
    tmp_path: Path, script: Script
) -> None:
    """SIGTERM in the middle of a step: its result is kept, the rest is for the next receiver."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(_: StepContext) -> StepResult:
        begun.set()
        wait_for(may_end, "the end of the step")
        return done("did it")

    book = playbook("made_up", script.step("slow", act=slow), script.step("next"))
    with rehearsal(tmp_path, book) as stage:
        engine = Engine(stage.services)
        engine.start()
        incident_id = stage.open("made_up")
        engine.wake()
        wait_for(begun, "the step begins")
        stopping = threading.Thread(target=engine.stop, args=(_PATIENCE,))
        stopping.start()
        wait_until(lambda: not engine.ready, "the engine stops")
        may_end.set()
        stopping.join(_PATIENCE)
        assert not stopping.is_alive()
        assert stage.incident(incident_id).state is State.QUEUED
        assert stage.statuses(incident_id) == [("slow", "done")]
        with working(stage):
            wait_closed(stage)
        assert stage.incident(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["slow", "next"]


def test_nothing_is_begun_after_stopping(tmp_path: Path, script: Script) -> None:
    """What is accepted while the receiver ends stays queued."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        with working(stage) as engine:
            assert engine.ready
        incident_id = stage.open("made_up")
        engine.wake()
        assert stage.incident(incident_id).state is State.QUEUED
        assert script.acted == []
