"""All that the journal knows of one incident, gathered once for API, pages and report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.config import Bot
from remediation.approval import Approval
from remediation.escalation import Escalation
from remediation.incident import Incident, State
from remediation.playbooks.base import Phase, Playbook, Status, Step
from remediation.redact import redact
from remediation.services import Services
from remediation.step_log import StepRecord
from remediation.timing import Moment, elapsed

# Digests and hashes look like keys and are none.
_NOT_SECRET = frozenset({"digest", "hash", "id", "incident"})
_STAGES = {
    "contained": Phase.CONTAIN,
    "fixed": Phase.FIX,
    "verified": Phase.VERIFY,
    "resumed": Phase.RESUME,
}
LIVE_PROOF = "live_proof"


@dataclass(frozen=True)
class Call:
    """One call to a person, open or ended by somebody."""

    id: str
    kind: str
    summary: str
    is_open: bool
    actor: str
    reason: str
    raised: Moment


@dataclass(frozen=True)
class Dossier:
    """One incident with its steps, approvals, calls and chained records, in order."""

    incident: Incident
    playbook: Playbook | None
    steps: tuple[StepRecord, ...]
    approvals: tuple[Approval, ...]
    calls: tuple[Call, ...]
    records: tuple[Mapping[str, Any], ...]

    def of_phase(self, phase: Phase) -> tuple[StepRecord, ...]:
        """The attempts of one phase's steps, in order."""
        return tuple(step for step in self.steps if step.phase is phase)

    def planned(self, name: str) -> Step | None:
        """The playbook's own words about a step."""
        steps = self.playbook.steps if self.playbook is not None else ()
        return next((step for step in steps if step.name == name), None)


def read_dossier(services: Services, incident_id: str) -> Dossier | None:
    """Gather an incident; None if there is no such incident."""
    # One transaction: a step that ends meanwhile is wholly in or wholly out.
    with services.journal.transaction():
        incident = services.incidents.get(incident_id)
        if incident is None:
            return None
        calls = services.journal.rows(
            "SELECT * FROM escalations WHERE incident = ? ORDER BY rowid", (incident_id,)
        )
        return Dossier(
            incident=incident,
            playbook=services.playbooks.get(incident.scenario),
            steps=services.steps.of(incident_id),
            approvals=services.approvals.of(incident_id),
            calls=tuple(
                Call(
                    id=row["id"],
                    kind=row["kind"],
                    summary=row["summary"],
                    is_open=bool(row["open"]),
                    actor=row["actor"],
                    reason=row["reason"],
                    raised=Moment(row["boot_id"], row["boottime"], row["wall"]),
                )
                for row in calls
            ),
            records=tuple(services.journal.records(incident_id)),
        )


def stages(dossier: Dossier) -> dict[str, float | None]:
    """Boot-clock seconds at which each stage was over; None where it was not reached.

    A phase is over when a later one has begun or the incident is closed. A stage
    counts only if one of its steps did something: a dry run, or a phase in which every
    step was skipped, has no such moment. ``resumed`` needs the live proof.
    """
    reached: dict[str, float | None] = {"webhook": dossier.incident.opened.boottime}
    for name, phase in _STAGES.items():
        settled = [
            step
            for step in dossier.of_phase(phase)
            if step.status not in (None, Status.LATER) and step.ended_boottime is not None
        ]
        did = {step.name for step in settled if step.status is Status.DONE}
        is_over = dossier.incident.state is State.CLOSED or any(
            step.phase > phase for step in dossier.steps
        )
        counts = LIVE_PROOF in did if phase is Phase.RESUME else bool(did)
        reached[name] = settled[-1].ended_boottime if counts and is_over else None
    return reached


def since_opened(dossier: Dossier) -> dict[str, float | None]:
    """The stages as seconds after the alert was accepted.

    Boot clocks of two boots cannot be subtracted; such a stage is left out.
    """
    opened = dossier.incident.opened
    boots = {step.started.boot_id for step in dossier.steps} | {opened.boot_id}
    return {
        name: None if moment is None or len(boots) > 1 else moment - opened.boottime
        for name, moment in stages(dossier).items()
    }


def seconds_of(step: StepRecord) -> float | None:
    """How long an attempt took."""
    return None if step.ended_boottime is None else step.ended_boottime - step.started.boottime


def brief(incident: Incident) -> dict[str, Any]:
    """One incident in a list."""
    return {
        "id": incident.id,
        "bot": incident.bot,
        "scenario": incident.scenario,
        "mode": incident.mode,
        "severity": incident.severity.name.lower(),
        "state": incident.state,
        "outcome": incident.outcome,
        "reason": redact(incident.reason),
        "wait_for": redact(incident.wait_for),
        "alertname": incident.alertname,
        "opened": moment_json(incident.opened),
        "closed": None if incident.closed is None else moment_json(incident.closed),
        "seconds_open": None
        if incident.closed is None
        else elapsed(incident.opened, incident.closed),
    }


def full(dossier: Dossier) -> dict[str, Any]:
    """One incident with everything that belongs to it, redacted."""
    return {
        **brief(dossier.incident),
        "stages": stages(dossier),
        "stage_seconds": since_opened(dossier),
        "phases": [
            {
                "number": int(phase),
                "name": phase.name.lower(),
                "steps": [_step_json(dossier, step) for step in dossier.of_phase(phase)],
            }
            for phase in Phase
        ],
        "approvals": [approval_json(approval) for approval in dossier.approvals],
        "escalations": [call_json(call) for call in dossier.calls],
    }


def _step_json(dossier: Dossier, step: StepRecord) -> dict[str, Any]:
    planned = dossier.planned(step.name)
    return {
        "name": step.name,
        "title": "" if planned is None else planned.title,
        "runbook": "" if planned is None else planned.runbook,
        "authority": None if planned is None else planned.authority,
        "status": step.status,
        "summary": step.summary,
        "evidence": clean(step.evidence),
        "started": moment_json(step.started),
        "ended_boottime": step.ended_boottime,
        "seconds": seconds_of(step),
    }


def approval_json(approval: Approval) -> dict[str, Any]:
    """One question with its answer; the digest stands, it must be sent back."""
    return {
        "id": approval.id,
        "incident": approval.incident,
        "bot": approval.bot,
        "step": approval.step,
        "title": approval.title,
        "digest": approval.digest,
        "shown": clean(approval.shown),
        "state": approval.state,
        "actor": approval.actor,
        "reason": redact(approval.reason),
        "asked": moment_json(approval.asked),
    }


def call_json(call: Call) -> dict[str, Any]:
    """One call to a person."""
    return {
        "id": call.id,
        "kind": call.kind,
        "summary": redact(call.summary),
        "open": call.is_open,
        "actor": call.actor,
        "reason": redact(call.reason),
        "raised": moment_json(call.raised),
    }


def open_call_json(call: Escalation) -> dict[str, Any]:
    """One open call in the list of all."""
    return {
        "id": call.id,
        "kind": call.kind,
        "incident": call.incident or None,
        "bot": call.bot,
        "scenario": call.scenario,
        "summary": redact(call.summary),
        "raised": call.raised.wall,
    }


def bot_json(services: Services, bot: Bot) -> dict[str, Any]:
    """One bot with the state in force."""
    state = services.states.get(bot.name)
    return {
        "name": bot.name,
        "mode": bot.mode,
        "venue": bot.venue.kind,
        "state": state.state,
        "incident": state.incident or None,
        "actor": state.actor,
        "reason": redact(state.reason),
        "since": None if state.since is None else state.since.wall,
    }


def moment_json(moment: Moment) -> dict[str, Any]:
    """A moment on the wall clock, for people, and on the boot clock, for differences."""
    return {"wall": moment.wall, "boottime": moment.boottime}


def clean(value: Any) -> Any:
    """Redact every text inside a JSON value; its shape stays."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, Mapping):
        return {
            key: item if key in _NOT_SECRET and isinstance(item, str) else clean(item)
            for key, item in value.items()
        }
    return value
