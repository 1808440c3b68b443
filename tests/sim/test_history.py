"""Histories of the simulated exchange: what one answer holds, and what it leaves out."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sim.conftest import NOW, Caller
from tests.sim.simulator import Simulator

_NOW_MS = int(NOW * 1000)
_HOUR, _DAY, _WEEK = 3_600_000, 86_400_000, 7 * 86_400_000
_ORDERS = {"/api/v3/allOrders": _DAY, "/fapi/v1/allOrders": _WEEK}
_TRADES = {"/api/v3/myTrades": _DAY, "/fapi/v1/userTrades": _WEEK}


@pytest.fixture
def old(frozen: Simulator) -> Iterator[Caller]:
    """Four filled orders on spot and futures: of now, an hour, two days and ten days ago."""
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    calling = Caller(frozen)
    with calling.http:
        for path in ("/api/v3/order", "/fapi/v1/order"):
            for _ in range(4):
                assert calling.call("POST", path, **market).status_code == 200
        for books in (frozen.world.spot, frozen.world.usdm):
            for items in (books.orders.of("BTCUSDT"), books.orders.traded("BTCUSDT")):
                for item, age in zip(items, (10 * _DAY, 2 * _DAY, _HOUR, 0), strict=True):
                    object.__setattr__(item, "time", _NOW_MS - age)  # trades are frozen
        yield calling


def _ages(old: Caller, path: str, **params: Any) -> list[int]:
    response = old.call("GET", path, symbol="BTCUSDT", **{k: str(v) for k, v in params.items()})
    assert response.status_code == 200, response.text
    return [_NOW_MS - row["time"] for row in response.json()]


@pytest.mark.parametrize(("path", "period"), [*_ORDERS.items(), *_TRADES.items()])
def test_a_start_without_an_end_covers_one_period(old: Caller, path: str, period: int) -> None:
    """What happened later than that is missing from the answer."""
    covered = [age for age in (10 * _DAY, 2 * _DAY, _HOUR, 0) if age >= 10 * _DAY - period]
    assert _ages(old, path, startTime=_NOW_MS - 10 * _DAY) == covered
    assert _ages(old, path, startTime=_NOW_MS - _HOUR) == [_HOUR, 0]


@pytest.mark.parametrize(("path", "period"), [*_ORDERS.items(), *_TRADES.items()])
def test_too_long_a_period_is_refused(old: Caller, path: str, period: int) -> None:
    """The period itself is allowed, a millisecond more is -1127."""
    begin = _NOW_MS - period
    assert 0 in _ages(old, path, startTime=begin, endTime=_NOW_MS)
    times = {"startTime": str(begin - 1), "endTime": str(_NOW_MS)}
    refused = old.call("GET", path, symbol="BTCUSDT", **times)
    assert (refused.status_code, refused.json()["code"]) == (400, -1127)


@pytest.mark.parametrize("path", [*_ORDERS, *_TRADES])
def test_the_limit_cuts_the_end_of_a_range_or_the_beginning_of_all(old: Caller, path: str) -> None:
    """With a start the oldest come, without one the newest; beyond a thousand it is refused."""
    assert _ages(old, path, limit=1) == [0]
    assert _ages(old, path, startTime=_NOW_MS - _HOUR, limit=1) == [_HOUR]
    assert old.call("GET", path, symbol="BTCUSDT", limit="1001").json()["code"] == -1130


def test_from_an_id_on(old: Caller) -> None:
    """Orders and trades from an id on, oldest first; futures' trades not together with times."""
    for path, name in (("/api/v3/myTrades", "id"), ("/fapi/v1/userTrades", "id")):
        second = old.call("GET", path, symbol="BTCUSDT").json()[1][name]
        assert _ages(old, path, fromId=second) == [2 * _DAY, _HOUR, 0]
    for path in _ORDERS:
        second = old.call("GET", path, symbol="BTCUSDT").json()[1]["orderId"]
        assert _ages(old, path, orderId=second, limit=2) == [2 * _DAY, _HOUR]
    both = {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"}
    assert old.call("GET", "/fapi/v1/userTrades", **both).json()["code"] == -1128


def test_income_adds_up_to_the_wallet(old: Caller) -> None:
    """Fees, profits and funding, by kind and page; without times the last seven days."""
    books = old.simulator.world.usdm
    books.earn("FUNDING_FEE", "BTCUSDT", books.wallet / -1_000_000, _NOW_MS)
    rows = old.call("GET", "/fapi/v1/income").json()
    assert {row["incomeType"] for row in rows} == {"COMMISSION", "FUNDING_FEE"}
    assert len(rows) == 5
    kinds = old.call("GET", "/fapi/v1/income", incomeType="FUNDING_FEE").json()
    assert [row["income"][0] for row in kinds] == ["-"]
    pages = [old.call("GET", "/fapi/v1/income", limit="2", page=str(n)).json() for n in (1, 2, 3)]
    assert [row for page in pages for row in page] == rows
    books.incomes[0] = type(books.incomes[0])("COMMISSION", "BTCUSDT", books.wallet, 0, 1, "")
    assert len(old.call("GET", "/fapi/v1/income").json()) == 4
    assert len(old.call("GET", "/fapi/v1/income", startTime="0").json()) == 5
