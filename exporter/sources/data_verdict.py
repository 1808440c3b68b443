"""What the judging child is asked about one file, and what it answers: one JSON line each."""

import enum
import os

from msgspec import Struct

from exporter.errors import Reason
from exporter.readings import FileKind

# Exit status of a child that got no memory outside of any one file.
NO_MEMORY = 3


class Shape(enum.StrEnum):
    """What a file's content must be beside well-formed."""

    ANY = "any"
    FILTERS = "filters"
    ARCHIVE = "archive"


class Question(Struct, frozen=True, kw_only=True):
    """Judge this file; ``digest`` asks for its SHA-256 too."""

    path: str
    kind: FileKind
    shape: Shape = Shape.ANY
    digest: bool = False


class Identity(Struct, frozen=True):
    """Which content a verdict is about: it stands until one of these changes."""

    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Identity":
        """Take it from a file's status."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class Verdict(Struct, frozen=True, kw_only=True):
    """A file's content judged; ``reason`` is None if it is good.

    ``identity`` is None if the file could not be looked at; ``settled`` is False if it was
    being written meanwhile. ``nan_ratio`` is the share of numeric cells that hold no number.
    """

    reason: Reason | None = None
    detail: str = ""
    identity: Identity | None = None
    settled: bool = True
    rows: int | None = None
    nan_ratio: float | None = None
    sha256: str | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """What a child may use: address space, and time for one file."""

    memory_bytes: int
    seconds: float


class Order(Struct, frozen=True, kw_only=True):
    """All that one child is to do."""

    limits: Limits
    questions: tuple[Question, ...]


def kind_of(name: str) -> FileKind:
    """Tell a file's format by its name."""
    name = name.lower()
    if name.endswith(".json"):
        return FileKind.JSON
    if name.endswith((".parquet", ".pq")):
        return FileKind.PARQUET
    return FileKind.CSV if name.endswith((".csv", ".csv.gz")) else FileKind.OTHER


def is_archive(name: str) -> bool:
    """Whether a file holds others that can be checked."""
    return name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"))
