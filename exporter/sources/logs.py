"""Bounded tails of the bot's newest logs. Redaction is the caller's."""

import glob
import itertools
import os
import re
import stat
from pathlib import Path

from exporter.config import Bot

_TAIL_BYTES = 256 * 1024
_ERROR_TAIL_BYTES = 1 << 20
_MAX_FILES = 1000
_NEWEST = 3
_LINE_LIMIT = 2000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ERROR = re.compile(
    r"\b(ERROR|CRITICAL|FATAL|Traceback|Kill switch)\b|\b\w*(Error|Exception)\b|Connection refused"
)


def read_log_tail(bot: Bot, lines: int = 100) -> tuple[str, ...]:
    """Return the last lines of the newest logs, oldest first; empty without logs."""
    return _tail(bot, lines, _TAIL_BYTES)


def read_recent_errors(bot: Bot, lines: int = 50) -> tuple[str, ...]:
    """Return the last lines that report an error, oldest first."""
    tail = _tail(bot, _ERROR_TAIL_BYTES, _ERROR_TAIL_BYTES)
    return tuple(line for line in tail if _ERROR.search(line))[-lines:]


def newest(bot: Bot) -> list[tuple[float, Path]]:
    """Return the log files as (mtime, path), newest first."""
    found: dict[Path, float] = {}
    for pattern in bot.paths.logs:
        names = glob.iglob(os.path.join(bot.root, pattern), recursive=True)  # noqa: PTH118, PTH207 - absolute patterns too
        for name in itertools.islice(names, _MAX_FILES):
            try:
                status = os.stat(name)  # noqa: PTH116 - one call per name
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and not name.endswith((".gz", ".xz", ".zst")):
                found[Path(name)] = status.st_mtime
    return sorted(((mtime, file) for file, mtime in found.items()), reverse=True)


def tail_lines(file: Path, limit: int = _TAIL_BYTES) -> list[str]:
    """Return the lines in the last ``limit`` bytes; none when it cannot be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - limit))
            data = stream.read(limit)
    except OSError:
        return []
    lines = data.decode("utf-8", errors="replace").split("\n")
    if size > limit:
        lines = lines[1:]  # the first one is cut
    return [_CONTROL.sub("?", line.rstrip("\r"))[:_LINE_LIMIT] for line in lines if line.strip()]


def is_cut(file: Path, limit: int = _TAIL_BYTES) -> bool:
    """Whether ``tail_lines`` leaves an earlier part of the file out."""
    try:
        return file.stat().st_size > limit
    except OSError:
        return False


def _tail(bot: Bot, lines: int, limit: int) -> tuple[str, ...]:
    collected: list[str] = []
    for _, file in newest(bot)[:_NEWEST]:
        collected = tail_lines(file, limit) + collected
        if len(collected) >= lines:
            break
    return tuple(collected[-lines:])
