"""A person between the question and the act: approve, deny, let it lapse, see it change."""

from pathlib import Path
from typing import Any

import pytest

from exporter.errors import Reason, SourceError
from remediation.approval import ApprovalState
from remediation.errors import PayloadError
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, State
from remediation.playbooks.base import StepContext, later
from tests.pipeline.rehearsal import Rehearsal, Script, playbook, rehearsal


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def test_a_human_step_asks_and_gives_the_account_up(tmp_path: Path, script: Script) -> None:
    """Until somebody answers nothing acts, a person is called, and others may run."""
    book = playbook("made_up", script.human("release", lambda: {"order": 7}), script.step("next"))
    with rehearsal(tmp_path, book, playbook("other", script.step("other"))) as stage:
        incident_id = stage.open("made_up")
        waiting = stage.run(incident_id)
        assert (waiting.state, waiting.retry_at) == (State.WAITING, None)
        assert stage.calls() == [EscalationKind.APPROVAL]
        assert stage.question().shown == {"what": "release"}
        assert stage.run(stage.open("other")).outcome is Outcome.RECOVERED
        stage.answer(ApprovalState.APPROVED)
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["other", "release", "next"]
        (approval,) = stage.services.approvals.of(incident_id)
        assert (approval.state, approval.actor) == (ApprovalState.USED, "alice")
        assert stage.calls() == []


def test_one_approval_allows_one_act(tmp_path: Path, script: Script) -> None:
    """A step that comes back as not yet has used its approval: the next time is asked for."""
    book = playbook("made_up", script.human("release", act=lambda _: later("not yet", 1.0)))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        first = stage.answer(ApprovalState.APPROVED)
        stage.again(incident_id)
        stage.again(incident_id)
        assert script.acted == ["release"]
        assert stage.question().id != first.id


def test_a_denial_ends_the_run_quietly(tmp_path: Path, script: Script) -> None:
    """The person who decided needs no call; his reason is kept."""
    with rehearsal(tmp_path, playbook("made_up", script.human("release"))) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.answer(ApprovalState.DENIED, "risk limit under review")
        incident = stage.again(incident_id)
        assert incident.outcome is Outcome.DENIED
        assert "alice denied it: risk limit under review" in incident.reason
        assert script.acted == []
        assert stage.calls() == []


def test_no_answer_becomes_a_call(tmp_path: Path, script: Script) -> None:
    """An expired question is never taken for a yes."""
    with rehearsal(tmp_path, playbook("made_up", script.human("release"))) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.services.approvals.settle(stage.question(), ApprovalState.EXPIRED)
        assert stage.again(incident_id).outcome is Outcome.ESCALATED
        assert script.acted == []
        assert stage.calls() == [EscalationKind.OUTCOME]


def test_a_change_after_the_approval_asks_again(tmp_path: Path, script: Script) -> None:
    """What was approved is what is acted on, or nothing is."""
    world = {"positions": "0.010"}
    book = playbook("made_up", script.human("release", lambda: dict(world)))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        first = stage.answer(ApprovalState.APPROVED)
        world["positions"] = "0.012"
        assert stage.again(incident_id).state is State.WAITING
        assert script.acted == []
        assert stage.question().digest != first.digest
        stage.answer(ApprovalState.APPROVED)
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        states = [a.state for a in stage.services.approvals.of(incident_id)]
        assert states == [ApprovalState.VOID, ApprovalState.USED]
        assert script.acted == ["release"]


def test_a_change_before_the_answer_voids_the_question(tmp_path: Path, script: Script) -> None:
    """A question about a state that is gone cannot be approved any more."""
    world = {"positions": "0.010"}
    book = playbook("made_up", script.human("release", lambda: dict(world)))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stale = stage.question()
        world["positions"] = "0.012"
        stage.again(incident_id)
        with pytest.raises(PayloadError) as refused:
            stage.services.approvals.answer(
                stale.id, ApprovalState.APPROVED, digest=stale.digest, actor="bob", reason="ok"
            )
        assert refused.value.status == 409
        assert stage.question().id != stale.id


def test_the_same_state_is_asked_about_once(tmp_path: Path, script: Script) -> None:
    """Looking again, as after a restart, repeats neither the question nor the call."""
    with rehearsal(tmp_path, playbook("made_up", script.human("release"))) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        first = stage.question()
        assert stage.again(incident_id).state is State.WAITING
        assert stage.question().id == first.id
        assert stage.calls() == [EscalationKind.APPROVAL]


@pytest.mark.parametrize(
    ("digest", "reason", "status"),
    [("another", "fine", 409), (None, "  ", 400)],
    ids=["not what was shown", "no reason"],
)
def test_an_answer_must_fit_its_question(
    tmp_path: Path, script: Script, digest: str | None, reason: str, status: int
) -> None:
    """The digest that was shown and a reason, or no approval."""
    with rehearsal(tmp_path, playbook("made_up", script.human("release"))) as stage:
        stage.run(stage.open("made_up"))
        asked = stage.question()
        with pytest.raises(PayloadError) as refused:
            stage.services.approvals.answer(
                asked.id,
                ApprovalState.APPROVED,
                digest=digest or asked.digest,
                actor="alice",
                reason=reason,
            )
        assert refused.value.status == status
        assert stage.question().id == asked.id


def test_what_cannot_be_bound_is_not_asked(tmp_path: Path, script: Script) -> None:
    """Nobody is asked to approve what cannot be read; one failed reading ends nothing."""

    def unreadable() -> dict[str, Any]:
        raise SourceError(Reason.TIMEOUT, "the exchange does not answer")

    with rehearsal(tmp_path, playbook("made_up", script.human("release", unreadable))) as stage:
        incident = stage.run(stage.open("made_up"))
        assert (incident.state, incident.outcome) == (State.WAITING, None)
        assert stage.services.approvals.pending() == ()


def test_a_denial_counts_also_while_the_step_is_blocked(tmp_path: Path, script: Script) -> None:
    """A no needs no reading of the world."""
    reasons: list[str] = []
    book = playbook(
        "made_up", script.human("release", blocked=lambda _: reasons[0] if reasons else None)
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.answer(ApprovalState.DENIED)
        reasons.append("the clock is wrong")
        assert stage.again(incident_id).outcome is Outcome.DENIED


def test_an_approved_step_still_waits_while_it_is_blocked(tmp_path: Path, script: Script) -> None:
    """Approval does not replace the reason that it must not happen yet."""
    reasons: list[str | None] = [None, "the clock is wrong", None]

    def blocked(_: StepContext) -> str | None:
        return reasons.pop(0)

    with rehearsal(tmp_path, playbook("made_up", script.human("go", blocked=blocked))) as stage:
        incident_id = stage.open("made_up")
        stage.run(incident_id)
        stage.answer(ApprovalState.APPROVED)
        assert stage.again(incident_id).wait_for == "the clock is wrong"
        assert script.acted == []
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["go"]


def ask(stage: Rehearsal) -> str:
    """Run until a person is asked; returns the incident's id."""
    incident_id = stage.open("made_up")
    stage.run(incident_id)
    return incident_id


def test_a_closed_incident_takes_its_question_back(tmp_path: Path, script: Script) -> None:
    """Nothing is left to approve when the run has been handed over."""
    world: dict[str, Any] = {"halted": None}
    book = playbook("made_up", script.human("go", blocked=lambda _: world["halted"]))
    with rehearsal(tmp_path, book, approval_seconds=60.0) as stage:
        incident_id = ask(stage)
        world["halted"] = "the venue is down"
        stage.again(incident_id)
        stage.clock.sleep(61)
        assert stage.again(incident_id).outcome is Outcome.ESCALATED
        assert stage.services.approvals.pending() == ()
        assert stage.calls() == [EscalationKind.OUTCOME]
