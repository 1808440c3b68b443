"""Which files of a bot are judged: its state, its data, and the exchange's filters."""

import glob
import itertools
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot
from exporter.sources import files

MAX_FILES = 50
_MAX_NAMES = 5000


@dataclass(frozen=True)
class Listed:
    """A file to judge. ``label`` names it in metrics; one of ``state`` must not vanish."""

    path: str
    label: str
    state: bool = False
    filters: bool = False


def listed(bot: Bot, known: Collection[Listed]) -> tuple[tuple[Listed, ...], int]:
    """Return the files to judge, and how many the cap leaves out.

    Those that were judged before stay, so that metrics do not come and go with the cap; state
    files that were there before, and names written out in ``paths.data``, even if they are
    missing now.
    """
    found = {file.path: file for file in _candidates(bot)}
    kept = [file for file in known if file.state or file.path in found]
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


def _candidates(bot: Bot) -> Iterator[Listed]:
    """Yield state files, then names written out, then what patterns find, newest first."""
    left_out = _judged_elsewhere(bot)
    filters = str(files.path(bot, bot.data_checks.filters))
    seen: set[str] = set()

    def fresh(path: str) -> bool:
        if path in left_out or path in seen:
            return False
        seen.add(path)
        return True

    for pattern in bot.paths.state:
        for path in filter(fresh, _expand(bot, pattern)):
            yield Listed(path, label(bot, path), state=True)
    named = [p for p in bot.paths.data if not glob.has_magic(p)]
    required = [str(files.path(bot, name)) for name in named]
    optional = [filters] if files.exists(Path(filters)) else []
    for path in filter(fresh, (*required, *optional)):
        yield Listed(path, label(bot, path), filters=path == filters)
    patterns = [p for p in bot.paths.data if glob.has_magic(p)]
    matching = [path for pattern in patterns for path in _expand(bot, pattern)]
    for path in filter(fresh, sorted(matching, key=_modified, reverse=True)):
        yield Listed(path, label(bot, path), filters=path == filters)


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
