"""One run through its playbook: order, waits, people, limits and failures."""

from pathlib import Path
from typing import Any

import pytest

from exporter.errors import Reason, SourceError
from remediation.errors import ActionError, ActionReason
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, Severity, State
from remediation.playbooks.base import (
    Phase,
    StepContext,
    StepResult,
    done,
    later,
    skipped,
    stop,
)
from tests.pipeline.rehearsal import Script, playbook, rehearsal


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def test_every_phase_once_and_in_order(tmp_path: Path, script: Script) -> None:
    """A step acts between its intent and its result, once, in the playbook's order."""
    steps = [script.step(phase.name.lower(), phase) for phase in Phase]
    with rehearsal(tmp_path, playbook("made_up", *steps)) as stage:
        incident = stage.run(stage.open("made_up"))
        assert incident.outcome is Outcome.RECOVERED
        assert script.acted == [phase.name.lower() for phase in Phase]
        assert stage.statuses(incident.id) == [(name, "done") for name in script.acted]
        kinds = [r["kind"] for r in stage.services.journal.records(incident.id)]
        steps_only = [kind for kind in kinds if kind.startswith("step_")]
        assert steps_only == ["step_intent", "step_result"] * len(Phase)
        assert stage.calls() == []
        assert stage.reported == [incident.id]


def test_a_step_sees_what_earlier_ones_found(tmp_path: Path, script: Script) -> None:
    """Evidence goes on disk and comes back from it."""
    seen: list[Any] = []

    def look(ctx: StepContext) -> StepResult:
        seen.extend([ctx.found("first", "answer"), ctx.did("first"), ctx.found("no", "x", 7)])
        return skipped("looked")

    first = script.step("first", act=lambda _: done("found it", answer={"value": 42}))
    with rehearsal(tmp_path, playbook("made_up", first, script.step("second", act=look))) as stage:
        stage.run(stage.open("made_up"))
        assert seen == [{"value": 42}, True, 7]


def test_a_worsening_adds_the_steps_it_asks_for(tmp_path: Path, script: Script) -> None:
    """Containment that a warning did not need is made up for, even after the repair."""
    contain = script.step("contain", Phase.CONTAIN, min_severity=Severity.CRITICAL)
    wait = [later("not yet", 1.0), done("proved")]
    book = playbook(
        "made_up",
        contain,
        script.step("fix", changes=True),
        script.step("verify", Phase.VERIFY, act=lambda _: wait.pop(0)),
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up", "warning")
        stage.run(incident_id)
        assert stage.open("made_up", "critical") == incident_id
        # The worsening ends the wait by itself.
        assert stage.run(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["fix", "verify", "contain", "verify"]


def test_a_more_urgent_incident_takes_over_between_steps(tmp_path: Path, script: Script) -> None:
    """Pre-empted at the boundary, and then resumed where it was."""
    opened: list[str] = []

    def meanwhile(_: StepContext) -> StepResult:
        opened.append(stage.open("urgent"))
        return done("did it")

    calm = playbook("calm", script.step("one", act=meanwhile), script.step("two"), precedence=30)
    urgent = playbook("urgent", script.step("urgent"), precedence=10)
    with rehearsal(tmp_path, calm, urgent) as stage:
        first = stage.open("calm")
        assert stage.run(first).state is State.QUEUED
        assert stage.run(opened[0]).outcome is Outcome.RECOVERED
        assert stage.run(first).outcome is Outcome.RECOVERED
        assert script.acted == ["one", "urgent", "two"]


@pytest.mark.parametrize(("precedence", "bot"), [(30, "alpha"), (40, "alpha"), (10, "beta")])
def test_nothing_else_takes_over(tmp_path: Path, script: Script, precedence: int, bot: str) -> None:
    """An equal or lesser incident, or another account's, does not interrupt a run."""
    calm = playbook(
        "calm",
        script.step("one", act=lambda _: done(stage.open("other", bot=bot))),
        script.step("two"),
        precedence=30,
    )
    other = playbook("other", script.step("other"), precedence=precedence)
    with rehearsal(tmp_path, calm, other) as stage:
        assert stage.run(stage.open("calm")).outcome is Outcome.RECOVERED
        assert script.acted == ["one", "two"]


def test_shutdown_takes_over_between_steps_and_nothing_is_repeated(
    tmp_path: Path, script: Script
) -> None:
    """SIGTERM: the step at hand is finished, the next receiver goes on from there."""

    def shut_down(_: StepContext) -> StepResult:
        stage.stopping.set()
        return done("did it")

    book = playbook("made_up", script.step("one", act=shut_down), script.step("two"))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        assert stage.run(incident_id).state is State.QUEUED
        assert stage.statuses(incident_id) == [("one", "done")]
        stage.stopping.clear()
        assert stage.run(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["one", "two"]


def _raise(error: Exception) -> StepResult:
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ActionError(ActionReason.TIMEOUT, "hung"), "hung"),
        (SourceError(Reason.TIMEOUT, "no answer"), "no answer"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError"),
    ],
)
def test_a_failing_step_stops_the_run_and_calls_a_person(
    tmp_path: Path, script: Script, error: Exception, said: str
) -> None:
    """Foreseen or not, a failure is recorded, nothing follows it, and it pages."""
    book = playbook("made_up", script.step("bad", act=lambda _: _raise(error)), script.step("next"))
    with rehearsal(tmp_path, book) as stage:
        incident = stage.run(stage.open("made_up"))
        assert incident.outcome is Outcome.ESCALATED
        assert said in incident.reason
        assert script.acted == ["bad"]
        assert stage.statuses(incident.id) == [("bad", "failed")]
        assert stage.calls() == [EscalationKind.OUTCOME]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.RECOVERED])
def test_a_step_may_end_the_run(tmp_path: Path, script: Script, outcome: Outcome) -> None:
    """STOP closes with the step's outcome; a person is called unless all is well."""
    book = playbook("made_up", script.step("end", act=lambda _: stop(outcome, "enough")))
    with rehearsal(tmp_path, book) as stage:
        assert stage.run(stage.open("made_up")).outcome is outcome
        assert bool(stage.calls()) == outcome.pages


def test_what_does_not_apply_is_skipped_with_its_reason(tmp_path: Path, script: Script) -> None:
    """A step that is not needed leaves a record and does not act."""
    unneeded = script.step("unneeded", applies=lambda _: "nothing to do")
    with rehearsal(tmp_path, playbook("made_up", unneeded, script.step("next"))) as stage:
        incident = stage.run(stage.open("made_up"))
        assert incident.outcome is Outcome.RECOVERED
        assert script.acted == ["next"]
        assert stage.summary(incident.id, "unneeded") == "nothing to do"


def test_a_worsening_at_the_last_moment_is_not_lost(tmp_path: Path, script: Script) -> None:
    """It joins while the last step acts: the run goes on to what critical asks for."""
    contain = script.step("contain", Phase.CONTAIN, min_severity=Severity.CRITICAL)
    last = script.step("last", act=lambda _: done(stage.open("made_up", "critical")), changes=True)
    with rehearsal(tmp_path, playbook("made_up", contain, last)) as stage:
        incident = stage.run(stage.open("made_up", "warning"))
        assert incident.outcome is Outcome.RECOVERED
        assert script.acted == ["last", "contain"]


def test_a_crash_between_a_bad_result_and_the_end_is_made_up_for(
    tmp_path: Path, script: Script
) -> None:
    """The step's failure is on disk, the incident is not closed: nothing further acts."""
    with rehearsal(tmp_path, playbook("made_up", script.step("one"), script.step("two"))) as stage:
        incident_id = stage.open("made_up")
        stop_here = stop(Outcome.INEFFECTIVE, "no use")
        stage.services.steps.note(incident_id, script.step("one"), stop_here)
        assert stage.run(incident_id).outcome is Outcome.INEFFECTIVE
        assert script.acted == []


@pytest.mark.parametrize("part", ["applies", "blocked"])
def test_a_condition_that_cannot_be_read_fails_the_step(
    tmp_path: Path, script: Script, part: str
) -> None:
    """Not knowing whether a step may happen is not permission."""

    def unreadable(_: StepContext) -> str | None:
        raise SourceError(Reason.UNREADABLE, "no such file")

    conditions: dict[str, Any] = {part: unreadable}
    book = playbook("made_up", script.step("fix", changes=True, **conditions))
    with rehearsal(tmp_path, book) as stage:
        assert stage.run(stage.open("made_up")).outcome is Outcome.ESCALATED
        assert script.acted == []


@pytest.mark.parametrize("part", ["bot", "playbook"])
def test_what_is_not_configured_any_more_is_handed_over(
    tmp_path: Path, script: Script, part: str
) -> None:
    """An incident outlives a change of the configuration, but nothing acts on it."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        incident_id = stage.open("made_up")
        column, value = ("bot", "gone") if part == "bot" else ("scenario", "gone")
        stage.services.journal.execute(f"UPDATE incidents SET {column} = ?", (value,))
        assert stage.run(incident_id).outcome is Outcome.ESCALATED
        assert script.acted == []
        assert stage.calls() == [EscalationKind.OUTCOME]


def test_evidence_is_redacted_on_disk(tmp_path: Path, script: Script) -> None:
    """What a step keeps may come from a log; secrets in it do not reach the journal."""
    secret = "api_secret=" + "a1B2" * 16
    step = script.step("look", act=lambda _: done(f"saw {secret}", lines=[secret, {"x": secret}]))
    with rehearsal(tmp_path, playbook("made_up", step)) as stage:
        stage.run(stage.open("made_up"))
    for file in (tmp_path / "data").iterdir():
        assert b"a1B2a1B2" not in file.read_bytes()
