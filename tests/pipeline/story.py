"""Incidents with a past, told straight into the journal without acting on anything."""

from remediation.approval import Approval
from remediation.ending import close
from remediation.escalation import EscalationKind
from remediation.incident import Incident, Outcome, State
from remediation.playbooks import PLAYBOOKS
from remediation.playbooks.base import Binding, Step, StepResult, done, later, skipped
from remediation.services import Services
from tests.pipeline.receiver import Receiver

BOUND = {"flag": "absent", "state": "tripped"}


def step_of(scenario: str, name: str) -> Step:
    """A step of a shipped playbook."""
    return next(step for step in PLAYBOOKS[scenario].steps if step.name == name)


def running(receiver: Receiver, scenario: str = "clock_drift", **changed: str) -> Incident:
    """An incident that an alert opened and a run has claimed."""
    services = receiver.services
    incident = services.incidents.get(receiver.open_incident(scenario=scenario, **changed))
    assert incident is not None
    assert services.incidents.claim(incident)
    return incident


def take(services: Services, incident: Incident, name: str, result: StepResult) -> None:
    """Record a step with its intent and its result."""
    step = step_of(incident.scenario, name)
    step_id = services.steps.intend(incident.id, step)
    services.steps.finish(incident.id, step_id, step, result)


def asked(receiver: Receiver, scenario: str = "kill_switch") -> tuple[Incident, Approval]:
    """An incident that waits for a person to approve its human step."""
    services = receiver.services
    incident = running(receiver, scenario)
    step = next(step for step in PLAYBOOKS[scenario].steps if step.binding is not None)
    approval = services.approvals.ask(
        incident.id, incident.bot, step, Binding(BOUND, {**BOUND, "price": "84000.10"})
    )
    services.incidents.wait(incident.id, f"approval {approval.id}: {step.title}", None)
    _call(services, incident, approval)
    return incident, approval


def _call(services: Services, incident: Incident, approval: Approval) -> None:
    services.escalations.call(
        EscalationKind.APPROVAL,
        incident=incident.id,
        bot=incident.bot,
        scenario=incident.scenario,
        summary=f"{approval.title} waits for a person",
    )


def recovered(receiver: Receiver) -> Incident:
    """A clock drift from the alert to the live proof."""
    services = receiver.services
    incident = running(receiver)
    for name, result in (
        ("evidence", done("kept the last error lines", error_lines=["-1021 Timestamp"])),
        ("who_is_wrong", done("the local clock is 3.0 s ahead")),
        ("pause", done("paused")),
        ("impact", done("nothing unexpected")),
        ("resync", done("slewed")),
        ("await_sync", later("still 1.2 s ahead", 1.0)),
        ("await_sync", done("0.01 s ahead")),
        ("step_clock", skipped("not needed")),
        ("verify_clock", done("good three times")),
        ("doctor", done("every check passes")),
        ("dry_run", done("stayed alive 2 s")),
        ("lift_pause", done("lifted")),
        ("live_proof", done("live: pid 7")),
        ("alert_ended", done("Prometheus no longer fires")),
        ("watch", done("watched for 3600 s")),
    ):
        take(services, incident, name, result)
    close(services, incident, State.RUNNING, Outcome.RECOVERED, "the source reads healthy")
    again = services.incidents.get(incident.id)
    assert again is not None
    return again
