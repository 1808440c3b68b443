"""A playbook's steps at hand: real world and hands on the simulator, run one by one."""

import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from exporter.config import Bot
from exporter.config_file import load
from remediation.alert import Alert
from remediation.incident import Incident, Severity, State
from remediation.playbooks import PLAYBOOKS
from remediation.playbooks.base import Binding, Step, StepContext, StepResult
from remediation.runner import Runner
from remediation.services import Services, build_services
from remediation.timing import now
from tests.pipeline.alerting_stub import AlertingStub
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator
from tests.stack.programs import Program, wait_until
from tests.stack.render import Addresses, render

_FAST: Mapping[str, Any] = {
    "verify_samples": 2,
    "verify_interval_seconds": 0.1,
    # A twin must have started and beaten within it.
    "dry_run_seconds": 10,
    "live_proof_seconds": 60,
    "command_seconds": 60,
    "stop_seconds": 60,
}
# Of a reading or a call that succeeds: what only a busy machine delays must not fail.
_PATIENCE = 30.0
_SCRIPT = ["script_live.py", "--config", "configs/config_live.yaml"]
_numbers = itertools.count(1)


@dataclass
class Desk:
    """One bot of the simulator and everything a step may use."""

    directory: Path
    simulator: Simulator
    alerting: AlertingStub
    services: Services
    stopping: threading.Event

    @property
    def bot(self) -> Bot:
        """The one bot, as configured."""
        return self.services.config.bots[0]

    @property
    def root(self) -> Path:
        """The bot's root."""
        return Path(self.bot.root)

    @property
    def flag(self) -> Path:
        """The bot's kill-switch flag."""
        return self.root / "state/kill_switch.flag"

    @property
    def repairs(self) -> list[str]:
        """What was done to the simulated clock."""
        return [str(repair["action"]) for repair in self.simulator.world.clocks.repairs]

    @property
    def spawned(self) -> int:
        """How many processes steps have started."""
        return int(self.services.journal.rows("SELECT COUNT(*) FROM spawns")[0][0])

    def context(
        self, scenario: str, results: Mapping[str, StepResult] | None = None
    ) -> StepContext:
        """What a step of the scenario is given; ``results`` are those of earlier steps."""
        services = self.services
        incident = Incident(
            id=f"{scenario}-alpha-test",
            bot="alpha",
            account="binance_usdm:alpha",
            scenario=scenario,
            mode="paper",
            severity=Severity.CRITICAL,
            state=State.RUNNING,
            outcome=None,
            reason="test",
            opened=now(),
            closed=None,
            wait_for="",
            retry_at=None,
            alertname="Test",
            verify_within=5.0,
            instance="",
        )
        return StepContext(
            config=services.config,
            config_path=services.config_path,
            bot=self.bot,
            incident=incident,
            world=services.world,
            hands=services.hands,
            alerting=services.alerting,
            states=services.states,
            results=results or {},
            stopping=self.stopping,
            urgent=lambda: "the receiver is shutting down" if self.stopping.is_set() else None,
        )

    def act(self, scenario: str, name: str, **results: StepResult) -> StepResult:
        """Let one step act."""
        ctx = self.context(scenario, results)
        chosen = step(scenario, name)
        approved = None if chosen.binding is None else chosen.binding(ctx)
        return chosen.act(ctx.with_step(f"{name}-{next(_numbers):016x}", approved))

    def run(self, scenario: str, severity: str = "critical") -> Incident:
        """Run a whole incident until it ends or waits."""
        number = next(_numbers)
        about = {
            "alertname": "Test",
            "bot": "alpha",
            "mode": "paper",
            "scenario": scenario,
            "severity": severity,
            "remediate": "true",
        }
        (decided,) = self.services.inbox.offer(
            (Alert(f"{number:x}", "firing", number, about, {"verify_within": "1s"}),), "test"
        )
        incident = self.services.incidents.get(decided.incident or "")
        assert incident is not None, decided
        assert self.services.incidents.claim(incident)
        Runner(self.services, self.stopping, lambda _: None).run(incident.id)
        ended = self.services.incidents.get(incident.id)
        assert ended is not None
        return ended

    def statuses(self, incident: Incident) -> dict[str, str | None]:
        """Each step's status."""
        return {record.name: record.status for record in self.services.steps.of(incident.id)}

    def start_bot(self, *options: str) -> int:
        """Start the bot as its owner would and wait until it trades; returns its pid."""
        pidfile, positions = self.root / "state/bot.pid", self.root / "state/positions.json"
        # What an earlier run left must not be taken for this one's.
        pidfile.unlink(missing_ok=True)
        before = positions.stat().st_mtime_ns if positions.exists() else 0
        argv = ["setsid", "--fork", sys.executable, *_SCRIPT, *options]
        program = Program("bot", argv, self.directory / "bot.log", cwd=self.root)
        program.process.wait(_PATIENCE)
        pid = wait_until(lambda: int(pidfile.read_text()), "the bot has a pid")
        if not options:
            wait_until(lambda: positions.stat().st_mtime_ns > before, "the bot trades")
        return int(pid)

    def start_bot_and_crash(self, **params: Any) -> None:
        """Start the bot, let it trade, and end it without a word."""
        self.start_bot()
        self.fault("process_crash", **params)

    @property
    def log(self) -> str:
        """What the bot has logged."""
        file = self.root / "logs/bot.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def fault(self, scenario: str, **params: Any) -> None:
        """Inject a fault through the simulator's control API."""
        body = {"scenario": scenario, **params}
        httpx.post(
            f"{self.simulator.control.url}/faults", json=body, timeout=_PATIENCE, trust_env=False
        ).raise_for_status()

    def write(self, name: str, text: str) -> Path:
        """Write one of the bot's files."""
        file = self.root / name
        file.write_text(text, encoding="utf-8")
        return file

    def end_processes(self) -> None:
        """Kill what runs in the bot's root or in a twin of it."""

        def sweep() -> bool:
            found = False
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    inside = process.cwd().startswith(str(self.directory))
                    if (
                        inside
                        and process.pid != os.getpid()
                        and process.status() != psutil.STATUS_ZOMBIE
                    ):
                        process.kill()
                        found = True
            return not found

        wait_until(sweep, "nothing of this test runs")


def applies(
    at_hand: Desk, scenario: str, name: str, **results: StepResult
) -> str | StepResult | None:
    """Why a step would be skipped, or how the run would end because it is not needed, or None."""
    condition = step(scenario, name).applies
    assert condition is not None
    return condition(at_hand.context(scenario, results))


def blocked(at_hand: Desk, scenario: str, name: str) -> str | None:
    """Why a step must not happen yet, or None."""
    condition = step(scenario, name).blocked
    assert condition is not None
    return condition(at_hand.context(scenario))


def binding(at_hand: Desk, scenario: str, name: str, **results: StepResult) -> Binding:
    """What a person would approve."""
    bind = step(scenario, name).binding
    assert bind is not None
    return bind(at_hand.context(scenario, results))


def step(scenario: str, name: str) -> Step:
    """A step of a shipped playbook."""
    (found,) = [item for item in PLAYBOOKS[scenario].steps if item.name == name]
    return found


@contextlib.contextmanager
def desk(
    directory: Path,
    simulator: Simulator,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    **remediation: Any,
) -> Iterator[Desk]:
    """A bot's root, installed but not started, and the services around it.

    Args:
        directory: everything is written below it.
        simulator: whose clocks, books and pages the bot meets.
        change: edits the configuration before it is read.
        remediation: the receiver's settings.
    """
    with AlertingStub().serving() as alerting:
        root = install_bot(directory / "bot-alpha", simulator.ready)
        addresses = Addresses("127.0.0.1:1", "127.0.0.1:2", alerting.address, alerting.address)
        files = render(
            directory,
            addresses,
            simulator.ready,
            {"alpha": root},
            remediation={**_FAST, **remediation},
        )
        whole = yaml.safe_load(files.config.read_text(encoding="utf-8"))
        whole["exporter"]["timeout_seconds"] = _PATIENCE
        change(whole)
        files.config.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
        simulator.world.bots["alpha"] = root
        services = build_services(load(files.config), config_path=files.config)
        at_hand = Desk(directory, simulator, alerting, services, threading.Event())
        try:
            yield at_hand
        finally:
            at_hand.end_processes()
            services.close()


def write_flat(at_hand: Desk) -> None:
    """Give a bot that is not started files as if it had stopped flat."""
    at_hand.write("state/positions.json", "{}")
    at_hand.write("state/kill_switch_state.json", '{"tripped": false, "reason": null}')
