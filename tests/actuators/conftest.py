"""A small bot of its own, and hands that record what they start."""

import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from exporter.config import Bot, Commands, Heartbeat, Paths, Process, Venue
from remediation.actuators.bot import BotActuator
from remediation.actuators.command import CommandActuator
from remediation.actuators.process import ProcessActuator
from remediation.actuators.sessions import Spawn

DEADLINE = 45.0
# Processes are found by their step's id on the whole machine: other test runs have other ones.
STEP = f"step-{uuid.uuid4().hex}"

# Writes all it is configured to write; --ignore-term and --exit=N as a bad bot would.
SCRIPT = """
import os, pathlib, signal, sys, threading

stop = threading.Event()
asked = lambda *_: None if "--ignore-term" in sys.argv else stop.set()
signal.signal(signal.SIGTERM, asked)
state = pathlib.Path("state")
log = open("logs/bot.log", "a", buffering=1)
mode = "dry-run" if "--dry-run" in sys.argv else "live"
print(f"Starting TinyBot (pid {os.getpid()}, mode {mode})", file=log)
for argument in sys.argv:
    if argument.startswith("--exit="):
        print("api_secret=hunter2hunter2 is not accepted", file=log)
        sys.exit(int(argument.removeprefix("--exit=")))
    if argument.startswith("--scribble="):
        pathlib.Path(argument.removeprefix("--scribble=")).write_text("scribbled")
(state / "bot.pid").write_text(str(os.getpid()))
count = 0
while not stop.wait(0.05):
    count += 1
    (state / "positions.json").write_text('{"BTCUSDT": {"qty": "%d"}}' % count)
    if "--no-heartbeat" not in sys.argv:
        (state / "heartbeat").touch()
(state / "bot.pid").unlink()
print("Shutdown complete", file=log)
"""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, bounded."""
    pause, deadline = threading.Event(), time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {DEADLINE:.0f} s for: {what}"
        pause.wait(0.01)
    return value


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def begun(root: Path) -> int:
    """Wait until the small bot has taken its place, from when on it heeds signals; its pid."""
    file = root / "state/bot.pid"
    return int(until(lambda: file.exists() and file.read_text(), "the bot's pidfile"))


def beating(twins: Path) -> bool:
    """Whether a twin below this directory has begun its work."""
    return any(twins.glob("twin-*/state/heartbeat"))


class OnceReached(threading.Event):
    """The receiver's shutdown, which lets nobody look before a condition holds.

    So a dry run of a second watches a twin that has begun, however long that has taken.
    """

    def __init__(self, condition: Callable[[], Any], what: str) -> None:
        super().__init__()
        self._condition = condition
        self._what = what

    def is_set(self) -> bool:
        """Wait, then tell."""
        until(self._condition, self._what)
        return super().is_set()


def tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """Everything about every file below a directory that a write would change."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(root))] = (
            status.st_ino,
            status.st_mode,
            status.st_mtime_ns,
            content,
        )
    return found


def live_command(*options: str) -> tuple[str, ...]:
    """The bot's start command, in a session of its own."""
    return ("setsid", "--fork", sys.executable, "script_live.py", *options)


def dry_command(*options: str) -> tuple[str, ...]:
    """The bot's dry-run command."""
    return (sys.executable, "script_live.py", "--dry-run", *options)


def with_commands(bot: Bot, **commands: Any) -> Bot:
    """The same bot with other commands."""
    return msgspec.structs.replace(bot, commands=Commands(**commands))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A bot's root; whatever runs in it afterwards is ended."""
    root = tmp_path / "bot"
    for name in ("state", "logs", "data", "configs"):
        (root / name).mkdir(parents=True)
    (root / "script_live.py").write_text(SCRIPT, encoding="utf-8")
    (root / "data/model.bin").write_bytes(b"\0" * 1000)
    yield root
    killed = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(tmp_path)):
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)
        except (psutil.Error, OSError):
            continue
    until(lambda: not any(map(alive, killed)), "their end")


@pytest.fixture
def bot(root: Path) -> Bot:
    """The small bot's configuration."""
    return Bot(
        name="alpha",
        mode="paper",
        root=str(root),
        venue=Venue(kind="binance_usdm", base_url="http://127.0.0.1:9"),
        paths=Paths(),
        process=Process(pidfile="state/bot.pid"),
        heartbeat=Heartbeat(file="state/heartbeat", max_age_seconds=10),
        commands=Commands(start=live_command(), start_dry_run=dry_command()),
    )


@pytest.fixture
def spawns() -> list[Spawn]:
    """What was started, in order."""
    return []


@pytest.fixture
def command(spawns: list[Spawn]) -> CommandActuator:
    """Runs commands and records them."""
    return CommandActuator(spawns.append)


@pytest.fixture
def hands() -> BotActuator:
    """Writes flags."""
    return BotActuator()


@pytest.fixture
def process(command: CommandActuator) -> ProcessActuator:
    """Starts and stops; what ought to happen may take its time."""
    return ProcessActuator(command, command_seconds=30.0, stop_seconds=30.0)


@pytest.fixture
def flag(root: Path) -> Path:
    """The bot's kill-switch flag."""
    return root / "state/kill_switch.flag"


@pytest.fixture
def state(root: Path) -> Path:
    """The bot's kill-switch state file."""
    return root / "state/kill_switch_state.json"


@pytest.fixture
def clock_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put stubs of every host clock tool first on PATH; returns the file of their calls."""
    bin_dir, calls = tmp_path / "bin", tmp_path / "clock-tool-calls"
    bin_dir.mkdir()
    for name in CLOCK_TOOLS:
        stub = bin_dir / name
        stub.write_text(f'#!/bin/sh\necho "{name} $*" >> "{calls}"\n', encoding="utf-8")
        stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}{os.pathsep}{os.environ['PATH']}")
    return calls


CLOCK_TOOLS = (
    "chronyc",
    "chronyd",
    "ntpdate",
    "ntpd",
    "sntp",
    "timedatectl",
    "hwclock",
    "adjtimex",
    "date",
    "w32tm",
    "rdate",
)
