"""The newest backup: found in either layout, and judged file by file."""

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from exporter.readings import BackupReading
from exporter.sources.backups import read_backup
from exporter.sources.data_judging import Judge
from exporter.sources.data_verdict import Limits
from exporter.sources.datafiles import DataFiles
from tests.sources.bots import make_bot, write
from tests.sources.data_bed import NOW, PATIENCE_SECONDS, write_parquet

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)
_PATHS = {"data": ["data/*.parquet"]}


def _read(root: Path, now: float = NOW) -> BackupReading | None:
    limits = Limits(memory_bytes=512 << 20, seconds=PATIENCE_SECONDS)
    judge = Judge(limits, pause=lambda _: None)
    return read_backup(make_bot(root, paths=_PATHS), judge, now=now)


def _aged(file: Path, age: float) -> Path:
    os.utime(file, (NOW - age, NOW - age))
    return file


def _backup(root: Path, name: str, age: float, state: str = "{}") -> None:
    place = f"backup/{name}/" if name else "backup/"
    table = write_parquet(root / f"{place}data/btc.parquet", {"close": [1.0]})
    _aged(table, age + 50)
    _aged(write(root, f"{place}state/positions.json", state), age)
    _aged(write(root, f"{place}notes.txt", "by hand"), age + 60)


def test_no_backup_is_none(root: Path) -> None:
    """No directory, an empty one, one with notes and hidden files only."""
    assert _read(root) is None
    (root / "backup").mkdir()
    assert _read(root) is None
    write(root, "backup/README", "see the runbook")
    write(root, "backup/.partial/state/positions.json", "{}")
    assert _read(root) is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"paths": {"backups": "backup/"}}, False),
        ({"paths": {"backups": "elsewhere/"}}, True),
        ({"commands": {"backup": ["save"]}}, True),
    ],
)
def test_a_backup_is_expected_where_something_says_so(
    root: Path, settings: dict[str, Any], expected: bool
) -> None:
    """The configuration, or a folder that is or was there; a default alone says nothing."""
    files = DataFiles(make_bot(root, **settings), pause=lambda _: None, wall=lambda: NOW)
    assert files.check().backup_expected is expected
    (root / "backup").mkdir()
    assert files.check().backup_expected
    (root / "backup").rmdir()
    assert files.check().backup_expected


@pytest.mark.parametrize("name", ["", "2026-11-24"])
def test_both_layouts_are_known(root: Path, name: str) -> None:
    """``backup/data/…`` as the runbook restores it, or a directory for each backup."""
    _backup(root, name, 3600)
    where = f"backup/{name}".rstrip("/")
    expected = BackupReading(path=where, made=NOW - 3600, valid=True, detail="3 files")
    reading = _read(root)
    assert reading is not None
    assert (reading.path.rstrip("/"), reading.made, reading.valid, reading.detail) == (
        expected.path,
        expected.made,
        expected.valid,
        expected.detail,
    )


def test_the_newest_counts(root: Path) -> None:
    """By the newest file in it, not by its name."""
    _backup(root, "zz-old", 90_000, state="{damaged")
    _backup(root, "aa-new", 100)
    reading = _read(root)
    assert reading is not None
    assert (reading.path, reading.valid) == ("backup/aa-new", True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("state/positions.json", "{damaged"),
        ("data/btc.parquet", "PAR1"),
        ("data/x.csv", "a\n1,2\n"),
    ],
)
def test_one_damaged_file_spoils_a_backup(root: Path, name: str, content: str) -> None:
    """And is named."""
    _backup(root, "2026-11-24", 3600)
    _aged(write(root, f"backup/2026-11-24/{name}", content), 3600)
    reading = _read(root)
    assert reading is not None
    assert not reading.valid
    assert reading.detail.startswith(name)


def test_a_backup_that_is_being_made_is_not_judged_yet(root: Path) -> None:
    """Unless it is the only one."""
    _backup(root, "new", 5, state="{half")
    reading = _read(root)
    assert reading is not None
    assert not reading.valid
    _backup(root, "old", 86_400)
    reading = _read(root)
    assert reading is not None
    assert (reading.path, reading.valid) == ("backup/old", True)
    reading = _read(root, now=NOW + 60)
    assert reading is not None
    assert (reading.path, reading.valid) == ("backup/new", False)


def test_archives_are_backups(root: Path) -> None:
    """Whole, and cut short; also as the one file that ``paths.backups`` names."""
    write(root, "state/positions.json", "{}")
    archive = root / "backup/2026-11-24.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(root / "state", "state")
    _aged(archive, 3600)
    reading = _read(root)
    assert reading is not None
    assert (reading.path, reading.valid) == ("backup/2026-11-24.tar.gz", True)
    archive.write_bytes(archive.read_bytes()[:-20])
    _aged(archive, 3600)
    reading = _read(root)
    assert reading is not None
    assert not reading.valid


def test_an_empty_backup_is_none_to_restore_from(root: Path) -> None:
    """A backup job that found nothing."""
    (root / "backup/2026-11-24").mkdir(parents=True)
    os.utime(root / "backup/2026-11-24", (NOW - 3600, NOW - 3600))
    reading = _read(root)
    assert reading is not None
    assert (reading.valid, reading.detail) == (False, "is empty")


def test_a_time_in_the_future_does_not_make_it_young_for_ever(root: Path) -> None:
    """A wrong clock wrote it."""
    _backup(root, "2026-11-24", -5_000_000)
    reading = _read(root)
    assert reading is not None
    assert reading.made == NOW


def test_loops_and_links_end(root: Path) -> None:
    """Links are not followed: they lead out of the backup."""
    _backup(root, "2026-11-24", 3600)
    (root / "backup/2026-11-24/loop").symlink_to("..")
    (root / "backup/2026-11-24/broken.json").symlink_to("nowhere")
    deep = root / "backup/2026-11-24" / "/".join("d" * 40)
    deep.mkdir(parents=True)
    reading = _read(root)
    assert reading is not None
    assert reading.valid
