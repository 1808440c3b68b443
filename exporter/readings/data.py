"""The bot's data files and backups, and what its logs have said."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.errors import Reason


class FileKind(enum.StrEnum):
    """How a file is judged."""

    JSON = "json"
    PARQUET = "parquet"
    CSV = "csv"
    OTHER = "other"


@dataclass(frozen=True)
class DataFileReading:
    """One file of the bot. ``file`` is relative to the bot's root.

    ``nan_ratio`` is the share of numeric cells that are NaN or null, 0 to 1. ``dropped`` is True
    when the file is much smaller than it was. ``checksum_ok`` is None without a manifest line,
    ``max_age_seconds`` if the file may be of any age.
    """

    file: str
    kind: FileKind
    valid: bool
    reason: Reason | None
    detail: str
    size_bytes: int | None
    modified: float | None
    rows: int | None = None
    nan_ratio: float | None = None
    dropped: bool = False
    checksum_ok: bool | None = None
    max_age_seconds: float | None = None


@dataclass(frozen=True)
class BackupReading:
    """The newest backup: when it was made, and whether every file in it validates."""

    path: str
    made: float
    valid: bool
    detail: str


@dataclass(frozen=True)
class DataReading:
    """All of the bot's files in one pass; ``skipped`` is how many the cap left out.

    ``backup`` is None when there is none; ``backup_expected`` is whether that is a fault: not
    where neither the configuration nor the disk knows of backups. ``filters`` is the path,
    relative to the root, of the file with the exchange's filters; None if the bot has none
    configured.
    """

    files: tuple[DataFileReading, ...]
    skipped: int
    backup: BackupReading | None
    filters: str | None = None
    backup_expected: bool = True


@dataclass(frozen=True)
class LogReading:
    """What the follower has counted since the bot was first watched.

    ``events`` counts lines by symptom. ``lines``, ``bytes`` are read in all; ``files`` are
    followed now. ``offsets_durable`` is False when offsets cannot be kept on disk: then a
    restart of the exporter begins at the end of each log. ``last_growth`` is the Unix time at
    which a log last grew, None before it was seen to. ``skipped`` logs are not followed: they
    cannot be read, or are too many.
    """

    events: Mapping[str, int]
    lines: int
    bytes: int
    files: int
    offsets_durable: bool
    last_growth: float | None
    skipped: int = 0
