"""Room where the bot writes."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from exporter.errors import Reason, SourceError
from exporter.readings import DiskReading
from exporter.sources.disks import read_disks
from tests.sources.bots import make_bot

_PATHS = {
    "logs": ["logs/**/*.log"],
    "data": ["data/binance_filters.json", "data/*.parquet"],
    "backups": "backup/",
}


def _by_purpose(root: Path, **paths: object) -> dict[str, DiskReading]:
    bot = make_bot(root, paths={**_PATHS, **paths})
    return {reading.purpose: reading for reading in read_disks(bot)}


def test_each_purpose_has_its_folder(root: Path) -> None:
    """The part of a pattern before the first wildcard; a plain file counts by its folder."""
    for folder in ("logs", "data", "backup"):
        (root / folder).mkdir()
    found = _by_purpose(root)
    assert {purpose: Path(reading.path).name for purpose, reading in found.items()} == {
        "state": "state",
        "logs": "logs",
        "data": "data",
        "backups": "backup",
    }


def test_the_figures_are_those_of_the_file_system(root: Path) -> None:
    """What the bot may still take; root's reserve is not the bot's."""
    reading = _by_purpose(root)["state"]
    usage, stats = shutil.disk_usage(root), os.statvfs(root)
    assert reading.size_bytes == usage.total
    assert reading.free_bytes == pytest.approx(usage.free, rel=0.05)
    assert reading.free_inodes_ratio == pytest.approx(stats.f_favail / stats.f_files, abs=0.01)
    assert reading.writable


def test_a_folder_that_is_not_there_yet_counts_by_its_parent(root: Path) -> None:
    """It will be made on that file system."""
    assert _by_purpose(root, backups="backup/daily/")["backups"].path == str(root)


def test_a_purpose_without_paths_is_absent(root: Path) -> None:
    """Nothing is said about data that the bot does not have."""
    assert "data" not in _by_purpose(root, data=[])


def test_another_file_system_is_read_where_it_is(root: Path) -> None:
    """State on one disk, logs on another: each its own figures."""
    found = _by_purpose(root, logs=["/proc/tty/*.log"])
    assert found["logs"].size_bytes == 0
    assert found["logs"].free_inodes_ratio is None
    assert found["state"].size_bytes > 0


_ASK = """
import sys
from pathlib import Path
from exporter.sources.disks import read_disks
from tests.sources.bots import make_bot
print([(r.purpose, r.writable) for r in read_disks(make_bot(Path(sys.argv[1])))])
"""


def _ask_as(root: Path, *before: str) -> str:
    """Ask in a process of its own, behind a command that confines it."""
    result = subprocess.run(
        [*before, sys.executable, "-c", _ASK, str(root)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if result.returncode:
        pytest.skip(f"cannot be tried here: {result.stderr[-200:]}")
    return result.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop its rights for the check")
def test_the_rights_of_the_exporter_say_nothing_of_the_bots() -> None:
    """An exporter with a user of its own may write nowhere, and no disk is broken."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "logs").mkdir()
        said = _ask_as(Path(name), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert "('logs', True)" in said
    assert "('backups', True)" in said


def test_a_mount_that_is_read_only_for_us_alone_is_writable(root: Path) -> None:
    """As a container is shown the bot's files: the file system itself takes writes."""
    bind = f'mount --bind {root} {root} && mount -o remount,bind,ro {root} && exec "$0" "$@"'
    said = _ask_as(root, "unshare", "--mount", "sh", "-c", bind)
    assert "('logs', True)" in said
    assert "('backups', True)" in said


def test_a_file_system_mounted_read_only_is_not_writable(root: Path) -> None:
    """Root may write anywhere but there: what a disk becomes after an error."""
    (root / "logs").mkdir()
    mount = f'mount -t tmpfs -o ro tmpfs {root}/logs && exec "$0" "$@"'
    said = _ask_as(root, "unshare", "--mount", "sh", "-c", mount)
    assert "('logs', False)" in said
    assert "('backups', True)" in said


def test_a_path_that_cannot_be_asked_is_unreadable(root: Path) -> None:
    """A loop of links answers neither yes nor no."""
    (root / "logs").symlink_to("logs")
    with pytest.raises(SourceError) as caught:
        _by_purpose(root)
    assert caught.value.reason is Reason.UNREADABLE
