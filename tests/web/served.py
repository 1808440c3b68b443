"""The exporter as a process, on a configuration that needs nothing around it."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).parents[2]
_DEADLINE = 60.0
# For one request: what never ends is longer still, and a busy machine takes its time.
PATIENCE_SECONDS = 30.0

CONFIG = """\
bots:
  - name: alpha
    mode: paper
    root: {root}
    venue: {{kind: binance_usdm, base_url: "http://127.0.0.1:9"}}
    process: {{pidfile: state/bot.pid}}
    heartbeat: {{file: state/heartbeat}}
exporter: {{ntp_servers: [], data_dir: null}}
"""


def wait_for(what: str, condition: Callable[[], Any]) -> Any:
    """Wait for a condition, bounded; return what it returned."""
    deadline = time.monotonic() + _DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {_DEADLINE:.0f} s for: {what}"
        time.sleep(0.02)
    return value


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=_PROJECT,
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )


class Served:
    """``exporter serve`` with these flags.

    Args:
        config: the configuration file.
        flags: after ``serve``; an address is added unless one is among them.
        before: flags before ``serve``.
        launcher: what runs the interpreter, for a process that inherits something.
        kept: descriptors to inherit.
    """

    def __init__(
        self,
        config: Path,
        *flags: str,
        before: tuple[str, ...] = (),
        launcher: tuple[str, ...] = (),
        kept: tuple[int, ...] = (),
    ) -> None:
        self._log = config.with_name("exporter.log")
        listens = any("listen-address" in flag or "systemd" in flag for flag in flags)
        address = () if listens else ("--web.listen-address=127.0.0.1:0",)
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *launcher,
                    *(sys.executable, "-m", "exporter", *before, "serve"),
                    *(f"--config.file={config}", *address, *flags),
                ],
                cwd=_PROJECT,
                stdout=log,
                stderr=log,
                pass_fds=kept,
            )

    @property
    def log(self) -> str:
        """Everything it has said."""
        return self._log.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        """The first address listened on."""
        return self.urls(1)[0]

    def urls(self, number: int) -> list[str]:
        """Wait for so many addresses."""

        def found() -> list[str] | None:
            assert self.process.poll() is None, self.log
            addresses = re.findall(r"listening address=(\S+)\n", self.log)
            return addresses if len(addresses) >= number else None

        urls: list[str] = wait_for("the address", found)
        return urls

    def stop(self) -> None:
        """Leave no process behind."""
        self.process.kill()
        self.process.wait()
