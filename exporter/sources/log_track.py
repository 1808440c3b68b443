"""One log that is followed: its descriptor, and how far it was read.

A log is known by what it holds, not by its name: a mark is an offset with digests of the
file's first bytes and of those just before the offset. A file of another content under the
same inode (truncated, or the number used again) does not hold the mark; a copy under another
inode does.
"""

import hashlib
import os
import stat
from dataclasses import dataclass

from exporter.sources import files
from exporter.sources.log_offsets import Mark, SavedFile

# Enough to tell one log from another, times among it; and no more, so that a short copy shows.
HEAD = 64
_TAIL = 256
BLOCK = 256 * 1024
START = Mark()

Key = tuple[int, int]


@dataclass(frozen=True)
class Seen:
    """What a log was when it was looked at."""

    size: int
    modified_ns: int


@dataclass(eq=False)
class Track:
    """A log under any name.

    ``retired`` means no name that is followed leads to it any more: it was rotated away.
    ``seen`` is None until it was looked at; ``active_at`` is when it last changed, on the
    caller's monotonic clock. While ``copy_of`` is set its lines are those of another log.
    """

    key: Key
    path: str
    mark: Mark = START
    retired: bool = False
    copy_of: Key | None = None
    seen: Seen | None = None
    modified_ns: int = 0
    active_at: float = 0.0
    descriptor: int | None = None

    @classmethod
    def from_saved(cls, saved: SavedFile) -> "Track":
        """Take up what an earlier run had reached."""
        return cls(
            (saved.device, saved.inode),
            files.from_text(saved.path),
            saved.mark,
            retired=saved.retired,
            copy_of=saved.copy_of,
            modified_ns=saved.modified_ns,
        )

    def to_save(self) -> SavedFile:
        """Return what the next run needs."""
        device, inode = self.key
        return SavedFile(
            path=files.to_text(self.path),
            device=device,
            inode=inode,
            mark=self.mark,
            modified_ns=self.modified_ns,
            retired=self.retired,
            copy_of=self.copy_of,
        )

    def open(self) -> int | None:
        """Open the file if its name still leads to it; an open one stays open."""
        if self.descriptor is None:
            self.descriptor = _open_regular(self.path, self.key)
        return self.descriptor

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def _open_regular(path: str, key: Key) -> int | None:
    """Open a regular file without ever waiting for one; None if it is not that file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == key:
        return descriptor
    os.close(descriptor)
    return None


def make_mark(descriptor: int, offset: int) -> Mark:
    """Describe what stands before an offset that is within the file."""
    length = min(offset, _TAIL)
    return Mark(
        offset,
        _digest(os.pread(descriptor, min(offset, HEAD), 0)),
        _digest(os.pread(descriptor, length, offset - length)),
    )


def holds(descriptor: int, mark: Mark) -> bool:
    """Whether the file's content is, as far as the samples show, that of the mark."""
    return make_mark(descriptor, mark.offset) == mark


def holds_head(descriptor: int, mark: Mark) -> bool:
    """Whether the file begins as the mark says, whatever follows."""
    return _digest(os.pread(descriptor, min(mark.offset, HEAD), 0)) == mark.head


def read_on(descriptor: int, mark: Mark) -> tuple[bytes, bytes] | None:
    """Read what stands just before the mark, and at most a block of what follows it.

    None if the file does not hold the mark any more. One read gets both, so that a truncation
    between asking and reading cannot pass another content off as the continuation.
    """
    length = min(mark.offset, _TAIL)
    data = os.pread(descriptor, length + BLOCK, mark.offset - length)
    before = data[:length]
    return (before, data[length:]) if _digest(before) == mark.tail else None


def advance(mark: Mark, before: bytes, taken: bytes) -> Mark:
    """Move a mark over what ``read_on`` has read, without asking the file again."""
    known = before + taken
    head = mark.head if mark.offset >= HEAD else _digest(known[:HEAD])
    return Mark(mark.offset + len(taken), head, _digest(known[-_TAIL:]))


def line_start(descriptor: int, size: int) -> int:
    """Return where the line begins that ``size`` is in; ``size`` if it begins too far back."""
    window = min(size, BLOCK)
    found = os.pread(descriptor, window, size - window).rfind(b"\n")
    if found >= 0:
        return size - window + found + 1
    return 0 if window == size else size


def same_content(one: int, other: int, length: int) -> bool:
    """Whether both files begin alike for ``length`` bytes, as far as samples show."""
    return make_mark(one, length) == make_mark(other, length)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest() if data else ""
