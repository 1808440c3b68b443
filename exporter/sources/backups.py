"""The bot's newest backup: when it was made, and whether it could be restored from.

``paths.backups`` holds either one backup in the shape of the bot's root (``backup/data/…``, as
the runbook restores it) or one entry per backup: a directory or an archive each.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot, Paths
from exporter.readings import BackupReading, FileKind
from exporter.sources import files
from exporter.sources.data_judging import Judge
from exporter.sources.data_verdict import Question, Shape, is_archive, kind_of
from exporter.sources.datafiles_listing import label

_MAX_ENTRIES = 1000
_MAX_FILES = 5000
_MAX_JUDGED = 200
_MAX_DEPTH = 16
# A backup that was written to just now may not be complete.
_SETTLED_SECONDS = 30.0


@dataclass(frozen=True)
class _Backup:
    """One backup, and the newest of its files' times."""

    path: str
    files: tuple[str, ...]
    made: float


def is_expected(bot: Bot) -> bool:
    """Whether there should be a backup: the configuration says so, or their folder is there.

    The default of ``paths.backups`` says nothing: nobody wrote it.
    """
    named = bot.paths.backups != Paths().backups or bot.commands.backup is not None
    return named or files.exists(files.path(bot, bot.paths.backups))


def read_backup(bot: Bot, judge: Judge, *, now: float) -> BackupReading | None:
    """Judge the newest backup; None if there is none. Never raises."""
    backups = sorted(_backups(bot), key=lambda backup: backup.made, reverse=True)
    settled = [backup for backup in backups if now - backup.made >= _SETTLED_SECONDS]
    if not backups:
        return None
    newest = settled[0] if settled else backups[0]
    problem = _problem(newest, judge)
    return BackupReading(
        path=label(bot, newest.path),
        # From the future, as a wrong clock writes it, it is not younger than now.
        made=min(newest.made, now),
        valid=not problem,
        detail=problem or f"{len(newest.files)} files",
    )


def _problem(backup: _Backup, judge: Judge) -> str:
    """What makes a backup useless; empty if nothing does."""
    if not backup.files:
        return "is empty"
    questions = [q for q in map(_question, backup.files) if q is not None][:_MAX_JUDGED]
    verdicts = judge.judge(questions)
    judge.forget(verdicts.keys())
    for path, verdict in verdicts.items():
        if verdict.reason is not None:
            name = os.path.relpath(path, backup.path) if path != backup.path else "it"
            return f"{name} {verdict.detail}"
    return ""


def _question(path: str) -> Question | None:
    if is_archive(path):
        return Question(path=path, kind=FileKind.OTHER, shape=Shape.ARCHIVE)
    kind = kind_of(path)
    return None if kind is FileKind.OTHER else Question(path=path, kind=kind)


def _backups(bot: Bot) -> Iterator[_Backup]:
    root = str(files.path(bot, bot.paths.backups))
    try:
        with os.scandir(root) as entries:
            names = [entry.name for _, entry in zip(range(_MAX_ENTRIES), entries, strict=False)]
    except NotADirectoryError:
        yield _collect(root)
        return
    except (OSError, ValueError):
        return
    visible = [name for name in names if not name.startswith(".")]
    if _mirrored(bot).intersection(visible):
        yield _collect(root)
        return
    for name in visible:
        path = f"{root.rstrip('/')}/{name}"
        backup = _collect(path)
        # Single files of another kind are notes and scripts, not backups.
        if Path(path).is_dir() or _question(path) is not None:
            yield backup


def _mirrored(bot: Bot) -> frozenset[str]:
    """The names in the bot's root that hold state and data."""
    patterns = (*bot.paths.state, *bot.paths.data, bot.paths.positions)
    return frozenset(Path(p).parts[0] for p in patterns if not Path(p).is_absolute())


def _collect(path: str) -> _Backup:
    """Gather a backup's files, newest first; what cannot be entered is left out."""
    found: list[tuple[float, str]] = []
    pending = [(path, 0)]
    made = 0.0
    while pending and len(found) < _MAX_FILES:
        place, depth = pending.pop()
        try:
            status = os.lstat(place)
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_mtime, place))
            elif stat.S_ISDIR(status.st_mode) and depth < _MAX_DEPTH:
                names = sorted(os.listdir(place))[:_MAX_FILES]  # noqa: PTH208 - only names
                pending += [(f"{place}/{name}", depth + 1) for name in names]
        except OSError:
            continue
        made = max(made, status.st_mtime) if not found else made
    newest = max((modified for modified, _ in found), default=made)
    return _Backup(path, tuple(name for _, name in sorted(found, reverse=True)), newest)
