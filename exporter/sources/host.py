"""The bot's live process, found three ways at once so that none hides another.

The configured way (pidfile, unit or command line) says which process is *the*
bot; a search for what the start commands run finds any second one, also one that
a person started by hand.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psutil

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import ExitKind, ProcessReading
from exporter.sources import files, systemd
from exporter.sources.bot_command import MODULE, Run, process_run, start_runs
from exporter.sources.last_exit import read_last_exit

TWIN_VARIABLE = "TRADEWARDEN_TWIN"
_DRY_RUN = "--dry-run"
_PIDFILE_SLACK_SECONDS = 2.0
_PID_LIMIT = 64

T = TypeVar("T")


@dataclass(frozen=True)
class _Found:
    """One live process that belongs to the bot, or (not ``is_bot``) may belong to it."""

    process: psutil.Process
    argv: tuple[str, ...]
    dry_run: bool
    is_bot: bool = True


def read_process(bot: Bot) -> ProcessReading:
    """Find the bot's process and how its last run ended.

    Raises:
        SourceError: only when it cannot be told whether the bot runs.
    """
    unit = systemd.show(bot.process.systemd_unit) if bot.process.systemd_unit else None
    searched = tuple(_search(bot))
    found = {item.process.pid: item for item in searched if item.is_bot}
    doubt: SourceError | None = None
    pid = unit.main_pid if unit else None
    if bot.process.pidfile is not None:
        try:
            pid = _pidfile_pid(bot)
        except SourceError as error:
            doubt = error
    if pid and pid not in found and (item := _inspect(pid, bot)) is not None:
        found[pid] = item
    live = _roots(item for item in found.values() if not item.dry_run)
    twins = sorted(item.process.pid for item in found.values() if item.dry_run)
    others = tuple(i.process.pid for i in searched if not i.is_bot and i.process.pid not in found)
    if doubt is not None and not live:
        raise doubt
    # A unit between two automatic starts is its supervisor's business, not a crash.
    up = bool(live) or (unit is not None and unit.restarting)
    first = live[0].process if live else None
    return ProcessReading(
        up=up,
        pids=tuple(item.process.pid for item in live),
        dry_run_pids=tuple(twins),
        start_time=_ask(first.create_time) if first else None,
        resident_bytes=_ask(lambda: int(first.memory_info().rss)) if first else None,
        last_exit=ExitKind.RUNNING if up else read_last_exit(bot, unit),
        detail=_detail(live, unit, doubt) + (f"; also pid {others[0]}" if others else ""),
        others=others,
    )


def _search(bot: Bot) -> Iterable[_Found]:
    """Yield processes that run the bot's script in its root, or match the configured pattern."""
    pattern = re.compile(bot.process.cmdline) if bot.process.cmdline else None
    starts = start_runs(bot)
    root = os.path.realpath(bot.root)
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        argv = _argv(process)
        run = process_run(argv) if argv else None
        by_pattern = bool(argv) and pattern is not None and bool(pattern.search(" ".join(argv)))
        alike = [s for s in starts if run is not None and _same_script(process, run, s, root)]
        here = bool(alike) or by_pattern
        twin = here and _twin_of(process, bot, here=_ask(process.cwd) == root)
        in_root = by_pattern or twin or _ask(process.cwd) == root
        if here and in_root:
            exact = any(run == Run(run.script, start.arguments) for start in alike if run)
            is_bot = exact or by_pattern or twin or _DRY_RUN in argv
            yield _Found(process, argv, twin or _DRY_RUN in argv, is_bot)


def _same_script(process: psutil.Process, run: Run, start: Run, root: str) -> bool:
    """Whether both name the same file, module, or program from PATH."""
    if run.script == start.script:
        return True
    if run.script.startswith(MODULE) or start.script.startswith(MODULE):
        return False
    here = _ask(process.cwd) or "/"
    ours = os.path.realpath(os.path.join(root, start.script))  # noqa: PTH118 - realpath of both
    return os.path.realpath(os.path.join(here, run.script)) == ours  # noqa: PTH118


def _inspect(pid: int, bot: Bot) -> _Found | None:
    """Return the process if it lives; its twin mark is honoured here too."""
    try:
        process = psutil.Process(pid)
    except (psutil.Error, ValueError, OverflowError):
        return None
    argv = _argv(process)
    if not argv:
        return None
    dry_run = _DRY_RUN in argv or _twin_of(process, bot, here=True)
    return _Found(process, argv, dry_run)


def twin_mark(bot: Bot) -> str:
    """What a twin of this bot carries in its environment: whose twin it is, not just a name."""
    return os.path.realpath(bot.root)


def _twin_of(process: psutil.Process, bot: Bot, *, here: bool) -> bool:
    mark = (_ask(process.environ) or {}).get(TWIN_VARIABLE)
    return mark is not None and (here or mark == twin_mark(bot))


def _argv(process: psutil.Process) -> tuple[str, ...]:
    """Return the argv; empty for a zombie, which is dead whatever its pid says."""
    try:
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return ()
        return tuple(process.cmdline())
    except (psutil.Error, OSError):
        return ()


def _roots(items: Iterable[_Found]) -> list[_Found]:
    """Drop children of other members: wrappers and workers are one bot, not two."""
    chosen = {item.process.pid: item for item in items}
    roots = [item for item in chosen.values() if _ask(item.process.ppid) not in chosen]
    return sorted(roots, key=lambda item: item.process.pid)


def _pidfile_pid(bot: Bot) -> int | None:
    """Return the pid if it is still the process that wrote the file, else None."""
    file = files.path(bot, bot.process.pidfile or "")
    try:
        content = files.read(file, limit=_PID_LIMIT)
    except SourceError as error:
        if error.reason is Reason.MISSING:
            return None
        raise
    text = content.data.decode("ascii", errors="replace").strip()
    if not text.isdecimal() or not 0 < int(text) < 1 << 31:
        raise SourceError(Reason.INVALID, f"{file} holds no pid")
    try:
        process = psutil.Process(int(text))
        started = process.create_time()
    except psutil.Error:
        return None
    # A younger process than its file is somebody else's who got the number, unless it
    # looks like the bot: a clock that was stepped makes every process look younger.
    if started > content.mtime_ns / 1e9 + _PIDFILE_SLACK_SECONDS and not _looks_like(process, bot):
        return None
    return int(text)


def _looks_like(process: psutil.Process, bot: Bot) -> bool:
    root = os.path.realpath(bot.root)
    if _ask(process.cwd) == root:
        return True
    argv = _argv(process)
    run = process_run(argv) if argv else None
    return run is not None and any(_same_script(process, run, s, root) for s in start_runs(bot))


def _detail(live: Sequence[_Found], unit: systemd.Unit | None, doubt: SourceError | None) -> str:
    parts = []
    if len(live) > 1:
        parts.append(f"{len(live)} live processes")
    elif live:
        parts.append(f"pid {live[0].process.pid}")
    else:
        parts.append("no live process")
    if unit is not None:
        parts.append(f"unit is {unit.active_state} ({unit.sub_state}, {unit.result})")
    if doubt is not None:
        parts.append(doubt.detail)
    return "; ".join(parts)


def _ask(question: Callable[[], T]) -> T | None:
    """Return a process's answer, or None when it is gone or not ours to read."""
    try:
        return question()
    except (psutil.Error, OSError):
        return None
