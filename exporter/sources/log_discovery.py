"""Which files are a bot's logs, and which are what rotation has made of one."""

import glob
import itertools
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot
from exporter.sources.log_track import Key

_MAX_NAMES = 2000
_MAX_ENTRIES = 10_000
_MAX_GENERATIONS = 32
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".lz4", ".zip")
# What rotation adds to a name: .1  -20261124  .2026-11-24_16-00  .old
_GENERATION = r"[-._]?(?:\d[\d\-._T:]*|old|bak|prev)"


@dataclass(frozen=True)
class Found:
    """A regular file under a name."""

    key: Key
    path: str
    size: int
    modified_ns: int


def matching(bot: Bot) -> list[Found]:
    """Return the files that ``paths.logs`` names, newest first, each once."""
    found: dict[Key, Found] = {}
    for pattern in bot.paths.logs:
        names = glob.iglob(os.path.join(bot.root, pattern), recursive=True)  # noqa: PTH118, PTH207 - absolute patterns too
        for name in itertools.islice(names, _MAX_NAMES):
            if (file := _look(name)) is not None:
                found.setdefault(file.key, file)
    return sorted(found.values(), key=lambda file: file.modified_ns, reverse=True)


def generations(path: str) -> list[Found]:
    """Return the uncompressed files that look like earlier generations of a log, newest first.

    Both customs are known: ``bot.log.1`` and ``bot-20261124.log``.
    """
    stem, suffix = os.path.splitext(os.path.basename(path))  # noqa: PTH119, PTH122 - text, not a file
    before, after = re.escape(stem), re.escape(suffix)
    name = re.compile(f"{before}(?:{after}{_GENERATION}|{_GENERATION}{after})", re.IGNORECASE)
    files = (_look(entry.path) for entry in _entries(path) if name.fullmatch(entry.name))
    newest = sorted(filter(None, files), key=lambda file: file.modified_ns, reverse=True)
    return newest[:_MAX_GENERATIONS]


def is_appended(path: str, generation: str) -> bool:
    """Whether a generation's name is the log's with something after it.

    A number inside the name may as well be another program's: ``bot-2.log``.
    """
    return Path(generation).name.startswith(Path(path).name)


def locate(path: str, key: Key) -> str | None:
    """Return the name under which a file stands now in the directory it was in."""
    for entry in _entries(path):
        if entry.inode() == key[1] and (file := _look(entry.path)) and file.key == key:
            return file.path
    return None


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(Path(path).parent) as entries:
            yield from itertools.islice(entries, _MAX_ENTRIES)
    except (OSError, ValueError):
        return


def _look(name: str) -> Found | None:
    if name.endswith(_COMPRESSED):
        return None
    try:
        status = os.stat(name)  # noqa: PTH116 - one call per name
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found((status.st_dev, status.st_ino), name, status.st_size, status.st_mtime_ns)
