"""Files, backups and disks as metrics: validity never vanishes, measurements do."""

from pathlib import Path

from exporter.collectors import data_corruption
from exporter.errors import Reason
from exporter.readings import BackupReading, DataFileReading, DataReading, DiskReading, FileKind
from tests.collectors.snapshots import NOW, healthy, samples
from tests.sources.bots import make_bot

_TABLE = DataFileReading(
    file="data/btc.parquet",
    kind=FileKind.PARQUET,
    valid=True,
    reason=None,
    detail="",
    size_bytes=4096,
    modified=NOW - 60,
    rows=500,
    nan_ratio=0.01,
    dropped=True,
    checksum_ok=True,
    max_age_seconds=86400.0,
)
_STATE = DataFileReading(
    file="state/positions.json",
    kind=FileKind.JSON,
    valid=True,
    reason=None,
    detail="",
    size_bytes=20,
    modified=NOW - 5,
)
_GONE = DataFileReading(
    file="state/risk.json",
    kind=FileKind.JSON,
    valid=False,
    reason=Reason.MISSING,
    detail="does not exist",
    size_bytes=None,
    modified=None,
)
_DATA = DataReading(
    files=(_TABLE, _STATE, _GONE),
    skipped=3,
    backup=BackupReading(path="backup/1", made=NOW - 3600, valid=False, detail="is empty"),
)


def test_a_file_is_described() -> None:
    """Everything that is known, and nothing that is not."""
    found = samples(data_corruption, healthy(data=_DATA, file_valid={}))
    label = '{file="data/btc.parquet"}'
    assert {name: value for name, value in found.items() if label in name} == {
        f"file_valid{label}": 1,
        f"file_nan_ratio{label}": 0.01,
        f"file_rows{label}": 500,
        f"file_size_bytes{label}": 4096,
        f"file_modified_timestamp_seconds{label}": NOW - 60,
        f"file_max_age_threshold_seconds{label}": 86400,
        f"file_checksum_ok{label}": 1,
        f"file_shrunk{label}": 1,
    }
    assert {name for name in found if "risk.json" in name} == {'file_valid{file="state/risk.json"}'}
    assert found["files_skipped"] == 3


def test_a_file_must_be_good_in_both_views() -> None:
    """The readers of the bot's own files know more about them than that they are JSON."""
    for as_state, as_data, expected in ((True, True, 1), (False, True, 0), (True, False, 0)):
        item = healthy(
            data=DataReading(
                files=(_STATE if as_data else _rename(_GONE, _STATE.file),), skipped=0, backup=None
            ),
            file_valid={_STATE.file: as_state, "state/kill_switch.flag": True},
        )
        found = samples(data_corruption, item)
        assert found['file_valid{file="state/positions.json"}'] == expected
        assert found['file_valid{file="state/kill_switch.flag"}'] == 1


def _rename(file: DataFileReading, name: str) -> DataFileReading:
    return DataFileReading(name, file.kind, file.valid, file.reason, file.detail, None, None)


def test_a_backup_is_told_or_absent() -> None:
    """Without one there is no time that could look young."""
    found = samples(data_corruption, healthy(data=_DATA))
    assert (found["backup_last_timestamp_seconds"], found["backup_valid"]) == (NOW - 3600, 0)
    none = samples(data_corruption, healthy(data=DataReading(files=(), skipped=0, backup=None)))
    assert {name for name in none if name.startswith("backup_")} == {
        "backup_max_age_threshold_seconds"
    }


def test_no_backup_is_missed_where_none_is_expected() -> None:
    """Without its limit no rule asks for it, as the doctor does not."""
    none = DataReading(files=(), skipped=0, backup=None, backup_expected=False)
    found = samples(data_corruption, healthy(data=none))
    assert not [name for name in found if name.startswith("backup_")]


def test_thresholds_are_always_there() -> None:
    """Rules compare with them, whatever else is unknown."""
    bot = make_bot(
        Path("/opt/bot"),
        data_checks={"max_nan_ratio": 0.2, "backup_max_age_seconds": 3600},
        disk={"min_free_ratio": 0.1},
    )
    assert samples(data_corruption, healthy(bot=bot, polled=False)) == {
        "file_nan_ratio_threshold": 0.2,
        "backup_max_age_threshold_seconds": 3600,
        "disk_min_free_threshold_ratio": 0.1,
    }


def test_disks_by_what_the_bot_keeps_there() -> None:
    """A disk that does not count its file entries has no ratio of them."""
    full = DiskReading("state", "/opt", 1000, 10, 0.5, writable=False)
    other = DiskReading("logs", "/var", 2000, 1500, None, writable=True)
    found = samples(data_corruption, healthy(disks=(full, other)))
    assert {name: value for name, value in found.items() if "purpose" in name} == {
        'disk_free_bytes{purpose="state"}': 10,
        'disk_size_bytes{purpose="state"}': 1000,
        'disk_writable{purpose="state"}': 0,
        'disk_free_inodes_ratio{purpose="state"}': 0.5,
        'disk_free_bytes{purpose="logs"}': 1500,
        'disk_size_bytes{purpose="logs"}': 2000,
        'disk_writable{purpose="logs"}': 1,
    }
