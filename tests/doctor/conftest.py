"""A bot with everything configured that the doctor can check, and the doctor in this process."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter import config_file
from exporter.doctor.examination import DEADLINE_SECONDS, Examination, Options
from exporter.doctor.verdicts import Check, Status
from tests.collectors.conftest import Watched
from tests.sim.faults.base import Fault
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator
from tests.sources.bots import write


@contextlib.contextmanager
def living() -> Iterator[int]:
    """Run a process, begun and at rest, for as long as it is needed; yields its pid."""
    script = "import time; print('up', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            yield process.pid
        finally:
            process.kill()


class Ward(Watched):
    """A bot that is well, at an exchange that is well, with nothing left out."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        super().__init__(directory, simulator)
        ready = simulator.ready
        install_bot(self.root, ready)
        simulator.world.bots["alpha"] = self.root
        self.env |= {
            f"TW_{role.upper()}_{part.upper()}": ready[f"{prefix}{part}"]
            for role, prefix in (("bot", "api_"), ("remediation", "remediation_"))
            for part in ("key", "secret")
        }
        env_file = {"env_file": str(self.root / ".env")}
        self.bot["venue"]["credentials"] |= {
            "bot": {**env_file, "key": "BINANCE_API_KEY", "secret": "BINANCE_API_SECRET"},
            "remediation": {"key": "TW_REMEDIATION_KEY", "secret": "TW_REMEDIATION_SECRET"},
        }
        self.bot["venue"] |= {
            "symbols": ["BTCUSDT"],
            "stream_url": f"{ready['stream_usdm']}/market",
            "client_order_prefix": "tb2-",
            "maintenance_windows": ["2099-01-01T00:00Z/2099-01-01T02:00Z"],
        }
        changes: dict[str, Any] = {
            "bot_config": "configs/config_live.yaml",
            "paths": {"data": ["data/*.parquet"]},
            "data_checks": {"manifest": "data/SHA256SUMS"},
            "memory": {"limit_bytes": 1 << 30},
            "tolerances": {"confirm_seconds": 0.2},
            "commands": {"doctor": [sys.executable, "-c", "print('fine')"]},
        }
        self.bot.update(changes)
        reference = {"kind": "binance_usdm", "base_url": ready["reference"]}
        self.plain["exporter"]["clock_references"] = [reference]
        self.seal()
        backup = self.root / "backup/data"
        backup.mkdir(exist_ok=True)
        for file in (self.root / "data").iterdir():
            (backup / file.name).write_bytes(file.read_bytes())
        self.save()

    def seal(self) -> None:
        """Write the manifest of the data as it is now."""
        result = subprocess.run(
            ["sha256sum", "data/features.parquet"],
            cwd=self.root,
            capture_output=True,
            check=True,
        )
        write(self.root, "data/SHA256SUMS", result.stdout)

    def checks(
        self, *stems: str, gate: bool = False, deadline_seconds: float = DEADLINE_SECONDS
    ) -> dict[str, Check]:
        """Make one pass in this process and return its checks by name."""
        config = config_file.load(self.file)
        examination = Examination(
            config, config.bots, Options(gate, stems), deadline_seconds=deadline_seconds
        )
        (checks,) = examination.run()
        return {check.check: check for check in checks}

    def bad(self, *stems: str) -> dict[str, Check]:
        """Make one pass; return what did not pass by itself."""
        return {
            name: check
            for name, check in self.checks(*stems).items()
            if check.status in (Status.FAIL, Status.UNKNOWN) and not check.first
        }

    def inject(self, fault: Fault) -> Any:
        """Bring a fault about; return what ends it."""
        return fault.inject(self.simulator.world)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator with right clocks."""
    with Simulator() as running:
        yield running


@pytest.fixture
def watched(simulator: Simulator, tmp_path: Path) -> Watched:
    """A bot with little more than must be configured; it does not run."""
    return Watched(tmp_path, simulator)


@pytest.fixture
def ward(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    """A bot that runs, as far as its pidfile says, and of which everything is configured."""
    made = Ward(tmp_path, simulator)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    with living() as pid:
        write(made.root, "state/bot.pid", str(pid))
        write(made.root, "state/heartbeat", str(time.time()))
        yield made
