"""A bot's data and state in one pass: every failure is a reading, and none is forgotten."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason
from exporter.readings import DataFileReading, FileKind
from exporter.sources.datafiles_listing import MAX_FILES
from tests.sources.bots import write
from tests.sources.data_bed import FILTERS, PATIENCE_SECONDS, by_name, make_files, write_parquet

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)
_ROWS = {"close": [1.0, 2.0, float("nan"), 4.0]}


def _verdict(file: DataFileReading) -> tuple[bool, Reason | None]:
    return file.valid, file.reason


def test_everything_is_told_of_a_file(root: Path) -> None:
    """State, tables and filters, by their paths from the root."""
    write(root, "state/positions.json", "{}")
    write(root, "data/binance_filters.json", FILTERS)
    table = write_parquet(root / "data/btc.parquet", _ROWS)
    os.utime(table, (5000, 5000))
    reading = make_files(root, max_age_seconds=7200).check()
    found = by_name(reading)
    assert set(found) == {"state/positions.json", "data/binance_filters.json", "data/btc.parquet"}
    assert found["data/btc.parquet"] == DataFileReading(
        file="data/btc.parquet",
        kind=FileKind.PARQUET,
        valid=True,
        reason=None,
        detail="",
        size_bytes=table.stat().st_size,
        modified=5000.0,
        rows=4,
        nan_ratio=0.25,
        max_age_seconds=7200.0,
    )
    assert found["data/binance_filters.json"].max_age_seconds == 30 * 86400
    assert found["state/positions.json"].max_age_seconds is None
    assert (reading.filters, reading.skipped, reading.backup) == (
        "data/binance_filters.json",
        0,
        None,
    )


def test_a_bot_without_filters_has_none(root: Path) -> None:
    """The default name is no promise; a name in ``paths.data`` is."""
    assert make_files(root).check().filters is None
    named = make_files(root, data=("data/binance_filters.json",)).check()
    assert named.filters == "data/binance_filters.json"
    assert _verdict(named.files[0]) == (False, Reason.MISSING)


def test_filters_that_hold_none_are_invalid(root: Path) -> None:
    """What the exchange answered instead of them may have been saved."""
    file = write(root, "data/binance_filters.json", '{"code": -1003}')
    files = make_files(root)
    assert _verdict(files.check().files[0]) == (False, Reason.INVALID)
    file.write_text(FILTERS)
    assert _verdict(files.check().files[0]) == (True, None)


def test_damage_shows_at_once_and_goes_at_once(root: Path) -> None:
    """In state and in data."""
    state = write(root, "state/positions.json", '{"BTCUSDT": "0.1"}')
    table = write_parquet(root / "data/btc.parquet", _ROWS)
    files = make_files(root)
    good = table.read_bytes()
    assert all(file.valid for file in files.check().files)
    state.write_text('{"BTCUSDT": ')
    table.write_bytes(good[:-20])
    assert {_verdict(file) for file in files.check().files} == {(False, Reason.INVALID)}
    state.write_text("{}")
    table.write_bytes(good)
    assert {_verdict(file) for file in files.check().files} == {(True, None)}


def test_a_state_file_that_was_there_must_stay(root: Path) -> None:
    """One that never was is no fault; a table that a bot no longer keeps is none either."""
    state = write(root, "state/risk.json", "{}")
    table = write(root, "data/old.csv", "a\n1\n")
    files = make_files(root)
    assert len(files.check().files) == 2
    state.unlink()
    table.unlink()
    for _ in range(2):
        (left,) = files.check().files
        assert (left.file, _verdict(left)) == ("state/risk.json", (False, Reason.MISSING))
        assert (left.size_bytes, left.modified) == (None, None)
    write(root, "state/risk.json", "{}")
    assert _verdict(files.check().files[0]) == (True, None)


def test_what_only_has_to_be_there_is_not_opened(root: Path) -> None:
    """Marks in the state directory may be empty; those judged elsewhere are left out."""
    for name in ("kill_switch.flag", "heartbeat", "bot.pid", "session.lock"):
        write(root, f"state/{name}", b"")
    bot_files = make_files(root, data=())
    assert bot_files.check().files == ()
    files = make_files(root, data=("state/*",))
    assert {f.file: f.valid for f in files.check().files} == {"state/session.lock": False}


def test_too_few_rows_are_a_fault(root: Path) -> None:
    """A table without rows parses and is of no use."""
    write(root, "data/empty.csv", "time,price\n")
    (file,) = make_files(root).check().files
    assert _verdict(file) == (False, Reason.INVALID)
    assert file.detail == "has 0 rows, fewer than 1"
    assert file.rows == 0


def test_shrinking_is_told_for_data(root: Path) -> None:
    """Against the largest size seen; state comes and goes with positions."""
    state = write(root, "state/positions.json", "{" + " " * 1000 + "}")
    table = write(root, "data/prices.csv", "price\n" + "1\n" * 1000)
    files = make_files(root)
    files.check()
    state.write_text("{}")
    table.write_text("price\n" + "1\n" * 600)
    assert not any(file.dropped for file in files.check().files)
    table.write_text("price\n" + "1\n" * 400)
    assert {f.file: f.dropped for f in files.check().files} == {
        "state/positions.json": False,
        "data/prices.csv": True,
    }
    table.write_text("price\n" + "1\n" * 1000)
    assert not any(file.dropped for file in files.check().files)


def test_checksums_are_compared_where_there_is_a_manifest(root: Path) -> None:
    """Right, wrong, and without a line; a file that cannot be read has none that is right."""
    good = hashlib.sha256(b"weights").hexdigest()
    for name in ("good.bin", "wrong.bin", "unlisted.bin"):
        write(root, f"data/{name}", b"weights" if name != "wrong.bin" else b"weightz")
    write(root, "data/bad.csv", b"a,b\n1\n")
    lines = [f"{good}  data/{name}" for name in ("good.bin", "wrong.bin", "bad.csv")]
    write(root, "models.sha256", "\n".join(lines))
    files = make_files(root, manifest="models.sha256")
    found = by_name(files.check())
    assert {name: file.checksum_ok for name, file in found.items()} == {
        "data/good.bin": True,
        "data/wrong.bin": False,
        "data/unlisted.bin": None,
        "data/bad.csv": False,
    }
    assert found["data/wrong.bin"].valid
    write(root, "models.sha256", "nonsense")
    found = by_name(files.check())
    assert _verdict(found["models.sha256"]) == (False, Reason.INVALID)
    assert found["data/good.bin"].checksum_ok is None


def test_the_cap_is_told_and_keeps_what_it_had(root: Path) -> None:
    """State first; a newer file does not push one out that has a metric."""
    write(root, "state/positions.json", "{}")
    for number in range(MAX_FILES + 5):
        os.utime(write(root, f"data/{number:03}.csv", "a\n1\n"), (1000 + number, 1000 + number))
    files = make_files(root)
    first = files.check()
    assert (len(first.files), first.skipped) == (MAX_FILES, 6)
    assert "state/positions.json" in by_name(first)
    assert f"data/{MAX_FILES + 4:03}.csv" in by_name(first)
    write(root, "data/newest.csv", "a\n1\n")
    second = files.check()
    assert set(by_name(second)) == set(by_name(first))
    assert second.skipped == 7


def test_odd_things_in_place_of_files(root: Path) -> None:
    """Pipes, loops, directories and huge files are read as faults, quickly."""
    (root / "data/directory.csv").mkdir(parents=True)
    (root / "data/nested").mkdir()
    os.mkfifo(root / "data/pipe.json")
    (root / "data/loop.parquet").symlink_to("loop.parquet")
    (root / "data/dangling.csv").symlink_to("nowhere")
    with (root / "data/huge.json").open("wb") as stream:
        stream.truncate(40 << 30)
    (root / "data").joinpath("n\udcffame.csv").write_text("a\n1\n")
    found = by_name(make_files(root).check())
    assert {name: _verdict(file) for name, file in found.items()} == {
        "data/directory.csv": (False, Reason.UNREADABLE),
        "data/pipe.json": (False, Reason.UNREADABLE),
        "data/loop.parquet": (False, Reason.UNREADABLE),
        "data/dangling.csv": (False, Reason.MISSING),
        "data/huge.json": (False, Reason.TOO_LARGE),
        "data/n\ufffdame.csv": (True, None),
    }


def test_a_missing_root_is_no_crash(tmp_path: Path) -> None:
    """Nothing is found; what was written out is missing."""
    reading = make_files(tmp_path / "gone", data=("data/*", "data/must.csv")).check()
    assert [_verdict(file) for file in reading.files] == [(False, Reason.MISSING)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can stop being root")
def test_files_that_may_not_be_read() -> None:
    """Neither guessed at nor remembered: once readable they are judged."""
    root = Path(tempfile.mkdtemp(prefix="tw-data-"))
    try:
        root.chmod(0o755)
        hidden = [write(root, f"{place}/a.json", "{}") for place in ("state", "data")]
        for file in hidden:
            file.chmod(0)
        files = make_files(root)
        os.seteuid(65534)
        found = files.check().files
        os.seteuid(0)
        assert {_verdict(file) for file in found} == {(False, Reason.UNREADABLE)}
        for file in hidden:
            file.chmod(0o644)
        assert {_verdict(file) for file in files.check().files} == {(True, None)}
    finally:
        with contextlib.suppress(OSError):
            os.seteuid(0)
        shutil.rmtree(root)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0123456789tfnae.- ').map(str.encode))
def test_any_json_is_judged(data: bytes) -> None:
    """Arbitrary bytes are valid JSON, or a fault with a reason in one line."""
    with tempfile.TemporaryDirectory(prefix="tw-data-") as directory:
        write(Path(directory), "state/a.json", data)
        (file,) = make_files(Path(directory), data=()).check().files
        assert file.valid == (file.reason is None)
        assert file.reason in (None, Reason.INVALID)
        assert "\n" not in file.detail
