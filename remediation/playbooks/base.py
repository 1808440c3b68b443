"""The vocabulary of a playbook: phases, authority, steps and their results."""

import enum
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter.config import Bot, Config, RemediationSettings
from remediation.incident import Incident, Outcome, Severity

if TYPE_CHECKING:
    from remediation.actuators import Actuators
    from remediation.alerting import Alerting
    from remediation.bot_state import BotStates
    from remediation.world import World


class Phase(enum.IntEnum):
    """The runbook's checklist, in its order."""

    IDENTIFY = 1
    CONTAIN = 2
    ASSESS = 3
    FIX = 4
    VERIFY = 5
    RESUME = 6
    REVIEW = 7


class Authority(enum.StrEnum):
    """Who may let a step happen."""

    AUTOMATIC = "automatic"
    GUARDED = "guarded"
    HUMAN = "human"


class Status(enum.StrEnum):
    """How one attempt of a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    WOULD = "would"
    FAILED = "failed"
    STOP = "stop"
    LATER = "later"
    REFUSED = "refused"


class BudgetKind(enum.StrEnum):
    """What is counted per bot and window, across incidents."""

    RESTART = "restart"
    CLOCK = "clock"


@dataclass(frozen=True)
class StepResult:
    """What a step saw and did.

    Attributes:
        status: LATER means "nothing done, look again in ``retry_seconds``"; STOP
            ends the run with ``outcome``; FAILED ends it as escalated.
        summary: one sentence for the report.
        evidence: JSON-serialisable facts; kept with the journal, redacted.
    """

    status: Status
    summary: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    retry_seconds: float = 0.0


def done(summary: str, **evidence: Any) -> StepResult:
    """A step that did its work."""
    return StepResult(Status.DONE, summary, evidence)


def skipped(summary: str, **evidence: Any) -> StepResult:
    """A step that found nothing to do."""
    return StepResult(Status.SKIPPED, summary, evidence)


def failed(summary: str, **evidence: Any) -> StepResult:
    """A step that could not do its work: the run stops and a person is paged."""
    return StepResult(Status.FAILED, summary, evidence, Outcome.ESCALATED)


def stop(outcome: Outcome, summary: str, **evidence: Any) -> StepResult:
    """The run must not go on; ``outcome`` is how it ends."""
    return StepResult(Status.STOP, summary, evidence, outcome)


def later(summary: str, retry_seconds: float, **evidence: Any) -> StepResult:
    """Not yet: give the account's lock up and look again."""
    return StepResult(Status.LATER, summary, evidence, retry_seconds=retry_seconds)


@dataclass(frozen=True)
class Binding:
    """What a person approves: a digest of what will be acted on, and the same in words.

    ``shown`` may hold more than ``bound`` (prices, times): it is for reading only.
    """

    bound: Mapping[str, Any]
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the bound facts in canonical JSON."""
        text = json.dumps(self.bound, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class StepContext:
    """All a step may use: fresh readings, the hands, and what earlier steps found.

    ``stopping`` is set when the receiver shuts down. ``urgent`` says why a step that
    only waits must let go of the account, or None. ``step_id`` marks every process the
    step starts; ``approved`` is what a person has approved, for a human step.
    """

    config: Config
    config_path: Path
    bot: Bot
    incident: Incident
    world: "World"
    hands: "Actuators"
    alerting: "Alerting"
    states: "BotStates"
    results: Mapping[str, StepResult]
    stopping: threading.Event
    urgent: Callable[[], str | None] = lambda: None
    step_id: str = ""
    approved: Binding | None = None

    def with_step(self, step_id: str, approved: Binding | None) -> "StepContext":
        """The same context for the step that has just been journalled."""
        return replace(self, step_id=step_id, approved=approved)

    def pause_or_yield(self, seconds: float) -> StepResult | None:
        """Wait; returns how the step must end if the account is needed meanwhile."""
        self.stopping.wait(seconds)
        why = self.urgent()
        return None if why is None else later(why, 1.0)

    @property
    def settings(self) -> RemediationSettings:
        """The receiver's own limits."""
        return self.config.remediation

    def did(self, name: str) -> bool:
        """Whether an earlier step of this run did its work."""
        result = self.results.get(name)
        return result is not None and result.status is Status.DONE

    def found(self, name: str, key: str, default: Any = None) -> Any:
        """One piece of an earlier step's evidence."""
        result = self.results.get(name)
        return default if result is None else result.evidence.get(key, default)


Applies = Callable[[StepContext], str | StepResult | None]


@dataclass(frozen=True)
class Step:
    """One line of a playbook.

    Attributes:
        runbook: the section and step of recovery-procedures.md it implements.
        changes: acts on the world; replaced by its title in dry-run.
        exposure: lets the bot trade again: forbidden by latch, halt, maintenance,
            ban and corruption, and while a process of the bot exists where the
            step starts one.
        proves: reads the effect of earlier steps; meaningless in dry-run.
        resumes: after it the bot trades; what was verified before has served its turn.
        perishes: its result is believed for minutes only: taken again after a wait.
        applies: returns why the step is not needed, or how the run ends because it is
            not, or None.
        blocked: returns why it must not happen yet, or None; re-read just before.
        binding: for human steps, what the approval binds.
    """

    phase: Phase
    name: str
    title: str
    runbook: str
    act: Callable[[StepContext], StepResult]
    authority: Authority = Authority.AUTOMATIC
    changes: bool = False
    exposure: bool = False
    resumes: bool = False
    proves: bool = False
    perishes: bool = False
    budget: BudgetKind | None = None
    min_severity: Severity = Severity.INFO
    applies: Applies | None = None
    blocked: Callable[[StepContext], str | None] | None = None
    binding: Callable[[StepContext], Binding] | None = None


@dataclass(frozen=True)
class Playbook:
    """A scenario's steps in order.

    Attributes:
        precedence: lower runs first and pre-empts at step boundaries.
        cools_down: whether a repeat soon after a run is deferred; false where each
            alert is a new failure (a crash, a tripped switch).
    """

    scenario: str
    section: str
    precedence: int
    steps: tuple[Step, ...]
    cools_down: bool = True
