"""One flag file: look at it, set our pause, take our pause away again.

Everything here is safe against a person or the bot acting on the same file at
the same time: creating never replaces, and taking away puts back.
"""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exporter.errors import SourceError
from exporter.sources import files, pause
from remediation.actuators import durable
from remediation.errors import ActionError, ActionReason

_LIMIT = 64 * 1024
_SETTLE_SECONDS = 0.1


@dataclass(frozen=True)
class Flag:
    """What one flag file was when it was looked at.

    ``incident`` is set only for our own unchanged pause; ``plain`` is False for a
    directory or device, which no file can replace in one step.
    """

    identity: tuple[int, int, int, bytes | None]
    incident: str | None
    plain: bool


def look(file: Path) -> Flag | None:
    """Return what is there, or None when nothing is; follows no link.

    Raises:
        OSError: it cannot be told whether the flag exists.
    """
    try:
        status = file.lstat()
    except FileNotFoundError:
        return None
    plain = stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
    try:
        content = files.read(file, limit=_LIMIT, follow=False)
    except SourceError:
        return Flag((status.st_ino, status.st_size, status.st_mtime_ns, None), None, plain)
    mark = pause.decode(content.data)
    ours = mark is not None and mark.mtime_ns == content.mtime_ns
    return Flag(
        (content.inode, content.size, content.mtime_ns, content.data),
        mark.incident if mark is not None and ours else None,
        plain,
    )


def new_mark(incident: str, now: float) -> pause.PauseMark:
    """Make a mark whose mtime a later ``touch`` cannot meet by chance.

    Whole even seconds survive every file system; lying back by two keeps a touch
    within the same tick of a coarse one apart.
    """
    return pause.PauseMark(incident, (int(now) // 2 * 2 - 2) * 10**9)


def set_pause(file: Path, mark: pause.PauseMark) -> None:
    """Create our pause where no flag is.

    Raises:
        FileExistsError: somebody set a flag first.
    """
    durable.create(file, pause.encode(mark), mtime_ns=mark.mtime_ns)


def swap_in_pause(file: Path, expected: Flag, mark: pause.PauseMark) -> None:
    """Put our pause in the place of exactly the flag that was looked at.

    Raises:
        ActionError: CHANGED, and the flag is left as it is.
    """
    if look(file) != expected:
        raise ActionError(ActionReason.CHANGED, f"{file} changed since it was looked at")
    durable.replace(file, pause.encode(mark), mtime_ns=mark.mtime_ns)


def _settle() -> None:
    threading.Event().wait(_SETTLE_SECONDS)


def take_away(file: Path, expected: Flag, *, settle: Callable[[], None] = _settle) -> None:
    """Remove exactly the flag that was looked at; anything else is put back.

    Args:
        file: the flag.
        expected: what it was when it was looked at.
        settle: gives whoever opened the file before our rename time to finish: a
            ``touch`` sets the time after it has opened.

    Raises:
        ActionError: CHANGED.
    """
    away = _away(file)
    try:
        file.rename(away)
    except FileNotFoundError as error:
        raise ActionError(ActionReason.CHANGED, f"{file} was removed by somebody else") from error
    _check_taken(away, file, expected)
    settle()
    _check_taken(away, file, expected)
    durable.sync_directory(file.parent)
    away.unlink()
    durable.sync_directory(file.parent)


def undo_interrupted(file: Path) -> None:
    """Put back what a receiver that died in the middle of a lift had taken away."""
    away = _away(file)
    if os.path.lexists(away):
        _put_back(away, file)


def _check_taken(away: Path, file: Path, expected: Flag) -> None:
    if look(away) != expected:
        _put_back(away, file)
        raise ActionError(
            ActionReason.CHANGED, f"{file} changed while it was being lifted; it is back in place"
        )


def _away(file: Path) -> Path:
    return file.with_name(f".{file.name}.lifting")


def _put_back(away: Path, file: Path) -> None:
    """Restore without replacing a flag that has been set meanwhile."""
    try:
        os.link(away, file, follow_symlinks=False)
        away.unlink()
    except FileExistsError:
        # The bot is stopped by the newer flag; the older one is kept as evidence.
        durable.move_aside(away, "replaced")
    except OSError:
        # A directory, or no hard links here: a rename, unless it would replace.
        if os.path.lexists(file):
            durable.move_aside(away, "replaced")
        else:
            away.rename(file)
    durable.sync_directory(file.parent)
