"""Find and end the processes that our own steps started.

Each command runs in a session of its own and carries its step's id in the
environment. Both are needed: a child may leave the session (``setsid``) or
clear its environment (``env -i``), seldom both.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

MARKER = "TRADEWARDEN_STEP_ID"
KILL_WAIT = 3.0
_POLL = 0.05
_EXEC_LOOKS = 20
_EXEC_PAUSE = 0.01


@dataclass(frozen=True)
class Spawn:
    """One process that a step started, as it is journalled.

    ``start_time`` is seconds since boot on Linux, which a repaired wall clock
    cannot shift; with the pid it names the process beyond doubt.
    """

    step_id: str
    pid: int
    start_time: float


@dataclass(frozen=True)
class Ending:
    """What ending a set of processes came to: who was signalled, who is still there."""

    signalled: tuple[int, ...]
    left: tuple[int, ...]


def start_time(pid: int) -> float | None:
    """When a process started, or None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        with contextlib.suppress(psutil.Error):
            return psutil.Process(pid).create_time()
        return None
    # The command's name, in parentheses, may hold spaces and parentheses itself.
    ticks = int(stat.rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def is_same(spawn: Spawn) -> bool:
    """Whether the pid still belongs to the process that was journalled."""
    started = start_time(spawn.pid)
    return started is not None and abs(started - spawn.start_time) < 0.05


def marker_of(process: psutil.Process) -> str | None:
    """The step id in a process's environment, if it has one that we may read."""
    try:
        return _environment(process).get(MARKER)
    except (psutil.Error, OSError):
        return None


def _environment(process: psutil.Process) -> dict[str, str]:
    """Read it, and wait for it where the kernel is just replacing the program.

    In the middle of exec a process has neither environment nor command line. Taken for
    a stranger it would outlive its step, or a twin would count as gone.
    """
    pause = threading.Event()
    for _ in range(_EXEC_LOOKS):
        # A thread of the kernel has none of them for ever, and no program either.
        if (environment := process.environ()) or process.cmdline() or not process.exe():
            break
        pause.wait(_EXEC_PAUSE)
    return environment or process.environ()


def find(
    step_ids: Collection[str], sessions: Collection[int], spared: Collection[int] = ()
) -> list[psutil.Process]:
    """Living processes that carry one of the ids or belong to one of the sessions.

    Never this process or one it descends from, whatever their environment says, and
    never a spared process or one that descends from it.
    """
    wanted = {step_id for step_id in step_ids if step_id}
    lineage = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        if process.pid in lineage:
            continue
        try:
            ours = os.getsid(process.pid) in sessions or marker_of(process) in wanted
            # A zombie holds nothing; only its parent can remove it.
            if not ours or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if not spared or not _descends(process, spared):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _descends(process: psutil.Process, spared: Collection[int]) -> bool:
    return process.pid in spared or any(parent.pid in spared for parent in process.parents())


def end(
    search: Callable[[], Iterable[psutil.Process]],
    *,
    grace: float,
    may_kill: Callable[[psutil.Process], bool] = lambda _: True,
) -> Ending:
    """Send TERM to all that ``search`` finds, and after ``grace`` seconds KILL.

    Searches again each time, so that children born meanwhile are met too.
    """
    signalled: dict[int, None] = {}
    pause = threading.Event()
    deadline = time.monotonic() + grace
    while found := list(search()):
        for process in found:
            if process.pid not in signalled:
                signalled[process.pid] = None
                with contextlib.suppress(psutil.Error):
                    process.terminate()
        if time.monotonic() >= deadline:
            break
        pause.wait(_POLL)
    deadline = time.monotonic() + KILL_WAIT
    while found := list(search()):
        killable = [process for process in found if may_kill(process)]
        for process in killable:
            signalled[process.pid] = None
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not killable or time.monotonic() >= deadline:
            break
        pause.wait(_POLL)
    return Ending(tuple(signalled), tuple(process.pid for process in found))
