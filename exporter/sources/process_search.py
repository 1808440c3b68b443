"""Which live processes are the bot's, by what they run and where they run it."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from exporter.config import Bot
from exporter.sources.bot_command import MODULE, Run, process_run, start_runs

TWIN_VARIABLE = "TRADEWARDEN_TWIN"
_DRY_RUN = "--dry-run"
# A script may become a link to another one; nothing else can change a verdict.
_VERDICT_SECONDS = 60.0
_PROC = Path("/proc")
_PROC_SHOWS_PROCESSES = (_PROC / "self/cmdline").exists()
_STAT_LIMIT = 4096
_LINE_LIMIT = 4096
# Fields of /proc/<pid>/stat behind the name in brackets begin with the third, the state.
_START_FIELD = 22 - 3
_DEAD = (b"Z", b"X", b"x")

_Glance = tuple[bytes, str | None]

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """One live process that belongs to the bot, or (not ``is_bot``) may belong to it.

    ``birth`` is its start in seconds from boot, which no clock step moves; None where the host
    does not say.
    """

    process: psutil.Process
    seen: _Glance
    argv: tuple[str, ...]
    dry_run: bool
    birth: float | None
    is_bot: bool = True

    def lives_on(self) -> bool:
        """Whether it is still the same process, and still runs the same thing."""
        pid = self.process.pid
        if self.birth is not None:
            return _life(pid) == (True, self.birth) and _glance(pid) == self.seen
        return ask(self.process.is_running) is True and _glance(pid) == self.seen


class ProcessSearch:
    """Looks through all processes for one bot.

    A process that was judged to be somebody else's is judged again only when what it runs or
    where it works has changed: judging costs several times what looking does.

    Args:
        bot: whose processes.
        monotonic: what the age of verdicts is measured by.
    """

    def __init__(self, bot: Bot, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bot = bot
        self._pattern = re.compile(bot.process.cmdline) if bot.process.cmdline else None
        self._starts = start_runs(bot)
        self._monotonic = monotonic
        self._root = ""
        self._begun = float("-inf")
        self._foreign: dict[int, _Glance] = {}

    def run(self) -> tuple[Found, ...]:
        """Return the processes that run the bot's script in its root, or match the pattern."""
        root, now = os.path.realpath(self._bot.root), self._monotonic()
        if root != self._root or now - self._begun > _VERDICT_SECONDS:
            self._root, self._begun, self._foreign = root, now, {}
        return tuple(self._look())

    def looks_like(self, process: psutil.Process) -> bool:
        """Whether a process works in the bot's root or runs its script."""
        root = os.path.realpath(self._bot.root)
        cwd = ask(process.cwd)
        if cwd == root:
            return True
        argv = live_argv(process)
        run = process_run(argv) if argv else None
        return run is not None and any(same_script(run, cwd, s, root) for s in self._starts)

    def inspect(self, pid: int) -> Found | None:
        """Return the process of a pid that is known to be the bot's, if it lives."""
        try:
            process = psutil.Process(pid)
        except (psutil.Error, ValueError, OverflowError):
            return None
        # First how it looks: should it become something else now, that shows at the next look.
        seen, argv = _glance(pid), live_argv(process)
        if not argv or seen is None:
            return None
        dry_run = _DRY_RUN in argv or self._is_twin(process, here=True)
        return Found(process, seen, argv, dry_run, birth(pid))

    def _look(self) -> Iterator[Found]:
        foreign: dict[int, _Glance] = {}
        for pid in psutil.pids():
            seen = _glance(pid) if pid != os.getpid() else None
            if seen is None:
                continue
            found = None if self._foreign.get(pid) == seen else self._judge(pid, seen)
            if found is None:
                foreign[pid] = seen
            else:
                yield found
        self._foreign = foreign

    def _judge(self, pid: int, seen: _Glance) -> Found | None:
        cwd = seen[1]
        try:
            process = psutil.Process(pid)
        except (psutil.Error, ValueError):
            return None
        argv = tuple(ask(process.cmdline) or ())
        run = process_run(argv) if argv else None
        by_pattern = self._pattern is not None and bool(self._pattern.search(" ".join(argv)))
        alike = [
            s for s in self._starts if run is not None and same_script(run, cwd, s, self._root)
        ]
        if not argv or not (alike or by_pattern):
            return None
        twin = self._is_twin(process, here=cwd == self._root)
        if not (by_pattern or twin or cwd == self._root):
            return None
        exact = any(run == Run(run.script, start.arguments) for start in alike if run)
        is_bot = exact or by_pattern or twin or _DRY_RUN in argv
        return Found(process, seen, argv, twin or _DRY_RUN in argv, birth(pid), is_bot)

    def _is_twin(self, process: psutil.Process, *, here: bool) -> bool:
        mark = (ask(process.environ) or {}).get(TWIN_VARIABLE)
        return mark is not None and (here or mark == twin_mark(self._bot))


def twin_mark(bot: Bot) -> str:
    """What a twin of this bot carries in its environment: whose twin it is, not just a name."""
    return os.path.realpath(bot.root)


def same_script(run: Run, cwd: str | None, start: Run, root: str) -> bool:
    """Whether both name the same file, module, or program from PATH."""
    if run.script == start.script:
        return True
    if run.script.startswith(MODULE) or start.script.startswith(MODULE):
        return False
    ours = os.path.realpath(os.path.join(root, start.script))  # noqa: PTH118 - realpath of both
    return os.path.realpath(os.path.join(cwd or "/", run.script)) == ours  # noqa: PTH118


def live_argv(process: psutil.Process) -> tuple[str, ...]:
    """Return the argv; empty for a zombie, which is dead whatever its pid says."""
    try:
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return ()
        return tuple(process.cmdline())
    except (psutil.Error, OSError):
        return ()


def _glance(pid: int) -> _Glance | None:
    """Return what a process runs and where, in the form that costs least to compare.

    None for one that is gone, is dead and only not waited for, or is a part of the kernel.
    """
    try:
        descriptor = os.open(f"/proc/{pid}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None if _PROC_SHOWS_PROCESSES else _portable_glance(pid)
    try:
        line = os.read(descriptor, _LINE_LIMIT)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if not line:
        return None
    try:
        return line, os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 - for every process
    except OSError:
        return line, None


def _portable_glance(pid: int) -> _Glance | None:
    try:
        process = psutil.Process(pid)
        line = "\0".join(process.cmdline())
    except (psutil.Error, OSError):
        return None
    return line.encode("utf-8", errors="surrogateescape"), ask(process.cwd)


def birth(pid: int, *, proc: Path = _PROC) -> float | None:
    """Return when a process started, in seconds from boot (proc(5), stat, field 22)."""
    return _life(pid, proc=proc)[1]


def _life(pid: int, *, proc: Path = _PROC) -> tuple[bool, float | None]:
    """Return whether a process runs, rather than being dead and not waited for, and its birth."""
    try:
        descriptor = os.open(f"{proc}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, _STAT_LIMIT)
        finally:
            os.close(descriptor)
        # The name may hold spaces and brackets; the last bracket ends it.
        fields = data[data.rindex(b")") + 1 :].split()
        return fields[0] not in _DEAD, int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return False, None


def ask(question: Callable[[], T]) -> T | None:
    """Return a process's answer, or None when it is gone or not ours to read."""
    try:
        return question()
    except (psutil.Error, OSError):
        return None
