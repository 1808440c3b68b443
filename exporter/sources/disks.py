"""Room where the bot writes: its state, logs, data and backups.

A file system that hangs (a lost network mount) makes these calls hang, too; nothing in user
space can end them. The caller's deadline and the time of the last attempt are what shows it.
"""

import glob
import os
from functools import lru_cache
from pathlib import Path

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import DiskReading
from exporter.sources import files, pseudo_files

_PROC = Path("/proc/self")


def read_disks(bot: Bot) -> tuple[DiskReading, ...]:
    """Return one reading for each purpose; a folder that is not there yet counts by its parent.

    Raises:
        SourceError: UNREADABLE when a file system does not answer.
    """
    folders = {
        "state": files.path(bot, bot.paths.kill_switch_state).parent,
        "logs": _folder(bot, bot.paths.logs),
        "data": _folder(bot, bot.paths.data),
        "backups": files.path(bot, bot.paths.backups),
    }
    return tuple(
        _read(purpose, folder) for purpose, folder in folders.items() if folder is not None
    )


def _folder(bot: Bot, patterns: tuple[str, ...]) -> Path | None:
    """Return the folder above the first pattern's wildcards; None without patterns."""
    return files.path(bot, _fixed(patterns[0])) if patterns else None


@lru_cache(maxsize=1024)
def _fixed(pattern: str) -> str:
    """Return the folder in a pattern that has no wildcards, empty for the bot's root."""
    parts = Path(pattern).parts
    fixed = [part for index, part in enumerate(parts) if not _wild(parts[: index + 1])]
    if len(fixed) == len(parts):
        fixed = fixed[:-1]
    return str(Path(*fixed)) if fixed else ""


def _wild(parts: tuple[str, ...]) -> bool:
    return any(glob.has_magic(part) for part in parts)


def _read(purpose: str, folder: Path) -> DiskReading:
    place = _existing(folder)
    try:
        stats = os.statvfs(place)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise SourceError(Reason.UNREADABLE, f"{place} cannot be read: {cause}") from error
    # What a user may still take, as df shows it: the last blocks are kept for root.
    return DiskReading(
        purpose=purpose,
        path=str(place),
        size_bytes=stats.f_blocks * stats.f_frsize,
        free_bytes=stats.f_bavail * stats.f_frsize,
        # Some file systems (btrfs, most network ones) have no fixed number of them.
        free_inodes_ratio=stats.f_favail / stats.f_files if stats.f_files else None,
        writable=not stats.f_flag & os.ST_RDONLY or _takes_writes(place),
    )


def _takes_writes(place: Path) -> bool:
    """Say whether a file system that we see read-only takes writes through other mounts.

    A container or a unit's sandbox may show us the bot's files read-only, as nobody else sees
    them. What the kernel does after a disk error it does to the whole file system: then ``ro``
    is among its own options, the last field of its line (proc(5), mountinfo).
    """
    number = _mount_number(place)
    try:
        with (_PROC / "mountinfo").open(encoding="utf-8", errors="replace") as lines:
            options = next(_options(line) for line in lines if line.split(" ", 1)[0] == number)
    except (OSError, StopIteration):
        return False
    return "ro" not in options


def _mount_number(place: Path) -> str | None:
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        number = pseudo_files.value(f"{_PROC}/fdinfo/{descriptor}", "mnt_id")
    finally:
        os.close(descriptor)
    return None if number is None else str(number)


def _options(line: str) -> list[str]:
    return line.rpartition(" ")[2].strip().split(",")


def _existing(folder: Path) -> Path:
    """Return the folder or its nearest ancestor that exists."""
    if files.exists(folder):
        return folder
    return next(filter(files.exists, folder.parents), folder)
