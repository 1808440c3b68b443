"""The ground that receivers die on: one broken bot, what they write, and what is left."""

import contextlib
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from exporter.config_file import load
from exporter.sources.host import read_process
from remediation.actuators.sessions import marker_of
from tests.pipeline.alerting_stub import AlertingStub
from tests.pipeline.receiver import payload
from tests.stack.programs import Program, wait_http, wait_until
from tests.stack.render import PROJECT, Files

_LIVE = re.compile(r"Starting TradingBot2 \(pid \d+, mode live\)")


@dataclass
class Ground:
    """One simulated bot with everything a receiver needs, broken by one fault."""

    directory: Path
    alerting: AlertingStub
    files: Files
    root: Path
    alert: dict[str, Any]
    address: str
    http: httpx.Client
    programs: list[Program] = field(default_factory=list)

    def start_dying(self, step: str, moment: str) -> Program:
        """Start the receiver that kills itself at a point."""
        argv = [sys.executable, "-m", "tests.pipeline.receiver_that_dies"]
        return self._start([*argv, f"--die-at={step}", f"--moment={moment}"])

    def start_receiver(self) -> Program:
        """Start the receiver that is shipped."""
        return self._start([sys.executable, "-m", "remediation", "serve"])

    def _start(self, argv: list[str]) -> Program:
        argv = [*argv, f"--config.file={self.files.config}"]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        log = self.directory / "receiver.log"
        program = Program(
            "receiver",
            [*argv, f"--web.listen-address={self.address}"],
            log,
            cwd=self.directory,
            env=environment,
        )
        self.programs.append(program)
        return program

    def wait_ready(self, program: Program) -> None:
        """Wait until a receiver serves."""
        wait_http(program, f"http://{self.address}/-/ready")

    def deliver(self) -> str:
        """Deliver the alert as Alertmanager would, which goes on listing it.

        It is listed only then: a receiver that reconciles meanwhile would have it already.
        """
        token = self.files.webhook_token.read_text(encoding="utf-8")
        try:
            answer = self.http.post(
                f"http://{self.address}/webhook/alertmanager",
                json=payload(self.alert),
                headers={"Authorization": f"Bearer {token}"},
            )
        finally:
            self.alerting.active[:] = [self.alert]
        answer.raise_for_status()
        (decided,) = answer.json()["decisions"]
        return str(decided["decision"])

    def strike(self) -> None:
        """Deliver the alert to a receiver that may die of it before it has answered."""
        with contextlib.suppress(httpx.TransportError):
            assert self.deliver() == "accepted"

    def approve_all(self) -> None:
        """Approve whatever waits, as the operator and through the API."""
        token = self.files.operator_token.read_text(encoding="utf-8")
        url = f"http://{self.address}/api/v1/approvals"
        for approval in self.http.get(url).json()["approvals"]:
            # The receiver may die of the approved step before it answers.
            with contextlib.suppress(httpx.HTTPError):
                self.http.post(
                    f"{url}/{approval['id']}/approve",
                    json={"reason": "test", "digest": approval["digest"]},
                    headers={"Authorization": f"Bearer {token}"},
                )

    def until(self, program: Program, holds: Callable[[], Any], what: str) -> None:
        """Approve what waits until something holds; the receiver may die meanwhile."""

        def look() -> bool:
            if holds():
                return True
            if program.process.poll() is None:
                self.approve_all()
            return False

        wait_until(look, what, seconds=120)

    def wait_death(self, program: Program) -> None:
        """Wait until the receiver has killed itself."""
        assert self.wait_death_or_end(program), program.log.read_text()[-3000:]
        assert program.process.returncode == -9, program.log.read_text()[-3000:]

    def wait_death_or_end(self, program: Program) -> bool:
        """Wait until the receiver is dead or every incident closed; True if it is dead."""

        def dead() -> bool:
            return program.process.poll() is not None

        self.until(program, lambda: dead() or self.closed, "the receiver dies or the run ends")
        return dead()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the journal from outside, whoever owns it."""
        path = self.directory / "data/journal.sqlite3"
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        ) as db:
            return db.execute(sql).fetchall()

    @property
    def incidents(self) -> list[tuple[str, str, str | None]]:
        """Id, state and outcome of every incident."""
        return [(i, s, o) for i, s, o in self.rows("SELECT id, state, outcome FROM incidents")]

    @property
    def closed(self) -> bool:
        """Whether there are incidents and all of them have ended."""
        states = [state for _, state, _ in self.incidents]
        return bool(states) and set(states) == {"closed"}

    @property
    def attempts(self) -> list[tuple[str, str | None]]:
        """Name and status of every attempt of a step, in order."""
        return [(n, s) for n, s in self.rows("SELECT name, status FROM steps ORDER BY rowid")]

    @property
    def spawns(self) -> list[tuple[str, int]]:
        """Step id and pid of every process that a step started."""
        return [(step, pid) for step, pid in self.rows("SELECT step, pid FROM spawns")]

    @property
    def live_pids(self) -> tuple[int, ...]:
        """Pids of the live bot."""
        bot = load(self.files.config).bot("alpha")
        assert bot is not None
        return read_process(bot).pids

    def kill_bot(self) -> None:
        """End the live bot without a word."""
        for pid in self.live_pids:
            psutil.Process(pid).kill()
        wait_until(lambda: not self.live_pids, "the bot is dead")

    @property
    def is_held(self) -> bool:
        """Whether a flag keeps the bot from trading."""
        return (self.root / "state/kill_switch.flag").exists()

    @property
    def log(self) -> str:
        """What the bot has logged."""
        return (self.root / "logs/bot.log").read_text(encoding="utf-8")

    @property
    def live_starts(self) -> int:
        """How often the bot has been started live."""
        return len(_LIVE.findall(self.log))

    def marked(self) -> list[psutil.Process]:
        """Living processes that carry the mark of one of this journal's steps."""
        ids = {step_id for (step_id,) in self.rows("SELECT id FROM steps")}
        return [p for p in psutil.process_iter() if marker_of(p) in ids and is_alive(p)]

    def stop(self) -> None:
        """Kill everything that was started here, wherever it went."""
        for program in self.programs:
            program.kill()
        wait_until(self._sweep, "nothing of this test runs")

    def _sweep(self) -> bool:
        below, found = str(self.directory), False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd().startswith(below) and is_alive(process):
                    process.kill()
                    found = True
        return not found


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
