"""A simulator, a watched bot beside it, and the real exporter as a process."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sim.simulator import Simulator
from tests.sources.bots import write

_PROJECT = Path(__file__).parents[2]
_DEADLINE = 90.0


def wait_for(what: str, condition: Callable[[], Any]) -> Any:
    """Wait for a condition, bounded; return what it returned."""
    deadline = time.monotonic() + _DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {_DEADLINE:.0f} s for: {what}"
        time.sleep(0.02)
    return value


class Watched:
    """A configuration file for one bot that the simulator's exchange serves."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        self.root = directory / "bot"
        self.file = directory / "tradewarden.yml"
        self.simulator = simulator
        ready = simulator.ready
        self.secrets = [str(v) for name, v in ready.items() if name.endswith(("_key", "_secret"))]
        self.env = {
            "TW_TEST_KEY": ready["exporter_key"],
            "TW_TEST_SECRET": ready["exporter_secret"],
        }
        credentials = {"key": "TW_TEST_KEY", "secret": "TW_TEST_SECRET"}
        self.plain: dict[str, Any] = {
            "bots": [
                {
                    "name": "alpha",
                    "mode": "paper",
                    "root": str(self.root),
                    "venue": {
                        "kind": "binance_usdm",
                        "base_url": ready["exchange"],
                        "sapi_base_url": ready["exchange"],
                        "credentials": {"exporter": credentials},
                    },
                    "process": {"pidfile": "state/bot.pid"},
                    "heartbeat": {"file": "state/heartbeat"},
                }
            ],
            "exporter": {
                "ntp_servers": list(ready["ntp"]),
                "poll_seconds": 0.3,
                "ntp_poll_seconds": 0.3,
                "timeout_seconds": 10.0,
                "account_poll_seconds": 0.3,
                "key_poll_seconds": 0.5,
                "data_poll_seconds": 0.5,
                "data_dir": str(directory / "exporter"),
            },
        }
        write(self.root, "state/kill_switch_state.json", '{"tripped": false}')
        write(self.root, "state/positions.json", "{}")
        write(self.root, "state/heartbeat", "")
        self.save()

    @property
    def bot(self) -> dict[str, Any]:
        """The one bot's section, to be changed before ``save``."""
        section: dict[str, Any] = self.plain["bots"][0]
        return section

    def save(self) -> None:
        """Write the configuration file."""
        self.file.write_text(yaml.safe_dump(self.plain), encoding="utf-8")

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            [sys.executable, "-m", "exporter", *arguments, f"--config.file={self.file}"],
            cwd=_PROJECT,
            env={**os.environ, **self.env, **env},
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )


class Program:
    """``exporter serve`` as a process."""

    def __init__(self, watched: Watched, *options: str) -> None:
        self._log = watched.file.with_name("exporter.log")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "exporter",
                    *options,
                    "serve",
                    f"--config.file={watched.file}",
                    "--web.listen-address=127.0.0.1:0",
                ],
                cwd=_PROJECT,
                env={**os.environ, **watched.env},
                stdout=log,
                stderr=log,
            )
        try:
            self.url = wait_for("the address", self._address)
        except BaseException:
            self.stop()
            raise

    @property
    def log(self) -> str:
        """Everything it has said."""
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> None:
        """Leave no process behind."""
        self.process.kill()
        self.process.wait()

    def _address(self) -> str | None:
        assert self.process.poll() is None, self.log
        found = re.search(r"listening address=(http://127\.0\.0\.1:\d+)", self.log)
        return found[1] if found else None


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator with right clocks."""
    with Simulator() as running:
        yield running


@pytest.fixture
def watched(simulator: Simulator, tmp_path: Path) -> Watched:
    """A configured bot whose files are calm; it does not run."""
    return Watched(tmp_path, simulator)


@pytest.fixture
def program(watched: Watched) -> Iterator[Program]:
    """The exporter, serving."""
    running = Program(watched)
    yield running
    running.stop()


def checks_of(output: str) -> dict[str, dict[str, Any]]:
    """Return the doctor's JSON by check."""
    report: dict[str, Any] = json.loads(output)
    return {check["check"]: check for check in report["checks"]}
