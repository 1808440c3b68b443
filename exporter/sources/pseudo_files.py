"""The kernel's small text files under /proc and /sys: read whole, never trusted to exist."""

import os
from pathlib import Path

_LIMIT = 64 * 1024


def text(file: Path) -> str | None:
    """Return a file's text; None if it is missing, unreadable or too long to be one."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        parts, size = [], 0
        while part := os.read(descriptor, _LIMIT):
            parts.append(part)
            size += len(part)
            if size > _LIMIT:
                return None
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("ascii", errors="replace")


def number(file: Path) -> int | None:
    """Return a file's one number; None for anything else, such as ``max``."""
    return to_number((text(file) or "").strip())


def table(file: Path) -> dict[str, int] | None:
    """Return lines of ``key number`` (``key: number kB`` too); None if it cannot be read."""
    if (content := text(file)) is None:
        return None
    found = {}
    for line in content.splitlines():
        key, *parts = line.split() or ("",)
        if parts and (value := to_number(parts[0])) is not None:
            found[key.rstrip(":")] = value * (1024 if parts[1:] == ["kB"] else 1)
    return found


def to_number(word: str) -> int | None:
    """Return a count as the kernel prints it; None for anything else."""
    return int(word) if word.isascii() and word.isdecimal() and len(word) <= 20 else None
