"""One fault, from its injection to the live proof, timed on the boot clock."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from remediation.timing import boottime
from tests.stack.programs import wait_until
from tests.stack.stack import Stack

STAGES = ("metric", "alert", "webhook", "contained", "fixed", "verified", "resumed")
_STEP_SECONDS = 0.05


@dataclass(frozen=True)
class Drill:
    """A fault to inject and the symptom that shows it in Prometheus."""

    scenario: str
    symptom: str
    params: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = "recovered"


@dataclass(frozen=True)
class Drilled:
    """How a drill went; ``seconds`` since the injection, None for a stage not reached."""

    scenario: str
    outcome: str
    seconds: Mapping[str, float | None]
    incident_id: str
    as_expected: bool


def run_drill(
    stack: Stack, drill: Drill, on_stage: Callable[[str, float], None], limit_seconds: float = 180.0
) -> Drilled:
    """Inject the fault, follow the incident to its end, and take the fault away.

    ``on_stage`` is called as each stage is reached, with the seconds since injection.
    """
    known = {incident["id"] for incident in stack.incidents(drill.scenario)}
    injected = boottime()
    stack.control("POST", "/faults", {"scenario": drill.scenario, **drill.params})
    reached: dict[str, float] = {}
    incident: dict[str, Any] = {}
    for found in _follow(stack, drill, known, injected + limit_seconds):
        incident = found
        for stage in STAGES:
            if stage not in reached and found["at"].get(stage) is not None:
                reached[stage] = found["at"][stage] - injected
                on_stage(stage, reached[stage])
    with contextlib.suppress(httpx.HTTPStatusError):
        stack.control("DELETE", f"/faults/{drill.scenario}")
    outcome = incident.get("outcome") or incident.get("state") or "no incident"
    return Drilled(
        scenario=drill.scenario,
        outcome=outcome,
        seconds={s: round(reached[s], 2) if s in reached else None for s in STAGES},
        incident_id=incident.get("id", ""),
        as_expected=outcome == drill.outcome and set(reached) == set(STAGES),
    )


def _follow(
    stack: Stack, drill: Drill, known: set[str], deadline: float
) -> Iterator[dict[str, Any]]:
    """The incident again and again until it is closed, with all stage times."""
    at: dict[str, float] = {}
    closed = False
    pause = threading.Event()
    while not closed and boottime() < deadline:
        if "metric" not in at and stack.query(drill.symptom):
            at["metric"] = boottime()
        if "alert" not in at and _alert_fires(stack, drill.scenario):
            at["alert"] = boottime()
            # It may have come up between the two questions.
            at.setdefault("metric", at["alert"])
        fresh = [i for i in stack.incidents(drill.scenario) if i["id"] not in known]
        incident = stack.api("GET", f"/incidents/{fresh[0]['id']}") if fresh else {}
        stages = incident.get("stages", {})
        # Prometheus is polled, so the receiver may be seen before what caused it.
        if (webhook := stages.get("webhook")) is not None:
            for earlier in ("metric", "alert"):
                at[earlier] = min(at.get(earlier, webhook), webhook)
        closed = incident.get("state") == "closed"
        yield {**incident, "at": {**at, **stages}}
        pause.wait(_STEP_SECONDS)


def _alert_fires(stack: Stack, scenario: str) -> bool:
    return any(
        alert["state"] == "firing"
        and alert["labels"]["scenario"] == scenario
        and alert["labels"].get("remediate") == "true"
        for alert in stack.firing()
    )


def settle(stack: Stack) -> None:
    """Wait until the stack shows no trace of the last fault."""
    stack.wait_healthy()
    wait_until(
        lambda: all(incident["state"] == "closed" for incident in stack.incidents()),
        "every incident is closed",
        60,
    )
