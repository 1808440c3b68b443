"""Data files in the background: what is known too long ago is not known to be good."""

from pathlib import Path

from exporter.config import ExporterSettings
from exporter.errors import Reason
from exporter.readings import DataReading
from exporter.watches.data import DataWatch
from exporter.watches.timing import Timing
from tests.sources.bots import make_bot, write
from tests.sources.data_bed import NOW


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_round_is_a_reading(tmp_path: Path) -> None:
    """Nothing is claimed before the first one."""
    write(tmp_path, "state/positions.json", "{}")
    watch = DataWatch(make_bot(tmp_path), ExporterSettings(data_poll_seconds=7))
    assert (watch.name, watch.seconds, watch.reading) == ("data_files", 7, None)
    watch.round()
    assert watch.reading is not None
    assert [(file.file, file.valid) for file in watch.reading.files] == [
        ("state/positions.json", True)
    ]
    assert watch.data.health().up
    watch.close()


def test_a_dead_thread_leaves_no_file_good(tmp_path: Path) -> None:
    """On a disk that hangs no round ends: the names stay, everything known about them goes."""
    write(tmp_path, "state/positions.json", "{}")
    write(tmp_path, "backup/state/positions.json", "{}")
    clock = _Clock()
    settings = ExporterSettings(data_poll_seconds=10, stale_intervals=2)
    bot = make_bot(tmp_path, data_checks={"timeout_seconds": 5})
    watch = DataWatch(bot, settings, timing=Timing(wall=lambda: NOW, monotonic=clock))
    watch.round()
    clock.now = 24
    assert _reading(watch).files[0].valid
    assert _reading(watch).backup is not None
    clock.now = 26
    stale = _reading(watch)
    (file,) = stale.files
    assert (file.file, file.valid, file.reason) == ("state/positions.json", False, Reason.STALE)
    assert (file.size_bytes, file.modified, stale.backup) == (None, None, None)
    assert not watch.data.health().up


def test_an_earlier_watch_tells_that_backups_were_there(tmp_path: Path) -> None:
    """Also one that tells only after the first round; of another folder it tells nothing."""
    (tmp_path / "backup").mkdir()
    first = DataWatch(make_bot(tmp_path), ExporterSettings())
    before_looking = first.backups_seen
    assert before_looking is None
    first.round()
    assert first.backups_seen == tmp_path / "backup"
    (tmp_path / "backup").rmdir()
    told: list[Path | None] = [None]
    second = DataWatch(make_bot(tmp_path), ExporterSettings(), recall=lambda: told[0])
    second.round()
    assert not _reading(second).backup_expected
    told[0] = tmp_path / "elsewhere"
    assert not _reading(second).backup_expected
    told[0] = first.backups_seen
    assert _reading(second).backup_expected
    assert second.backups_seen == tmp_path / "backup"


def test_a_place_that_is_only_configured_is_not_remembered(tmp_path: Path) -> None:
    """Whoever takes it out of the configuration expects no backup any more."""
    bot = make_bot(tmp_path, paths={"backups": "elsewhere/"})
    watch = DataWatch(bot, ExporterSettings())
    watch.round()
    assert _reading(watch).backup_expected
    assert watch.backups_seen is None


def _reading(watch: DataWatch) -> DataReading:
    assert watch.reading is not None
    return watch.reading
