"""Can the bot's files be believed, is there a backup to restore from, is there room to write?"""

from collections.abc import Iterable, Sequence

from prometheus_client.core import Metric

from exporter.collectors.families import Family, bot_gauge
from exporter.readings import BackupReading, DataFileReading, DiskReading
from exporter.series import Series
from exporter.snapshot import BotSnapshot, Snapshot


def _file_gauge(name: str, text: str) -> Family:
    return bot_gauge(name, text, "file", source="data_files")


def _disk_gauge(name: str, text: str) -> Family:
    return bot_gauge(name, text, "purpose", source="disk")


VALID = _file_gauge(
    "file_valid",
    "1 if this file of the bot can be read and makes sense; 0 if it is missing after it existed,"
    " unreadable, or damaged. A file that paths.state finds by a pattern may go once one with a"
    " later date, none to come, in the same name is there: it is absent.",
)
NAN_RATIO = _file_gauge(
    "file_nan_ratio", "Share of the numeric cells in this table that hold no number, 0 to 1."
)
ROWS = _file_gauge("file_rows", "Rows in this table.")
SIZE = _file_gauge("file_size_bytes", "Size of this file.")
MODIFIED = _file_gauge(
    "file_modified_timestamp_seconds", "When this file was last written, by its own time."
)
MAX_AGE = _file_gauge(
    "file_max_age_threshold_seconds",
    "Age from which this file counts as too old; absent if it may be of any age.",
)
CHECKSUM = _file_gauge(
    "file_checksum_ok",
    "1 if this file has the checksum that the manifest gives it; 0 if it has another one or"
    " cannot be read. Absent without a line in a manifest.",
)
SHRUNK = _file_gauge(
    "file_shrunk",
    "1 if this file is much smaller than it has been since the exporter started: rows may have"
    " been lost.",
)
NAN_THRESHOLD = bot_gauge(
    "file_nan_ratio_threshold",
    "Share of numeric cells without a number from which a table counts as damaged.",
    source="configuration",
)
SKIPPED = bot_gauge(
    "files_skipped",
    "Files that match paths.state or paths.data and are not checked, because they are too many.",
    source="data_files",
)
BACKUP_LAST = bot_gauge(
    "backup_last_timestamp_seconds",
    "When the newest backup of the bot was made, by its newest file; absent if there is none.",
    source="data_files",
)
BACKUP_VALID = bot_gauge(
    "backup_valid",
    "1 if every file in the newest backup that can be checked is good; absent without a backup.",
    source="data_files",
)
BACKUP_MAX_AGE = bot_gauge(
    "backup_max_age_threshold_seconds",
    "Age from which the newest backup counts as too old; absent if no backup is expected: there"
    " has been no backup/ since the exporter started, and neither paths.backups nor commands.backup"
    " is configured.",
    source="configuration",
)
DISK_FREE = _disk_gauge("disk_free_bytes", "Room left where the bot keeps its files of this kind.")
DISK_SIZE = _disk_gauge("disk_size_bytes", "Size of the disk with the bot's files of this kind.")
DISK_WRITABLE = _disk_gauge(
    "disk_writable",
    "0 if the file system with the bot's files of this kind is read-only as a whole, as the kernel"
    " makes it after a disk error. A mount that only the exporter sees read-only does not count.",
)
DISK_INODES = _disk_gauge(
    "disk_free_inodes_ratio",
    "Share of file entries left on this disk, 0 to 1; absent where they are not counted.",
)
DISK_MIN_FREE = bot_gauge(
    "disk_min_free_threshold_ratio",
    "Share of a disk that should be free where the bot writes.",
    source="configuration",
)
FAMILIES = (
    VALID,
    NAN_RATIO,
    ROWS,
    SIZE,
    MODIFIED,
    MAX_AGE,
    CHECKSUM,
    SHRUNK,
    NAN_THRESHOLD,
    SKIPPED,
    BACKUP_LAST,
    BACKUP_VALID,
    BACKUP_MAX_AGE,
    DISK_FREE,
    DISK_SIZE,
    DISK_WRITABLE,
    DISK_INODES,
    DISK_MIN_FREE,
)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn judgements of files, backups and disks into metrics; validity never vanishes."""
    metrics = {family: family.gauge() for family in FAMILIES}
    for item in snapshot.bots:
        bot = item.bot
        metrics[NAN_THRESHOLD].add_metric([bot.name], bot.data_checks.max_nan_ratio)
        if item.data is None or item.data.backup_expected:
            metrics[BACKUP_MAX_AGE].add_metric([bot.name], bot.data_checks.backup_max_age_seconds)
        metrics[DISK_MIN_FREE].add_metric([bot.name], bot.disk.min_free_ratio)
        for file, valid in _validity(item).items():
            metrics[VALID].add_metric([bot.name, file], float(valid))
        for disk in item.disks:
            _add_disk(metrics, [bot.name, disk.purpose], disk)
        if item.data is None:
            continue
        metrics[SKIPPED].add_metric([bot.name], item.data.skipped)
        for reading in item.data.files:
            _add_file(metrics, [bot.name, reading.file], reading)
        if item.data.backup is not None:
            _add_backup(metrics, bot.name, item.data.backup)
    return metrics.values()


def _validity(item: BotSnapshot) -> dict[str, bool]:
    """Judged twice, as a file of the bot and as data, a file must be good both times."""
    valid = dict(item.file_valid) if item.polled else {}
    for reading in item.data.files if item.data is not None else ():
        valid[reading.file] = reading.valid and valid.get(reading.file, True)
    return valid


def _add_file(
    metrics: dict[Family, Series], labels: Sequence[str], reading: DataFileReading
) -> None:
    values = {
        NAN_RATIO: reading.nan_ratio,
        ROWS: reading.rows,
        SIZE: reading.size_bytes,
        MODIFIED: reading.modified,
        MAX_AGE: reading.max_age_seconds,
        CHECKSUM: reading.checksum_ok,
        SHRUNK: None if reading.size_bytes is None else reading.dropped,
    }
    for family, value in values.items():
        if value is not None:
            metrics[family].add_metric(labels, float(value))


def _add_backup(metrics: dict[Family, Series], bot: str, backup: BackupReading) -> None:
    metrics[BACKUP_LAST].add_metric([bot], backup.made)
    metrics[BACKUP_VALID].add_metric([bot], float(backup.valid))


def _add_disk(metrics: dict[Family, Series], labels: Sequence[str], disk: DiskReading) -> None:
    metrics[DISK_FREE].add_metric(labels, disk.free_bytes)
    metrics[DISK_SIZE].add_metric(labels, disk.size_bytes)
    metrics[DISK_WRITABLE].add_metric(labels, float(disk.writable))
    if disk.free_inodes_ratio is not None:
        metrics[DISK_INODES].add_metric(labels, disk.free_inodes_ratio)
