"""A second root for a dry run: links to everything, copies of what the bot writes."""

import fnmatch
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from exporter.config import Bot
from remediation.errors import ActionError, ActionReason

COPY_LIMIT = 256 * 1024 * 1024
# What would stop the twin, or make it look like the live bot.
_NEVER_COPIED = ("*.lock", "*.pid", "*.lifting", "*.tradewarden")


@dataclass
class _Copying:
    """What one copy may still take, and where it has been (links can form loops)."""

    left_bytes: int = COPY_LIMIT
    visited: set[tuple[int, int]] = field(default_factory=set)


def build(bot: Bot, twin: Path) -> None:
    """Fill the empty directory ``twin`` so that the bot can run there.

    Raises:
        ActionError: NOT_CONFIGURED for a path that leads out of the root, or more
            state than may be copied.
        OSError: a file cannot be read or written.
    """
    root = Path(bot.root)
    state, logs = state_patterns(bot), relative_patterns(bot, bot.paths.logs)
    skipped = [*relative_patterns(bot, _left_out(bot)), *logs]
    copying = _Copying()
    for entry in sorted(root.iterdir()):
        target = twin / entry.name
        if _matches_first(entry.name, state):
            _copy(entry, target, PurePosixPath(entry.name), skipped, copying)
        elif _matches_first(entry.name, logs):
            if entry.is_dir():
                target.mkdir()
        else:
            target.symlink_to(entry)
    for pattern in (*state, *logs):
        # The bot may count on the directories of its files.
        parent = PurePosixPath(pattern).parent
        if not any(character in str(parent) for character in "*?["):
            (twin / parent).mkdir(parents=True, exist_ok=True)


def as_twin(bot: Bot, twin: Path) -> Bot:
    """The same bot, with the places we read it at moved into the twin."""
    heartbeat = bot.heartbeat
    if heartbeat.file is not None:
        moved = relative_patterns(bot, [heartbeat.file])[0]
        heartbeat = msgspec.structs.replace(heartbeat, file=moved)
    logs = tuple(relative_patterns(bot, bot.paths.logs))
    return msgspec.structs.replace(
        bot,
        root=str(twin),
        heartbeat=heartbeat,
        paths=msgspec.structs.replace(bot.paths, logs=logs),
    )


def fingerprint(bot: Bot) -> dict[str, tuple[int, ...]]:
    """Identify every live state file, to prove afterwards that none was touched.

    Raises:
        OSError: the state cannot be listed.
    """
    root = Path(bot.root)
    state = state_patterns(bot)
    found: dict[str, tuple[int, ...]] = {}
    for entry in root.iterdir():
        if _matches_first(entry.name, state):
            for file in _walk(entry):
                status = file.lstat()
                found[str(file.relative_to(root))] = (
                    status.st_ino,
                    status.st_size,
                    status.st_mtime_ns,
                )
    return found


def state_patterns(bot: Bot) -> list[str]:
    """Every configured path under which the bot writes state, relative to its root."""
    paths = bot.paths
    names = [
        paths.positions,
        paths.kill_switch_flag,
        paths.kill_switch_state,
        paths.pause_flag,
        *paths.state,
        bot.process.pidfile,
        bot.heartbeat.file,
    ]
    return relative_patterns(bot, [name for name in names if name])


def relative_patterns(bot: Bot, names: list[str] | tuple[str, ...]) -> list[str]:
    """Make paths relative to the root.

    Raises:
        ActionError: NOT_CONFIGURED, if one leads out of it: a twin there would
            share the live bot's file.
    """
    relative = []
    for name in names:
        path = os.path.normpath(Path(bot.root) / name)
        inside = os.path.relpath(path, os.path.normpath(bot.root))
        if PurePosixPath(inside).parts[:1] in (("..",), ()):
            raise ActionError(
                ActionReason.NOT_CONFIGURED,
                f"no dry run: {name} is outside {bot.root}, so a twin would share it",
                permanent=True,
            )
        relative.append(inside)
    return relative


def _left_out(bot: Bot) -> list[str]:
    paths = bot.paths
    names = (
        paths.kill_switch_flag,
        paths.pause_flag,
        bot.process.pidfile,
        bot.heartbeat.file,
    )
    return [name for name in names if name]


def _matches_first(name: str, patterns: list[str]) -> bool:
    """Whether a top-level entry is the first part of one of the patterns."""
    firsts = {PurePosixPath(pattern).parts[0] for pattern in patterns}
    return any(fnmatch.fnmatchcase(name, first) for first in firsts)


def _copy(
    source: Path, target: Path, name: PurePosixPath, skipped: list[str], copying: _Copying
) -> None:
    """Copy contents, following links: a link in the twin would lead to live state."""
    if any(fnmatch.fnmatchcase(name.name, pattern) for pattern in _NEVER_COPIED):
        return
    if any(name.match(pattern) for pattern in skipped):
        return
    try:
        status = source.stat()
    except OSError:
        return  # dangling, a loop, or gone meanwhile
    if stat.S_ISDIR(status.st_mode):
        if (status.st_dev, status.st_ino) in copying.visited:
            return
        copying.visited.add((status.st_dev, status.st_ino))
        target.mkdir()
        for entry in sorted(source.iterdir()):
            _copy(entry, target / entry.name, name / entry.name, skipped, copying)
    elif stat.S_ISREG(status.st_mode):
        copying.left_bytes -= status.st_size
        if copying.left_bytes < 0:
            raise ActionError(
                ActionReason.NOT_CONFIGURED,
                f"no dry run: the state in {source.parent} is larger than {COPY_LIMIT >> 20} MiB",
                permanent=True,
            )
        shutil.copy2(source, target)


def _walk(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for directory, _, names in os.walk(path):
            for name in names:
                yield Path(directory) / name
    else:
        yield path
