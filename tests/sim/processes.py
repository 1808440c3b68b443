"""Find and observe the simulated bot's process; nothing else is ever signalled."""

import contextlib
import signal
import time
from pathlib import Path

import psutil

from tests.sim.bot_files import STEP_SECONDS

_WAIT = 30.0
_STEP_WAIT = 10.0  # a bot that has not ended a step by then does not step any more
_POLL = 0.005
_BEAT = "state/heartbeat"


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


def end_between_steps(process: psutil.Process, root: Path, number: signal.Signals) -> None:
    """Send a signal while the bot rests between two steps, or has visibly stopped stepping.

    On a busy machine the rest may be over before the signal is sent. So the process is stopped
    first, and goes on if it was too late.
    """
    deadline = time.monotonic() + _WAIT
    while _step(root) and time.monotonic() < deadline:
        process.send_signal(signal.SIGSTOP)
        if _stopped(process) and time.time() - _modified(root / _BEAT) / 1e9 < STEP_SECONDS:
            break
        process.send_signal(signal.SIGCONT)
    process.send_signal(number)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)


def _step(root: Path) -> bool:
    """Wait until the bot has just finished a step; whether it has."""
    started, deadline = _modified(root / _BEAT), time.monotonic() + _STEP_WAIT
    while _modified(root / _BEAT) == started:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _stopped(process: psutil.Process) -> bool:
    """Wait until the kernel has stopped a process; whether it lives."""
    while _alive(process):
        if process.status() == psutil.STATUS_STOPPED:
            return True
        time.sleep(_POLL)
    return False


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
