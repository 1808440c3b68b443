"""An unmodified python-binance as judge of the simulated exchange."""

import importlib
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.sim.simulator import Simulator

pytestmark = pytest.mark.filterwarnings(
    # Its import uses a deprecated name of websockets; nothing here uses websockets.
    "ignore:websockets:DeprecationWarning",
)


class Judge:
    """The library's client for any key, and its exception class."""

    def __init__(self, simulator: Simulator) -> None:
        module: Any = importlib.import_module("binance.client")
        self.refusal: Any = importlib.import_module("binance.exceptions").BinanceAPIException
        self._client_class = module.Client
        self._simulator = simulator
        self.opened: list[Any] = []

    def client(self, role: str = "bot", key: str | None = None, secret: str | None = None) -> Any:
        """A client pointed at the simulator as the library allows."""
        pair = self._simulator.world.keys[role]
        client = self._client_class(key or pair.key, secret or pair.secret, ping=False)
        base = self._simulator.exchange.url
        client.API_URL = f"{base}/api"
        client.MARGIN_API_URL = f"{base}/sapi"
        client.FUTURES_URL = f"{base}/fapi"
        self.opened.append(client)
        return client


@pytest.fixture
def judge(simulator: Simulator) -> Iterator[Judge]:
    """A judge whose sessions are closed afterwards."""
    made = Judge(simulator)
    yield made
    for client in made.opened:
        client.close_connection()


def test_it_reads_time_and_market(judge: Judge) -> None:
    """Public calls of spot and futures answer in the shape it expects."""
    client = judge.client()
    assert client.ping() == client.futures_ping() == {}
    for answer in (client.get_server_time(), client.futures_time()):
        assert abs(answer["serverTime"] / 1000 - time.time()) < 1
    assert client.get_symbol_info("BTCUSDT")["status"] == "TRADING"
    assert client.futures_exchange_info()["symbols"][0]["symbol"] == "BTCUSDT"
    assert client.get_symbol_ticker(symbol="BTCUSDT")["price"] == "60000.00000000"
    assert client.futures_symbol_ticker(symbol="BTCUSDT")["price"] == "60000.00"
    assert client.get_orderbook_ticker(symbol="BTCUSDT")["bidPrice"] == "59999.90000000"
    assert client.get_system_status() == {"status": 0, "msg": "normal"}


def test_it_trades_futures_and_sees_the_position(judge: Judge) -> None:
    """A market order fills and shows as position, balance and trade."""
    client = judge.client()
    assert client.futures_position_information() == []
    order = client.futures_create_order(
        symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010", newOrderRespType="RESULT"
    )
    assert (order["status"], order["executedQty"]) == ("FILLED", "0.010")
    (position,) = client.futures_position_information()
    assert (position["positionAmt"], position["positionSide"]) == ("0.010", "BOTH")
    account = client.futures_account()
    assert Decimal(account["totalInitialMargin"]) > 0
    assert account["assets"][0]["asset"] == "USDT"
    assert Decimal(client.futures_account_balance()[0]["balance"]) < 100_000
    assert client.futures_account_trades(symbol="BTCUSDT")[0]["qty"] == "0.010"
    assert client.futures_get_position_mode() == {"dualSidePosition": False}
    assert client.futures_leverage_bracket()[0]["symbol"] == "BTCUSDT"


def test_it_places_reads_and_cancels_a_futures_order(judge: Judge) -> None:
    """The whole life of a resting order, cancel parameters in the body."""
    client = judge.client()
    order = client.futures_create_order(
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.010",
        price="50000",
    )
    which = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    assert client.futures_get_order(**which)["status"] == "NEW"
    assert len(client.futures_get_open_orders()) == 1
    assert client.futures_cancel_order(**which)["status"] == "CANCELED"
    assert client.futures_get_open_orders() == []
    assert client.futures_get_all_orders(symbol="BTCUSDT")[0]["status"] == "CANCELED"
    assert client.futures_cancel_all_open_orders(symbol="BTCUSDT")["code"] == 200


def test_it_trades_spot(judge: Judge) -> None:
    """Orders, fills, balances and trades of the spot account."""
    client = judge.client()
    bought = client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
    assert bought["fills"][0]["commissionAsset"] == "BTC"
    resting = client.order_limit_sell(symbol="BTCUSDT", quantity="0.1", price="70000")
    assert client.get_asset_balance("BTC")["locked"] == "0.10000000"
    assert len(client.get_open_orders()) == 1
    client.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
    assert client.get_order(symbol="BTCUSDT", orderId=resting["orderId"])["status"] == "CANCELED"
    assert len(client.get_all_orders(symbol="BTCUSDT")) == 2
    assert len(client.get_my_trades(symbol="BTCUSDT")) == 1
    assert client.get_account()["canTrade"]


def test_it_reads_the_key_s_permissions(judge: Judge) -> None:
    """The runbook's check (section 8) works, and the reader's key shows what it may not."""
    client = judge.client("exporter")
    assert client.get_account_status() == {"data": "Normal"}
    permissions = client.get_account_api_permissions()
    assert permissions["enableReading"]
    assert not permissions["enableFutures"]
    assert not permissions["enableWithdrawals"]
    assert client.get_trade_fee(symbol="BTCUSDT")[0]["takerCommission"] == "0.001"


@pytest.mark.parametrize(
    ("drift", "wording"), [(2.0, "1000ms ahead"), (-12.0, "outside of the recvWindow")]
)
def test_a_drifting_clock_is_refused(
    judge: Judge, simulator: Simulator, drift: float, wording: str
) -> None:
    """Its own clock decides: too far ahead, or older than its ten-second window."""
    client = judge.client()
    simulator.world.clocks.local = drift
    for call in (client.futures_account, client.get_account, client.get_account_status):
        with pytest.raises(judge.refusal, match=wording) as caught:
            call()
        assert caught.value.code == -1021


@pytest.mark.parametrize(
    ("key", "secret", "code", "status"),
    [("short", None, -2014, 401), ("A" * 64, None, -2015, 401), (None, "wrong", -1022, 400)],
)
def test_a_wrong_key_pair_is_refused(
    judge: Judge, key: str | None, secret: str | None, code: int, status: int
) -> None:
    """It raises with the exchange's code and status."""
    with pytest.raises(judge.refusal) as caught:
        judge.client(key=key, secret=secret).futures_account()
    assert (caught.value.code, caught.value.status_code) == (code, status)


def test_the_reader_s_key_places_no_order(judge: Judge, simulator: Simulator) -> None:
    """-2015, and nothing in the books."""
    with pytest.raises(judge.refusal) as caught:
        judge.client("exporter").futures_create_order(
            symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010"
        )
    assert caught.value.code == -2015
    assert simulator.world.usdm.orders.total == 0
