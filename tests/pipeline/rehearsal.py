"""Runner and engine on made-up playbooks: real journal, a clock to turn, a world to set."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from exporter.config import Bot, Config
from exporter.config_file import load
from exporter.errors import SourceError
from exporter.readings import ExchangeStatus, KillSwitchReading, PositionsFileReading
from remediation.actuators import build_actuators
from remediation.alert import Alert
from remediation.alerting import Alerting
from remediation.approval import Approval, Approvals, ApprovalState
from remediation.bot_state import BotStates
from remediation.engine import Engine
from remediation.escalation import EscalationKind, Escalations
from remediation.inbox import Inbox
from remediation.incident import Incident, State
from remediation.incidents import Incidents
from remediation.journal import Journal
from remediation.playbooks.base import (
    Authority,
    Binding,
    Phase,
    Playbook,
    Step,
    StepContext,
    StepResult,
    done,
)
from remediation.redact import redact
from remediation.runner import Runner
from remediation.services import Services
from remediation.step_log import StepLog
from remediation.timing import Moment
from remediation.world import World
from tests.pipeline.receiver import labels, write_config

_OPEN = KillSwitchReading(
    engaged=False,
    paused=False,
    flag_present=False,
    tripped=False,
    pause_incident=None,
    reason="",
    digest="open",
    flag_valid=True,
    state_valid=True,
)
_starts = itertools.count(1)

BOOTED = Moment("boot-1", 100_000.0, 1_795_500_000.0)


@dataclass
class Clock:
    """A clock that a test turns."""

    moment: Moment = BOOTED

    def __call__(self) -> Moment:
        """The present moment."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Both clocks go on."""
        self.moment = replace(
            self.moment,
            boottime=self.moment.boottime + seconds,
            wall=self.moment.wall + seconds,
        )

    def step_wall(self, seconds: float) -> None:
        """Somebody repairs the wall clock."""
        self.moment = replace(self.moment, wall=self.moment.wall + seconds)

    def reboot(self, *, uptime: float, wall_passed: float) -> None:
        """The host starts anew."""
        self.moment = Moment("boot-2", uptime, self.moment.wall + wall_passed)


class SetWorld(World):
    """A world whose guarded readings are what a test has set."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.engaged = False
        self.paused_by: str | None = None
        self.maintenance = False
        self.venue_error: SourceError | None = None
        self.positions_error: SourceError | None = None

    def kill_switch(self, bot: Bot) -> KillSwitchReading:
        """Open, a latch, or paused: as set, or by the real mark in the bot's root."""
        paused_by = self.paused_by or super().kill_switch(bot).pause_incident
        return replace(
            _OPEN,
            engaged=self.engaged,
            paused=paused_by is not None,
            pause_incident=paused_by,
            reason=f"{bot.name} stopped",
        )

    def venue_status(self, bot: Bot) -> ExchangeStatus:
        """Up, in maintenance, or unknown."""
        if self.venue_error is not None:
            raise self.venue_error
        return ExchangeStatus(self.maintenance, f"venue of {bot.name}")

    def positions_file(self, bot: Bot) -> PositionsFileReading:
        """Flat, or unreadable."""
        if self.positions_error is not None:
            raise self.positions_error
        return PositionsFileReading({}, 0.0)


@dataclass
class Script:
    """Makes steps and keeps the order in which they acted."""

    acted: list[str] = field(default_factory=list)

    def step(
        self,
        name: str,
        phase: Phase = Phase.FIX,
        act: Callable[[StepContext], StepResult] = lambda _: done("did it"),
        **rest: Any,
    ) -> Step:
        """A step that notes that it acted."""

        def noting(ctx: StepContext) -> StepResult:
            self.acted.append(name)
            return act(ctx)

        return Step(phase, name, f"Do {name}", "checklist 4", noting, **rest)

    def human(self, name: str, bound: Callable[[], Mapping[str, Any]] = dict, **rest: Any) -> Step:
        """A step that a person must approve; ``bound`` is read anew each time."""
        return self.step(
            name,
            authority=Authority.HUMAN,
            changes=True,
            binding=lambda _: Binding(bound(), {"what": name}),
            **rest,
        )


def playbook(scenario: str, *steps: Step, precedence: int = 20, **rest: Any) -> Playbook:
    """A made-up playbook; a repeat is not put off unless asked."""
    return Playbook(scenario, "0. Made up", precedence, steps, **{"cools_down": False, **rest})


@dataclass
class Rehearsal:
    """The services around made-up playbooks, and one runner."""

    services: Services
    clock: Clock
    world: SetWorld
    stopping: threading.Event
    runner: Runner
    reported: list[str]

    def alert(self, scenario: str, severity: str = "critical", bot: str = "alpha") -> Alert:
        """A new remediable alert."""
        mode = self.bot(bot).mode
        number = next(_starts)
        about = labels(scenario=scenario, severity=severity, bot=bot, mode=mode)
        return Alert(f"{number:x}", "firing", number, about, {})

    def bot(self, name: str = "alpha") -> Bot:
        """A configured bot."""
        bot = self.services.config.bot(name)
        assert bot is not None
        return bot

    def open(self, scenario: str, severity: str = "critical", bot: str = "alpha") -> str:
        """Let an alert open or join an incident; returns its id."""
        (decided,) = self.services.inbox.offer((self.alert(scenario, severity, bot),), "test")
        assert decided.incident is not None, decided
        return decided.incident

    def listed(self, alert: Alert) -> dict[str, Any]:
        """An alert as Alertmanager's API lists it."""
        at = datetime.fromtimestamp(alert.starts_at_ms / 1000, UTC)
        return {
            "fingerprint": alert.fingerprint,
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            "startsAt": at.isoformat(timespec="milliseconds"),
            "labels": dict(alert.labels),
            "annotations": {},
        }

    def incident(self, incident_id: str) -> Incident:
        """An incident as it is now."""
        incident = self.services.incidents.get(incident_id)
        assert incident is not None
        return incident

    def run(self, incident_id: str) -> Incident:
        """Claim an incident and run it until it ends, waits or gives way."""
        assert self.services.incidents.claim(self.incident(incident_id))
        self.runner.run(incident_id)
        return self.incident(incident_id)

    def again(self, incident_id: str) -> Incident:
        """End a wait and run on."""
        assert self.services.incidents.requeue(incident_id, State.WAITING, "test")
        return self.run(incident_id)

    def statuses(self, incident_id: str) -> list[tuple[str, str | None]]:
        """Name and status of each attempt of a step, in order."""
        return [(record.name, record.status) for record in self.services.steps.of(incident_id)]

    def summary(self, incident_id: str, step: str) -> str:
        """What a settled step said."""
        return {record.name: record.summary for record in self.services.steps.of(incident_id)}[step]

    def question(self) -> Approval:
        """The one question that waits for an answer."""
        (pending,) = self.services.approvals.pending()
        return pending

    def answer(self, state: ApprovalState, reason: str = "looked at it") -> Approval:
        """Approve or deny what waits."""
        waiting = self.question()
        return self.services.approvals.answer(
            waiting.id, state, digest=waiting.digest, actor="alice", reason=reason
        )

    def calls(self) -> list[EscalationKind]:
        """Why people are being called."""
        return [call.kind for call in self.services.escalations.open()]


@contextlib.contextmanager
def working(stage: Rehearsal) -> Iterator[Engine]:
    """The engine's loops, until the block ends."""
    engine = Engine(stage.services)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(60.0)


@contextlib.contextmanager
def rehearsal(
    directory: Path,
    *playbooks: Playbook,
    alerting: str = "http://127.0.0.1:1",
    alertmanagers: Sequence[str] = (),
    bots: Callable[[Bot], Bot] = lambda bot: bot,
    **settings: Any,
) -> Iterator[Rehearsal]:
    """Put services together; at the end the record's chain must be whole."""
    config_path = write_config(directory)
    plain = load(config_path)
    config = msgspec.structs.replace(
        plain,
        bots=tuple(bots(bot) for bot in plain.bots),
        prometheus_url=alerting,
        alertmanager_urls=tuple(alertmanagers) or (alerting,),
        remediation=msgspec.structs.replace(plain.remediation, **settings),
    )
    clock = Clock()
    journal = Journal(Path(config.remediation.data_dir), clock)
    known = {book.scenario: book for book in playbooks}
    steps, world = StepLog(journal, redact), SetWorld(config)
    services = Services(
        config=config,
        config_path=config_path,
        journal=journal,
        incidents=Incidents(journal),
        steps=steps,
        approvals=Approvals(journal),
        escalations=Escalations(journal),
        states=BotStates(journal),
        inbox=Inbox(config, journal, known),
        playbooks=known,
        world=world,
        hands=build_actuators(config, steps.spawned),
        alerting=Alerting(config.prometheus_url, config.alertmanager_urls),
    )
    stopping, reported = threading.Event(), list[str]()
    runner = Runner(services, stopping, reported.append)
    try:
        yield Rehearsal(services, clock, world, stopping, runner, reported)
        assert journal.first_broken_record() is None
    finally:
        services.close()
