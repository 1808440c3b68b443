"""Dated state files that a bot takes away in order are not lost; all others that go are."""

from pathlib import Path

import pytest

from exporter.errors import Reason
from exporter.sources.datafiles import DataFiles
from tests.sources.bots import make_bot, write
from tests.sources.data_bed import NOW, PATIENCE_SECONDS, make_files

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)
_NOVEMBER_24 = 1_795_514_400.0  # 2026-11-24T10:00Z


def _states(files: DataFiles) -> dict[str, bool]:
    return {file.file: file.valid for file in files.check().files}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("state/trades_2026-11-23.json", "state/trades_2026-11-24.json"),
        ("state/20261123.json", "state/20261124.json"),
        ("state/trades.2026_11.json", "state/trades.2026_12.json"),
        ("state/fills-2026-11-23T0930Z.json", "state/fills-2026-11-23T1030Z.json"),
        ("state/x_2026-11-23T09-30-00.123Z.json", "state/x_2026-11-23T09-30-00.124Z.json"),
        ("state/x_2026-11-23T09:30:00.99.json", "state/x_2026-11-23T09:30:01.000001.json"),
        ("state/x_20261123_093000.json", "state/x_20261123_093000.5.json"),
    ],
)
def test_a_dated_file_may_go_once_a_later_one_is_there(root: Path, old: str, new: str) -> None:
    """Until then it is missing, also if another series goes on."""
    write(root, old, "{}")
    write(root, "state/other_2026-12-31.json", "{}")
    files = make_files(root)
    assert _states(files)[old]
    (root / old).unlink()
    assert not _states(files)[old]
    write(root, new, "{}")
    assert _states(files) == {"state/other_2026-12-31.json": True, new: True}


def test_the_newest_of_a_series_must_stay(root: Path) -> None:
    """Older ones that are still there do not excuse it, and a whole series is not rotated away."""
    days = [f"state/trades_2026-11-{day}.json" for day in (22, 23, 24)]
    for day in days:
        write(root, day, "{}")
    files = make_files(root)
    files.check()
    (root / days[2]).unlink()
    assert _states(files) == {days[0]: True, days[1]: True, days[2]: False}
    (root / days[0]).unlink()
    (root / days[1]).unlink()
    assert set(_states(files).values()) == {False}


@pytest.mark.parametrize(
    ("gone", "sibling"),
    [
        ("state/strategy_1.json", "state/strategy_2.json"),
        ("state/account_12345678.json", "state/account_12345679.json"),
        ("state/risk.json", "state/risk_2026-11-24.json"),
        ("state/2026-11-23_a.json", "state/2026-11-24_b.json"),
    ],
)
def test_a_number_or_another_name_is_no_rotation(root: Path, gone: str, sibling: str) -> None:
    """Only a later date under the same name is."""
    write(root, gone, "{}")
    write(root, sibling, "{}")
    files = make_files(root)
    files.check()
    (root / gone).unlink()
    assert _states(files) == {gone: False, sibling: True}


@pytest.mark.parametrize(
    ("gone", "sibling"),
    [
        ("state/BTCUSDT_20261225.json", "state/BTCUSDT_20270326.json"),
        ("state/BTCUSDT_20260925.json", "state/BTCUSDT_20261225.json"),
        ("state/plan_2026_12.json", "state/plan_2027_01.json"),
        ("state/2026-11-23_BTCUSDT_20261225.json", "state/2026-11-24_BTCUSDT_20270326.json"),
    ],
)
def test_a_date_to_come_is_a_name(root: Path, gone: str, sibling: str) -> None:
    """A contract's file is not rotated away by that of the next one."""
    write(root, gone, "{}")
    write(root, sibling, "{}")
    files = _files_on(root, _NOVEMBER_24)
    files.check()
    (root / gone).unlink()
    assert _states(files) == {gone: False, sibling: True}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("state/trades_2026-11-24.json", "state/trades_2026-11-25.json"),  # east of here
        ("state/trades_2026-10.json", "state/trades_2026-11.json"),
        ("state/BTCUSDT_20261225_20261123.json", "state/BTCUSDT_20261225_20261124.json"),
    ],
)
def test_a_date_of_today_is_a_date_in_every_zone(root: Path, old: str, new: str) -> None:
    """Also the month that has begun, and beside a date to come."""
    write(root, old, "{}")
    write(root, new, "{}")
    files = _files_on(root, _NOVEMBER_24)
    files.check()
    (root / old).unlink()
    assert _states(files) == {new: True}


def _files_on(root: Path, now: float) -> DataFiles:
    return DataFiles(make_bot(root), pause=lambda _: None, wall=lambda: now)


def test_a_name_written_out_must_stay(root: Path) -> None:
    """Whatever is in it, and whichever pattern finds it, too."""
    for day in (23, 24):
        write(root, f"state/trades_2026-11-{day}.json", "{}")
    paths = {"state": ["state/*.json", "state/trades_2026-11-23.json"]}
    files = DataFiles(make_bot(root, paths=paths), pause=lambda _: None, wall=lambda: NOW)
    files.check()
    (root / "state/trades_2026-11-23.json").unlink()
    assert not _states(files)["state/trades_2026-11-23.json"]


def test_what_goes_while_files_are_judged_is_rotated_away_all_the_same(root: Path) -> None:
    """A damaged table is looked at again a moment later; meanwhile the bot tidies up."""
    old, new = "state/a_2026-11-23.parquet", "state/a_2026-11-24.parquet"
    for name in (old, new):
        write(root, name, "no table")

    def tidy(_: float) -> None:
        (root / old).unlink(missing_ok=True)

    bot = make_bot(root, paths={"state": ["state/*.parquet"]})
    files = DataFiles(bot, pause=tidy, wall=lambda: NOW)
    assert {file.file: file.reason for file in files.check().files} == {new: Reason.INVALID}
