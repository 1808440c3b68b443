"""Damaged files and exhausted memory of a bot: injected, visible, ended, gone."""

import json
import math
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow.parquet as pq
import pytest

from tests.sim.conftest import DEADLINE, LiveBot, until
from tests.sim.injecting import end, inject

_FILTERS, _FEATURES = "data/binance_filters.json", "data/features.parquet"
_MEBIBYTE = 1 << 20


@pytest.fixture
def trading(bot: LiveBot) -> LiveBot:
    """A bot that has traded."""
    bot.start()
    until(lambda: "Filled" in bot.log, "a trade")
    return bot


def _missing(path: Path) -> float:
    """The share of numbers that are missing."""
    table = pq.read_table(path)
    numbers = [table[name].to_pylist() for name in ("close", "volume", "rsi")]
    values = [value for column in numbers for value in column]
    return sum(math.isnan(value) for value in values) / len(values)


def _json_is_cut(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("kind", "file", "judged"),
    [
        ("truncated_json", _FILTERS, _json_is_cut),
        ("truncated_json", "state/positions.json", _json_is_cut),
        ("nan_parquet", _FEATURES, lambda path: _missing(path) == 0.5),
        ("wrong_schema", _FILTERS, lambda path: json.loads(path.read_text()) == ["unexpected"]),
        ("wrong_schema", _FEATURES, lambda p: pq.read_table(p).column_names == ["unexpected"]),
        ("shrunk", _FEATURES, lambda path: pq.read_table(path).num_rows == 25),
        ("shrunk", _FILTERS, lambda path: len(path.read_text().splitlines()) == 1),
        ("missing", _FILTERS, lambda path: not path.exists()),
        ("missing", _FEATURES, lambda path: not path.exists()),
    ],
)
def test_a_file_is_damaged_and_restored(
    bot: LiveBot, control: httpx.Client, kind: str, file: str, judged: Any
) -> None:
    """Content and time are as before when the fault ends."""
    path = bot.root / file
    if not path.exists():
        path.write_text('{"BTCUSDT": {"qty": "0.010", "avg_price": "60000"}}')
    before, modified = path.read_bytes(), path.stat().st_mtime_ns
    inject(control, "data_corruption", kind=kind, file=file)
    assert judged(path)
    end(control, "data_corruption")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, modified)


def test_stale_filters_are_old_and_differ_from_the_exchange_s(
    bot: LiveBot, control: httpx.Client
) -> None:
    """Valid, forty days old, with other steps; restored in both respects."""
    path = bot.root / _FILTERS

    def step() -> str:
        filters: Any = json.loads(path.read_text())["filters"]
        found: str = filters["BTCUSDT"]["LOT_SIZE"]["stepSize"]
        return found

    inject(control, "data_corruption", kind="stale_filters")
    assert (step(), time.time() - path.stat().st_mtime > 39 * 86400) == ("1", True)
    end(control, "data_corruption")
    assert (step(), time.time() - path.stat().st_mtime < 3600) == ("0.001", True)


@pytest.mark.parametrize("kind", ["truncated_json", "missing"])
def test_a_file_that_was_repaired_stays(bot: LiveBot, control: httpx.Client, kind: str) -> None:
    """What somebody has written since is not the fault's to undo."""
    inject(control, "data_corruption", kind=kind)
    (bot.root / _FILTERS).write_text('{"filters": {}}')
    end(control, "data_corruption")
    assert (bot.root / _FILTERS).read_text() == '{"filters": {}}'


@pytest.mark.parametrize(
    ("params", "wording"),
    [
        ({"file": "data/none.json"}, "has no file"),
        ({"file": "data/../../outside.json"}, "has no file"),
        ({"file": "/etc/hostname"}, "regex"),
        ({"kind": "nan_parquet", "file": _FILTERS}, "not for .json files"),
        ({"kind": "stale_filters", "file": _FEATURES}, "not for .parquet files"),
    ],
)
def test_only_the_bot_s_own_files_are_damaged(
    bot: LiveBot, control: httpx.Client, params: dict[str, str], wording: str
) -> None:
    """A path outside the root, or a kind that does not fit, is refused."""
    (bot.root.parent / "outside.json").write_text("{}")
    response = control.post("/faults", json={"scenario": "data_corruption", **params})
    assert response.status_code == 400
    assert wording in response.json()["error"]
    assert (bot.root.parent / "outside.json").read_text() == "{}"


def test_the_bot_complains_of_invalid_data_once_and_trades_on(
    trading: LiveBot, control: httpx.Client
) -> None:
    """The runbook's words in the log; a repaired and again damaged file is a new complaint."""
    for times in (1, 2):
        inject(control, "data_corruption")
        phrase = f"ERROR Invalid data in {_FILTERS}: "
        until(lambda: trading.log.count(phrase) == times, "the complaint")  # noqa: B023
        filled = trading.log.count("Filled")
        until(lambda: trading.log.count("Filled") >= filled + 2, "trading on")  # noqa: B023
        assert trading.log.count(phrase) == times
        end(control, "data_corruption")
        heard = trading.log.count("Filled")
        # It looks every five steps, and eight or more lie between the first trade and the third.
        until(lambda: trading.log.count("Filled") >= heard + 3, "a look at it")  # noqa: B023


@pytest.mark.parametrize("kind", ["leak", "spike"])
def test_the_bot_s_memory_grows_and_is_given_back(
    trading: LiveBot, control: httpx.Client, kind: str
) -> None:
    """Resident memory, of that very process; it trades on."""
    process = psutil.Process(trading.process.pid)

    def held() -> int:
        resident: int = process.memory_info().rss
        return resident

    before = held()
    inject(control, "memory_exhaustion", kind=kind, mebibytes=64)
    until(lambda: held() > before + 60 * _MEBIBYTE, "the memory")
    orders = trading.orders
    until(lambda: trading.orders > orders, "trading on")
    end(control, "memory_exhaustion")
    until(lambda: held() < before + 20 * _MEBIBYTE, "the memory's end")


def test_a_memory_error_ends_the_bot_and_not_the_next_one(
    trading: LiveBot, control: httpx.Client
) -> None:
    """An unclean exit with the traceback in the log; a restart works."""
    inject(control, "memory_exhaustion", kind="error")
    assert trading.process.wait(timeout=DEADLINE) == 1
    assert "ERROR Unhandled exception" in trading.log
    assert "MemoryError: unable to allocate" in trading.log
    assert "Shutdown complete" not in trading.log
    trading.start()
    filled = trading.log.count("Filled")
    until(lambda: trading.log.count("Filled") > filled, "trading again")


def test_a_bot_that_is_not_there_needs_no_memory(bot: LiveBot, control: httpx.Client) -> None:
    """The fault is refused, and nothing is left in the root."""
    response = control.post("/faults", json={"scenario": "memory_exhaustion"})
    assert response.status_code == 400
    assert "no live bot" in response.json()["error"]
    assert not list(bot.root.glob(".memory*"))
