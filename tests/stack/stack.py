"""Simulator, bots, exporter, Prometheus, Alertmanager and receiver, started together."""

import functools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.sim.install import install_bot
from tests.stack.programs import (
    Program,
    ProgramError,
    end_processes_in,
    free_port,
    wait_http,
    wait_until,
)
from tests.stack.render import PROJECT, Addresses, Files, render
from tests.tools import find_tool


class Stack:
    """The running stack; a context manager that leaves nothing behind.

    Args:
        directory: everything is written below it.
        thresholds: the bots' own clock thresholds, as ``install_bot`` takes them.
        remediation: overrides of the receiver's settings.
        bots: names of the bots; each trades on an account of its own name.
        receiver: argv that starts the receiver, when not the shipped program.
        ports: fixed ports by program name; free ones are taken otherwise.
    """

    def __init__(
        self,
        directory: Path,
        *,
        thresholds: Mapping[str, float] | None = None,
        remediation: Mapping[str, Any] | None = None,
        bots: Sequence[str] = ("alpha",),
        receiver: Sequence[str] | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self._thresholds: dict[str, Any] = dict(thresholds or {})
        self._remediation = remediation
        self._bots = tuple(bots)
        self._receiver = receiver
        self.programs: dict[str, Program] = {}
        self.sim: dict[str, Any] = {}
        self.roots: dict[str, Path] = {}
        taken = dict(ports or {})
        self.addresses = Addresses(
            **{
                name: f"127.0.0.1:{taken.get(name) or free_port()}"
                for name in ("exporter", "remediation", "prometheus", "alertmanager")
            }
        )
        self.files: Files
        # A connection that is kept may be closed by the other side just when it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(timeout=60, trust_env=False, limits=limits)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.start_simulator()
        self.files = render(
            self.directory, self.addresses, self.sim, self.roots, remediation=self._remediation
        )
        for name in self._bots:
            self.start_bot(name)
        self.start_exporter()
        self.start_receiver()
        self.start_alertmanager()
        self.start_prometheus()
        self.wait_healthy()

    def start_simulator(self) -> None:
        """Start exchange, time servers and control, and install the bots' roots."""
        ready = self.directory / "sim.json"
        ready.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "tests.sim", "--ready-file", str(ready)]
        for option in ("exchange", "control", "ntp"):
            argv += [f"--{option}-port", "0"]
        program = self.start_program("simulator", argv)

        def is_ready() -> bool:
            program.check()
            return ready.exists()

        wait_until(is_ready, "the simulator is ready")
        self.sim = json.loads(ready.read_text(encoding="utf-8"))
        for name in self._bots:
            root = self.directory / f"bot-{name}"
            self.roots[name] = install_bot(root, self.sim, **self._thresholds)
            self.control("POST", "/bot", {"name": name, "root": str(root)})

    def start_bot(self, name: str) -> None:
        """Start a bot as its owner would, and wait for its heartbeat."""
        root = self.roots[name]
        argv = ["setsid", "--fork", sys.executable, "script_live.py"]
        program = self.start_program(
            f"bot-{name}", [*argv, "--config", "configs/config_live.yaml"], cwd=root
        )
        program.process.wait(60)
        del self.programs[f"bot-{name}"]
        wait_until((root / "state/heartbeat").exists, f"bot {name} lives")
        wait_until((root / "state/positions.json").exists, f"bot {name} trades")

    def start_exporter(self) -> None:
        """Start the exporter and wait until it is ready."""
        argv = self._ours("exporter", self.addresses.exporter)
        program = self.start_program("exporter", argv)
        wait_http(program, f"http://{self.addresses.exporter}/-/ready")

    def start_receiver(self) -> None:
        """Start the remediation receiver and wait until it is ready."""
        argv = list(self._receiver or ()) or self._ours("remediation", self.addresses.remediation)
        argv = [part.replace("{config}", str(self.files.config)) for part in argv]
        argv = [part.replace("{address}", self.addresses.remediation) for part in argv]
        program = self.start_program("remediation", argv)
        wait_http(program, f"http://{self.addresses.remediation}/-/ready")

    def start_alertmanager(self) -> None:
        """Start the real Alertmanager with the shipped routing."""
        argv = [
            str(_tool("alertmanager")),
            f"--config.file={self.files.alertmanager}",
            f"--storage.path={self.directory / 'alertmanager'}",
            f"--web.listen-address={self.addresses.alertmanager}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]
        program = self.start_program("alertmanager", argv)
        wait_http(program, f"http://{self.addresses.alertmanager}/-/ready")

    def start_prometheus(self) -> None:
        """Start the real Prometheus with the shipped rules."""
        argv = [
            str(_tool("prometheus")),
            f"--config.file={self.files.prometheus}",
            f"--storage.tsdb.path={self.directory / 'prometheus'}",
            f"--web.listen-address={self.addresses.prometheus}",
            "--log.level=warn",
        ]
        program = self.start_program("prometheus", argv)
        wait_http(program, f"http://{self.addresses.prometheus}/-/ready")

    def wait_healthy(self) -> None:
        """Wait until Prometheus sees every bot up and no scenario alert fires."""
        for name in self._bots:
            query = f'tradingbot_process_up{{bot="{name}"}} == 1'
            wait_until(functools.partial(self.query, query), f"Prometheus sees bot {name} up", 60)
        wait_until(lambda: not self.firing(), "no alert about a bot fires", 60)

    def stop(self) -> None:
        """Stop everything, in the order in which nothing restarts anything."""
        for name in ("remediation", "prometheus", "alertmanager", "exporter"):
            if name in self.programs:
                self.programs.pop(name).stop()
        end_processes_in(self.directory)
        while self.programs:
            self.programs.popitem()[1].stop()
        self.http.close()

    def query(self, promql: str) -> list[dict[str, Any]]:
        """An instant query's result."""
        url = f"http://{self.addresses.prometheus}/api/v1/query"
        answer = self.http.get(url, params={"query": promql}).json()
        if answer["status"] != "success":
            raise ProgramError(f"{promql}: {answer.get('error')}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def firing(self) -> list[dict[str, Any]]:
        """Alerts about a bot that Prometheus has, pending included.

        Those about log lines look back for minutes and outlast every fault: not counted.
        """
        url = f"http://{self.addresses.prometheus}/api/v1/alerts"
        alerts = self.http.get(url).json()["data"]["alerts"]
        return [
            alert
            for alert in alerts
            if alert["labels"].get("bot") and not alert["labels"]["alertname"].endswith("Logged")
        ]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the simulator's control API."""
        answer = self.http.request(method, f"{self.sim['control']}{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the receiver's API as the operator."""
        token = self.files.operator_token.read_text(encoding="utf-8")
        answer = self.http.request(
            method,
            f"http://{self.addresses.remediation}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        return answer.json()

    def incidents(self, scenario: str | None = None) -> list[dict[str, Any]]:
        """The receiver's incidents, oldest first."""
        listed = self.api("GET", "/incidents")["incidents"]
        chosen = [i for i in listed if scenario is None or i["scenario"] == scenario]
        return sorted(chosen, key=lambda incident: incident["opened"]["wall"])

    def _ours(self, package: str, address: str) -> list[str]:
        return [
            *(sys.executable, "-m", package, "serve"),
            f"--config.file={self.files.config}",
            f"--web.listen-address={address}",
        ]

    def start_program(self, name: str, argv: Sequence[str], cwd: Path | None = None) -> Program:
        """Start one more program that ends with the stack."""
        logs = self.directory / "logs"
        logs.mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(PROJECT)}
        # The working directory marks a process as this stack's, for the final sweep.
        place = cwd or self.directory
        program = Program(name, argv, logs / f"{name}.log", cwd=place, env=environment)
        self.programs[name] = program
        return program


def _tool(name: str) -> Path:
    found = find_tool(name)
    if found is None:
        raise ProgramError(f"{name} is not installed; `make tools` says how to get it")
    return found
