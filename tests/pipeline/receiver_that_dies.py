"""The shipped receiver with one addition: it kills itself at a chosen point.

``python -m tests.pipeline.receiver_that_dies --config.file=F --web.listen-address=A
--die-at=STEP --moment=MOMENT``. The moments, each right after it is on the disk:

- ``accept``: an alert's decision, before the sender is answered (STEP is not used);
- ``intent``: the step's intent, before it acts;
- ``spawn``: a process that the step has started;
- ``act``: the step has acted, before its result;
- ``result``: the step's result, before the next step. STEP ``any`` is whichever
  comes first.
"""

import contextlib
import enum
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from exporter import log
from exporter.config import Config
from exporter.config_file import load
from remediation.actuators import Spawn, build_actuators
from remediation.alert import Alert
from remediation.engine import Engine
from remediation.inbox import Decided, Inbox
from remediation.journal import Journal
from remediation.listener import Listener
from remediation.playbooks import PLAYBOOKS
from remediation.playbooks.base import Step, StepResult
from remediation.redact import redact
from remediation.server import create_app
from remediation.services import Services, build_services
from remediation.step_log import StepLog


class Moment(enum.StrEnum):
    """When to die."""

    ACCEPT = "accept"
    INTENT = "intent"
    SPAWN = "spawn"
    ACT = "act"
    RESULT = "result"


def die() -> None:
    """End this process as the kernel or a person with ``kill -9`` would."""
    os.kill(os.getpid(), signal.SIGKILL)


class DoomedJournal(Journal):
    """A journal whose process dies as soon as a commit that was marked is on the disk.

    Marked inside the transaction, and looked at before the lock is given up: other
    threads commit, too.
    """

    doomed = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit, then die if this transaction is the one."""
        with self._lock:
            with super().transaction():
                yield
            if self.doomed and not self._db.in_transaction:
                die()


class DoomedSteps(StepLog):
    """A step log that marks the transaction after which to die."""

    def __init__(self, journal: DoomedJournal, step: str, moment: Moment) -> None:
        super().__init__(journal, redact)
        self._doomed_journal = journal
        self._step = step
        self._moment = moment
        self._only_noted = False

    def intend(self, incident_id: str, step: Step) -> str:
        """Mark at the step's intent, unless the step does not act."""
        if self._is(step.name, Moment.INTENT) and not self._only_noted:
            self._doomed_journal.doomed = True
        return super().intend(incident_id, step)

    def spawned(self, spawn: Spawn) -> None:
        """Mark at a process of the step."""
        with self._doomed_journal.transaction():
            self._doomed_journal.doomed = self._is(spawn.step_id.rpartition("-")[0], Moment.SPAWN)
            super().spawned(spawn)

    def finish(self, incident_id: str, step_id: str, step: Step, result: StepResult) -> StepResult:
        """Die before the result, or mark it."""
        if self._is(step.name, Moment.ACT) and not self._only_noted:
            die()
        with self._doomed_journal.transaction():
            self._doomed_journal.doomed = self._is(step.name, Moment.RESULT)
            return super().finish(incident_id, step_id, step, result)

    def note(self, incident_id: str, step: Step, result: StepResult) -> StepResult:
        """Remember that the step does not act."""
        self._only_noted = True
        try:
            return super().note(incident_id, step, result)
        finally:
            self._only_noted = False

    def _is(self, name: str, moment: Moment) -> bool:
        return moment is self._moment and self._step in (name, "any")


class DoomedInbox(Inbox):
    """An inbox whose process dies when it has kept what Alertmanager delivered."""

    def __init__(self, config: Config, journal: DoomedJournal) -> None:
        super().__init__(config, journal, PLAYBOOKS)
        self._doomed_journal = journal

    def offer(self, alerts: Sequence[Alert], source: str) -> tuple[Decided, ...]:
        """Mark what the webhook brings, not what reconciling finds."""
        with self._doomed_journal.transaction():
            self._doomed_journal.doomed = source == "alertmanager"
            return super().offer(alerts, source)


def doomed_services(config: Config, config_path: Path, step: str, moment: Moment) -> Services:
    """The shipped services with a step log and an inbox that die."""
    journal = DoomedJournal(Path(config.remediation.data_dir))
    shipped = build_services(config, config_path=config_path, journal=journal)
    steps = DoomedSteps(journal, step, moment)
    inbox = DoomedInbox(config, journal) if moment is Moment.ACCEPT else shipped.inbox
    return replace(shipped, steps=steps, hands=build_actuators(config, steps.spawned), inbox=inbox)


@click.command()
@click.option("--config.file", "config_file", type=click.Path(path_type=Path), required=True)
@click.option("--web.listen-address", "listen", required=True)
@click.option("--die-at", "step", default="any")
@click.option("--moment", type=click.Choice([moment.value for moment in Moment]), required=True)
def main(config_file: Path, listen: str, step: str, moment: str) -> None:
    """Receive alerts until the chosen point."""
    log.set_up("info", "logfmt")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    services = doomed_services(load(config_file), config_file, step, Moment(moment))
    engine = Engine(services)
    listener = Listener(create_app(services, engine), listen)
    engine.start()
    listener.start()
    stopping.wait()
    listener.stop(5.0)
    engine.stop(30.0)
    services.close()


if __name__ == "__main__":
    main()
