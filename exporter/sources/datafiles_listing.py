"""Which files of a bot are judged: its state, its data, and the exchange's filters."""

import glob
import itertools
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot
from exporter.sources import files

MAX_FILES = 50
_MAX_NAMES = 5000
# A day, or a month with its separator, and perhaps a time, to the microsecond at most:
# 2026-11-23, 20261123T0930Z, 2026_11, 2026-11-23T09-30-00.123Z.
_DATE = re.compile(
    r"(?<!\d)20\d\d(?:(?P<sep>[-_.])(?:0[1-9]|1[0-2])(?:(?P=sep)(?:0[1-9]|[12]\d|3[01]))?"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
    r"(?:[T_-]?\d\d[-:.]?\d\d(?:[-:.]?\d\d(?:[.]\d{1,6})?)?Z?)?(?!\d)"
)
# A day more than any zone is ahead of UTC: the bot may name its files by its own time.
_AHEAD_SECONDS = 86400.0


@dataclass(frozen=True)
class Listed:
    """A file to judge. ``label`` names it in metrics; one of ``state`` must not vanish.

    Unless it has a ``date`` (digits, in the order of time): found by a pattern only, with one in
    its name, it may go once a later one of its ``series`` is there: the label without its dates.
    """

    path: str
    label: str
    state: bool = False
    filters: bool = False
    series: str = ""
    date: str = ""


def listed(bot: Bot, known: Collection[Listed], *, now: float) -> tuple[tuple[Listed, ...], int]:
    """Return the files to judge, and how many the cap leaves out.

    Those that were judged before stay, so that metrics do not come and go with the cap; state
    files that were there before, and names written out in ``paths.data``, even if they are
    missing now. A state file that the bot has rotated away is left out. ``now`` is Unix time: a
    date that is still to come, as of a contract's delivery, is a name like any other.
    """
    found = {file.path: file for file in _candidates(bot, now)}
    newest = _newest(found.values())
    kept = [
        file
        for file in known
        if file.path in found
        or (file.state and not (file.date and file.date < newest.get(file.series, "")))
    ]
    chosen = {file.path: found.get(file.path, file) for file in kept}
    new = [file for file in found.values() if file.path not in chosen]
    room = max(0, MAX_FILES - len(chosen))
    chosen.update((file.path, file) for file in new[:room])
    return tuple(chosen.values()), len(new[room:])


def label(bot: Bot, path: str) -> str:
    """Return the path relative to the bot's root, if it is in it, as clean text."""
    text = os.fsencode(path).decode("utf-8", "replace")
    root = bot.root.rstrip("/") + "/"
    return text.removeprefix(root)


def _candidates(bot: Bot, now: float) -> Iterator[Listed]:
    """Yield state files, then names written out, then what patterns find, newest first."""
    left_out = _judged_elsewhere(bot)
    filters = str(files.path(bot, bot.data_checks.filters))
    seen: set[str] = set()

    def fresh(path: str) -> bool:
        if path in left_out or path in seen:
            return False
        seen.add(path)
        return True

    by_name = _state_by_name(bot)
    for pattern in bot.paths.state:
        for path in filter(fresh, _expand(bot, pattern)):
            name = label(bot, path)
            series, date = ("", "") if path in by_name else _dated(name, now)
            yield Listed(path, name, state=True, series=series, date=date)
    named = [p for p in bot.paths.data if not glob.has_magic(p)]
    required = [str(files.path(bot, name)) for name in named]
    optional = [filters] if files.exists(Path(filters)) else []
    for path in filter(fresh, (*required, *optional)):
        yield Listed(path, label(bot, path), filters=path == filters)
    patterns = [p for p in bot.paths.data if glob.has_magic(p)]
    matching = [path for pattern in patterns for path in _expand(bot, pattern)]
    for path in filter(fresh, sorted(matching, key=_modified, reverse=True)):
        yield Listed(path, label(bot, path), filters=path == filters)


def _dated(name: str, now: float) -> tuple[str, str]:
    """Return the name without its dates and their digits; no digits if it has no past date."""
    limit = time.strftime("%Y%m%d%H%M%S", time.gmtime(now + _AHEAD_SECONDS))
    dates: list[str] = []

    def take(found: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", found[0])
        if digits > limit:
            return found[0]
        dates.append(digits)
        return "#"

    return _DATE.sub(take, name), "".join(dates)


def _newest(found: Iterable[Listed]) -> dict[str, str]:
    """Return the latest date that is there, by series."""
    newest: dict[str, str] = {}
    for file in found:
        if file.date:
            newest[file.series] = max(file.date, newest.get(file.series, ""))
    return newest


def _state_by_name(bot: Bot) -> frozenset[str]:
    """State files that the configuration names in full: they stay, whatever is in the name."""
    written_out = [pattern for pattern in bot.paths.state if not glob.has_magic(pattern)]
    names = (*written_out, bot.paths.positions, bot.paths.kill_switch_state)
    return frozenset(str(files.path(bot, name)) for name in names)


def _judged_elsewhere(bot: Bot) -> frozenset[str]:
    """Files that mean something by being there, or by their time."""
    names = (
        bot.paths.kill_switch_flag,
        bot.paths.pause_flag,
        bot.heartbeat.file,
        bot.process.pidfile,
    )
    return frozenset(str(files.path(bot, name)) for name in names if name is not None)


def _expand(bot: Bot, pattern: str) -> list[str]:
    """Return what a pattern finds, directories without a data file's name left out."""
    names = glob.iglob(os.path.join(bot.root, pattern), recursive=True)  # noqa: PTH118, PTH207 - absolute patterns too
    bounded = itertools.islice(names, _MAX_NAMES)
    return sorted(name for name in bounded if Path(name).suffix or not Path(name).is_dir())


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime  # noqa: PTH116 - one call per name
    except OSError:
        return 0.0
