"""The kernel's small text files under /proc and /sys: read whole, never trusted to exist.

Some thirty are read at each scrape, so names are put together as text: a ``Path`` costs as
much as the reading does. So does a dictionary of all that a file says.
"""

import os
from collections.abc import Iterable
from pathlib import Path

_LIMIT = 64 * 1024


def text(file: str | Path) -> str | None:
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


def number(file: str | Path) -> int | None:
    """Return a file's one number; None for anything else, such as ``max``."""
    return to_number((text(file) or "").strip())


def value(file: str | Path, name: str) -> int | None:
    """Return the number of one line ``name number``; None if there is none."""
    return (values(file, (name,)) or {}).get(name)


def values(file: str | Path, names: Iterable[str]) -> dict[str, int] | None:
    """Return these of the lines ``name number`` (``name: number kB`` too).

    None if the file cannot be read; a name that has no line, or no number, is left out.
    """
    if (content := text(file)) is None:
        return None
    content = f"\n{content}\n"
    found = {}
    for name in names:
        words = _words(content, name)
        if words and (count := to_number(words[0])) is not None:
            found[name] = count * (1024 if words[1:] == ["kB"] else 1)
    return found


def to_number(word: str) -> int | None:
    """Return a count as the kernel prints it; None for anything else."""
    return int(word) if word.isascii() and word.isdecimal() and len(word) <= 20 else None


def _words(content: str, name: str) -> list[str]:
    """Return what stands in a line behind its name."""
    for opening in (f"\n{name} ", f"\n{name}:"):
        if (start := content.find(opening)) >= 0:
            start += len(opening)
            return content[start : content.index("\n", start)].split()
    return []
