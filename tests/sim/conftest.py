"""One simulator per test, and a hand that signs."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.sim.install import install_bot
from tests.sim.signing import sign
from tests.sim.simulator import Simulator

NOW = 1_795_500_000.0
DEADLINE = 60.0


class Caller:
    """Send signed requests to a simulator, with any part of the signing wrong on demand."""

    def __init__(self, simulator: Simulator, role: str = "bot") -> None:
        self.simulator = simulator
        self.key = simulator.world.keys[role]
        self.http = httpx.Client(base_url=simulator.exchange.url, timeout=30)

    def signed(self, params: dict[str, str], *, at_ms: int | None = None) -> str:
        """The query string, with timestamp and signature.

        Signed as of now it may take as long as the exchange allows: the machine may be busy.
        """
        if at_ms is None:
            at_ms = self.simulator.world.clocks.exchange_ms()
            params = {"recvWindow": "60000", **params}
        query = urlencode({**params, "timestamp": str(at_ms)})
        return f"{query}&signature={sign(self.key.secret, query)}"

    def call(self, method: str, path: str, **params: str) -> httpx.Response:
        """Send one signed request."""
        return self.call_at(None, method, path, **params)

    def call_at(self, at_ms: int | None, method: str, path: str, **params: str) -> httpx.Response:
        """Send one signed request with a timestamp of its own."""
        headers = {"X-MBX-APIKEY": self.key.key}
        query = self.signed(params, at_ms=at_ms)
        return self.http.request(method, f"{path}?{query}", headers=headers)


class LiveBot:
    """A bot installed under a temporary root, and the processes started there."""

    def __init__(self, root: Path, simulator: Simulator) -> None:
        self.root = root
        self.simulator = simulator
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the bot as its owner would."""
        argv = [sys.executable, "script_live.py", "--config", "configs/config_live.yaml"]
        process = subprocess.Popen([*argv, *options], cwd=self.root)
        self._started.append(process)
        return process

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process started last."""
        return self._started[-1]

    def stop_all(self) -> None:
        """Leave no process behind."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=DEADLINE)

    @property
    def log(self) -> str:
        """The whole log so far."""
        path = self.root / "logs/bot.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def quantity(self) -> str | None:
        """The quantity in the positions file."""
        path = self.root / "state/positions.json"
        return json.loads(path.read_text())["BTCUSDT"]["qty"] if path.exists() else None

    @property
    def latch(self) -> dict[str, Any]:
        """The kill switch state file."""
        found: dict[str, Any] = json.loads((self.root / "state/kill_switch_state.json").read_text())
        return found

    @property
    def orders(self) -> int:
        """How many futures orders the exchange has accepted."""
        return self.simulator.world.usdm.orders.total


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, bounded."""
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {DEADLINE:.0f} s for: {what}"
        time.sleep(0.01)
    return value


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


@pytest.fixture
def frozen() -> Iterator[Simulator]:
    """A running simulator whose clocks stand still at ``NOW``."""
    with Simulator(wall=lambda: NOW) as running:
        yield running


@pytest.fixture
def caller(simulator: Simulator) -> Iterator[Caller]:
    """A caller with the bot's key."""
    calling = Caller(simulator)
    with calling.http:
        yield calling


@pytest.fixture
def broker(simulator: Simulator) -> Iterator[httpx.Client]:
    """A client of the broker's trading host with the bot's key pair."""
    pair = simulator.world.alpaca_keys["bot"]
    headers = {"APCA-API-KEY-ID": pair.key, "APCA-API-SECRET-KEY": pair.secret}
    with httpx.Client(base_url=simulator.alpaca.url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def control(simulator: Simulator) -> Iterator[httpx.Client]:
    """A client of the control API."""
    with httpx.Client(base_url=simulator.control.url, timeout=60) as client:
        yield client


@pytest.fixture
def bot(simulator: Simulator, control: httpx.Client, tmp_path: Path) -> Iterator[LiveBot]:
    """A bot installed and registered, not started."""
    root = install_bot(tmp_path / "bot", simulator.ready)
    control.post("/bot", json={"name": "alpha", "root": str(root)}).raise_for_status()
    installed = LiveBot(root, simulator)
    yield installed
    installed.stop_all()
