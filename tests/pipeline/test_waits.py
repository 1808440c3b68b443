"""What a run waits for without a person, and what it believes when it comes back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from remediation.escalation import EscalationKind
from remediation.incident import Outcome, Severity, State
from remediation.playbooks.base import Phase, StepContext, StepResult, done, later, stop
from tests.pipeline.rehearsal import Script, playbook, rehearsal


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def test_later_gives_the_account_up_and_tries_again(tmp_path: Path, script: Script) -> None:
    """Not yet: another incident of the account may run meanwhile; the next attempt settles."""
    answers = [later("not yet", 7.0), done("now")]
    waits = playbook("waits", script.step("wait", act=lambda _: answers.pop(0)), precedence=10)
    with rehearsal(tmp_path, waits, playbook("other", script.step("other"))) as stage:
        first, second = stage.open("waits"), stage.open("other")
        waiting = stage.run(first)
        assert (waiting.state, waiting.wait_for) == (State.WAITING, "not yet")
        assert waiting.retry_at == stage.clock.moment.boottime + 7.0
        assert stage.run(second).outcome is Outcome.RECOVERED
        assert stage.again(first).outcome is Outcome.RECOVERED
        assert stage.statuses(first) == [("wait", "later"), ("wait", "done")]


def test_waiting_without_a_person_ends(tmp_path: Path, script: Script) -> None:
    """What is not yet for an hour becomes a person's concern."""
    book = playbook("made_up", script.step("wait", act=lambda _: later("not yet", 5.0)))
    with rehearsal(tmp_path, book, approval_seconds=3600.0) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.clock.step_wall(86_400)
        assert stage.again(incident_id).state is State.WAITING
        stage.clock.sleep(3601)
        assert stage.again(incident_id).outcome is Outcome.ESCALATED
        assert stage.calls() == [EscalationKind.OUTCOME]


def test_a_blocked_step_waits_and_is_judged_anew(tmp_path: Path, script: Script) -> None:
    """The reason that it must not happen yet is read again each time."""
    reasons: list[str | None] = ["the clock is wrong", "the clock is wrong", None]
    book = playbook("made_up", script.step("fix", blocked=lambda _: reasons.pop(0)))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        assert stage.run(incident_id).wait_for == "the clock is wrong"
        assert stage.again(incident_id).state is State.WAITING
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["fix"]


def test_a_step_that_is_overtaken_may_end_or_delay_the_run(tmp_path: Path, script: Script) -> None:
    """Not needed, with consequences: the run ends there, or looks again."""
    verdicts = [later("not yet", 1.0), stop(Outcome.CLEARED, "done by hand")]
    book = playbook("made_up", script.step("fix", applies=lambda _: verdicts.pop(0)))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        assert stage.run(incident_id).wait_for == "not yet"
        assert stage.again(incident_id).outcome is Outcome.CLEARED
        assert script.acted == []


def test_a_verification_perishes(tmp_path: Path, script: Script) -> None:
    """A green gate from before a long wait is asked again; from before a short one it is not."""
    answers = [later("not yet", 1.0), later("not yet", 1.0), done("go")]
    book = playbook(
        "made_up",
        script.step("verify", Phase.VERIFY, perishes=True),
        script.step("fix", changes=True),
        script.step("resume", Phase.RESUME, resumes=True, act=lambda _: answers.pop(0)),
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.clock.sleep(60)
        stage.again(incident_id)
        assert script.acted == ["verify", "fix", "resume", "resume"]
        stage.clock.sleep(180)
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["verify", "fix", "resume", "resume", "verify", "resume"]


def test_a_worsening_takes_what_was_skipped_anew(tmp_path: Path, script: Script) -> None:
    """What did not apply to a warning applies behind the containment of a critical alert."""
    held: list[str] = []

    def contain(_: StepContext) -> StepResult:
        held.append("held")
        return done("held")

    book = playbook(
        "made_up",
        script.step(
            "contain",
            Phase.CONTAIN,
            act=contain,
            changes=True,
            min_severity=Severity.CRITICAL,
        ),
        script.step("repair", changes=True),
        script.step(
            "resume",
            Phase.RESUME,
            changes=True,
            resumes=True,
            applies=lambda _: None if held else "this run holds no pause",
        ),
        script.step(
            "review",
            Phase.REVIEW,
            act=lambda _: done("quiet") if held else later("wait", 1.0),
        ),
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up", "warning")
        stage.run(incident_id)
        assert stage.open("made_up", "critical") == incident_id
        assert stage.run(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["repair", "review", "contain", "resume", "review"]


def test_a_worsening_while_a_question_is_prepared_is_not_lost(
    tmp_path: Path, script: Script
) -> None:
    """Containment does not wait for the answer to an older question."""
    during: list[Callable[[], object]] = []

    def bound() -> dict[str, str]:
        while during:
            during.pop()()
        return {}

    book = playbook(
        "made_up",
        script.step("contain", Phase.CONTAIN, changes=True, min_severity=Severity.CRITICAL),
        script.human("step", bound),
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up", "warning")
        during.append(lambda: stage.open("made_up", "critical"))
        assert stage.run(incident_id).state is State.QUEUED
        assert stage.run(incident_id).state is State.WAITING
        assert script.acted == ["contain"]


def test_a_run_that_leaves_its_pause_is_not_recovered(tmp_path: Path, script: Script) -> None:
    """Nobody would look at a bot that is paused for good."""

    def pause(ctx: StepContext) -> StepResult:
        stage.world.paused_by = ctx.incident.id
        return done("held")

    book = playbook("made_up", script.step("contain", Phase.CONTAIN, pause, changes=True))
    with rehearsal(tmp_path, book) as stage:
        incident = stage.run(stage.open("made_up"))
        assert incident.outcome is Outcome.ESCALATED
        assert stage.calls() == [EscalationKind.OUTCOME]


def test_once_resumed_nothing_is_verified_again(tmp_path: Path, script: Script) -> None:
    """What was verified has served its turn when the bot trades."""
    answers = [later("not yet", 1.0), done("quiet")]
    book = playbook(
        "made_up",
        script.step("verify", Phase.VERIFY, perishes=True),
        script.step("resume", Phase.RESUME, resumes=True),
        script.step("review", Phase.REVIEW, act=lambda _: answers.pop(0)),
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.clock.sleep(600)
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["verify", "resume", "review", "review"]


def test_a_step_that_waits_lets_go_of_the_account(tmp_path: Path, script: Script) -> None:
    """Inside a long wait as between steps: a more urgent incident, a worsening, shutdown."""
    seen: list[str | None] = []

    def act(ctx: StepContext) -> StepResult:
        seen.append(ctx.urgent())
        stage.open("urgent")
        seen.append(ctx.urgent())
        return ctx.pause_or_yield(0.0) or done("never")

    calm = playbook("calm", script.step("wait", act=act), precedence=30)
    urgent = playbook("urgent", script.step("urgent"), precedence=10)
    with rehearsal(tmp_path, calm, urgent) as stage:
        assert stage.run(stage.open("calm")).state is State.WAITING
        assert seen[0] is None
        assert "goes first" in (seen[1] or "")
