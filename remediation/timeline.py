"""The journal's records of an incident, each as one line for a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediation.redact import redact

_Body = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One thing that happened: wall time in UTC and a sentence."""

    at: str
    text: str


def _opened(body: _Body) -> str:
    return f"Incident opened ({body['severity']}): {body['reason']}"


def _step_result(body: _Body) -> str:
    return f"{body['step']}: {body['status']}. {body['summary']}"


def _approval_settled(body: _Body) -> str:
    who = f" by {body['actor']}" if body["actor"] else ""
    why = f": {body['reason']}" if body["reason"] else ""
    return f"Approval {body['id']} for {body['step']} {body['state']}{who}{why}"


def _escalated(body: _Body) -> str:
    return f"A person is called ({body['escalation']}): {body['summary']}"


def _ended(body: _Body) -> str:
    return f"Call ended by {body['actor']}: {body['reason']}"


def _interrupted(body: _Body) -> str:
    return f"{body['step']} was cut off half-way; processes killed: {body['killed'] or 'none'}"


_WORDS: Mapping[str, Callable[[_Body], str]] = {
    "incident_opened": _opened,
    "incident_claimed": lambda _: "Run begins",
    "incident_queued": lambda body: f"Back in the queue: {body['why']}",
    "incident_waiting": lambda body: f"Waits: {body['wait_for']}",
    "incident_closed": lambda body: f"Closed as {body['outcome']}: {body['reason']}",
    "alert_joined": lambda body: f"Alert {body['alertname']} joined ({body['severity']})",
    "alert_resolved": lambda body: f"Alert {body['alertname']} resolved",
    "alert_decided": lambda body: f"Alert {body['alertname']}: {body['decision']}",
    "step_intent": lambda body: f"{body['step']} begins",
    "step_result": _step_result,
    "step_interrupted": _interrupted,
    "approval_asked": lambda body: f"Approval {body['id']} asked for {body['step']}",
    "approval_settled": _approval_settled,
    "escalated": _escalated,
    "escalation_ended": _ended,
    "bot_state": lambda body: f"Bot is {body['state']} ({body['actor']}): {body['reason']}",
}


def timeline(records: tuple[Mapping[str, Any], ...]) -> tuple[Line, ...]:
    """All records in order, redacted; a kind without words of its own is shown as it is."""
    return tuple(Line(clock_time(record["wall"]), redact(_sentence(record))) for record in records)


def clock_time(wall: float) -> str:
    """A wall time for people, in UTC with milliseconds."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def _sentence(record: Mapping[str, Any]) -> str:
    body = record["body"]
    words = _WORDS.get(record["kind"])
    try:
        if words is not None:
            return words(body)
    except KeyError:
        pass  # a newer or older record without that field: shown as it is
    return f"{record['kind']} {', '.join(f'{key}={value}' for key, value in body.items())}"
