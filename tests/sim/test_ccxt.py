"""An unmodified ccxt as judge of the simulated exchange."""

import re
import time
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from tests.sim.simulator import Simulator

_HOST = re.compile(r"https://[a-z0-9-]+\.binance\.com")


def _open(kind: str, simulator: Simulator, role: str = "bot") -> Any:
    key = simulator.world.keys[role]
    client = getattr(ccxt, kind)(
        {"apiKey": key.key, "secret": key.secret, "enableRateLimit": False, "timeout": 30_000}
    )
    api = client.urls["api"]
    client.urls["api"] = {
        name: _HOST.sub(simulator.exchange.url, url) if isinstance(url, str) else url
        for name, url in api.items()
    }
    return client


@pytest.fixture
def futures(simulator: Simulator) -> Iterator[Any]:
    """The library's USD-M class."""
    client = _open("binanceusdm", simulator)
    yield client
    client.session.close()


@pytest.fixture
def spot(simulator: Simulator) -> Iterator[Any]:
    """The library's spot class."""
    client = _open("binance", simulator)
    yield client
    client.session.close()


def test_futures_orders_and_positions(futures: Any) -> None:
    """Load markets with keys, trade, see the position, rest and cancel an order."""
    before = int(time.time() * 1000)
    assert before <= futures.fetch_time() <= time.time() * 1000
    symbol = "BTC/USDT:USDT"
    filled = futures.create_order(symbol, "market", "buy", 0.01)
    assert (filled["status"], filled["filled"]) == ("closed", 0.01)
    (position,) = futures.fetch_positions()
    assert (position["symbol"], position["contracts"], position["side"]) == (symbol, 0.01, "long")
    resting = futures.create_order(symbol, "limit", "buy", 0.01, 50_000)
    assert [order["id"] for order in futures.fetch_open_orders(symbol)] == [resting["id"]]
    assert futures.cancel_order(resting["id"], symbol)["status"] == "canceled"
    assert futures.fetch_open_orders(symbol) == []
    assert futures.fetch_order(resting["id"], symbol)["status"] == "canceled"
    assert len(futures.fetch_my_trades(symbol)) == 1
    assert futures.fetch_balance()["USDT"]["total"] == pytest.approx(100_000, abs=10)


def test_spot_orders_and_balances(spot: Any) -> None:
    """Load markets of every kind, trade, see the balance less commission."""
    assert {"BTC/USDT", "ETH/USDT"} <= set(spot.load_markets())
    filled = spot.create_order("BTC/USDT", "market", "buy", 0.1)
    assert (filled["status"], filled["fee"]["currency"]) == ("closed", "BTC")
    assert spot.fetch_balance()["BTC"]["total"] == pytest.approx(0.5999)
    resting = spot.create_order("BTC/USDT", "limit", "sell", 0.1, 70_000)
    assert [order["id"] for order in spot.fetch_open_orders("BTC/USDT")] == [resting["id"]]
    spot.cancel_order(resting["id"], "BTC/USDT")
    assert spot.fetch_open_orders("BTC/USDT") == []


@pytest.mark.parametrize("drift", [60.0, -12.0])
def test_a_drifting_clock_is_an_invalid_nonce(
    futures: Any, simulator: Simulator, drift: float
) -> None:
    """The library reads -1021 as its own class, on either side."""
    futures.load_markets()
    simulator.world.clocks.local = drift
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        futures.fetch_balance()


def test_refusals_have_the_classes_ccxt_gives_the_real_codes(
    futures: Any, simulator: Simulator
) -> None:
    """Unknown order, bad signature, order without permission."""
    futures.load_markets()
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        futures.fetch_order("1", "BTC/USDT:USDT")
    futures.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        futures.fetch_balance()
    reader = _open("binanceusdm", simulator, "exporter")
    try:
        reader.options["fetchCurrencies"] = False
        with pytest.raises(ccxt.BaseError, match="-2015"):
            reader.create_order("BTC/USDT:USDT", "market", "buy", 0.01)
    finally:
        reader.session.close()
