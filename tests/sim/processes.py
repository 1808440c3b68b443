"""Find and observe the simulated bot's process; nothing else is ever signalled."""

import time
from pathlib import Path

import psutil

_WAIT = 10.0
_POLL = 0.005


def live_bot(root: Path) -> psutil.Process | None:
    """The process named by the pidfile, if it runs this root's script."""
    try:
        process = psutil.Process(int((root / "state/bot.pid").read_text()))
        ours = "script_live.py" in process.cmdline()
        if ours and Path(process.cwd()).resolve() == root.resolve() and _alive(process):
            return process
    except (OSError, ValueError, psutil.Error):
        pass
    return None


def wait_step(root: Path) -> None:
    """Wait until the bot has just finished a step, or has visibly stopped stepping."""
    heartbeat = root / "state/heartbeat"
    started, deadline = _modified(heartbeat), time.monotonic() + _WAIT / 2
    while _modified(heartbeat) == started and time.monotonic() < deadline:
        time.sleep(_POLL)


def wait_gone(process: psutil.Process) -> bool:
    """Wait until a process has ended; a zombie has."""
    deadline = time.monotonic() + _WAIT
    while _alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
