"""An unmodified python-binance as judge of the simulated exchange."""

import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.clients.binance_judge import Judge
from tests.clients.binance_session import read_futures, read_spot
from tests.sim.signing import Trouble
from tests.sim.simulator import Simulator

pytestmark = pytest.mark.filterwarnings(
    # Its import uses a deprecated name of websockets; nothing here uses websockets.
    "ignore:websockets:DeprecationWarning",
)


@pytest.fixture
def judge(simulator: Simulator) -> Iterator[Judge]:
    """A judge whose sessions are closed afterwards."""
    made = Judge(simulator)
    yield made
    made.close()


def test_it_reads_time_and_market(judge: Judge) -> None:
    """Public calls of spot and futures answer in the shape it expects."""
    client = judge.client()
    assert client.ping() == client.futures_ping() == {}
    for ask in (client.get_server_time, client.futures_time):
        before = int(time.time() * 1000)
        assert before <= ask()["serverTime"] <= time.time() * 1000
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
    ("drift", "wording"), [(60.0, "1000ms ahead"), (-12.0, "outside of the recvWindow")]
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


def test_it_reads_everything_of_the_spot_account(judge: Judge) -> None:
    """Each answer has the fields and types that the library's users rely on."""
    before = int(time.time() * 1000)
    seen = read_spot(judge.client())
    assert before <= seen["time"] <= time.time() * 1000
    assert (seen["ping"], seen["status"]) == ({}, {"status": 0, "msg": "normal"})
    assert {symbol["symbol"] for symbol in seen["info"]["symbols"]} == {"BTCUSDT", "ETHUSDT"}
    assert seen["info"]["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
    assert {row["asset"] for row in seen["account"]["balances"]} == {"BTC", "ETH", "USDT"}
    assert seen["account"]["canTrade"]
    assert [order["clientOrderId"] for order in seen["open"]] == ["mine"]
    assert seen["open"] == seen["open_of"] == [seen["named"]]
    assert (seen["order"]["status"], seen["named"]["status"]) == ("FILLED", "NEW")
    assert [order["status"] for order in seen["orders"]] == ["FILLED", "NEW"]
    (trade,) = seen["trades"]
    assert (trade["qty"], trade["commissionAsset"]) == ("0.01000000", "BTC")
    assert seen["fee"] == [
        {"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}
    ]
    assert Decimal(seen["price"]["price"]) > 0
    assert len(seen["books"]) == 2
    assert seen["key"]["ipRestrict"]
    assert not seen["key"]["enableWithdrawals"]
    assert "tradingAuthorityExpirationTime" not in seen["key"]
    assert seen["account_status"] == {"data": "Normal"}
    assert seen["trading_status"]["data"]["isLocked"] is False


def test_it_places_and_reads_an_order_list(judge: Judge) -> None:
    """The list has the bot's name; its members have their own, and end together."""
    seen = read_spot(judge.client())
    (listed,) = seen["oco_open"]
    shown = {name: seen["oco"][name] for name in listed}
    assert (listed, listed["listClientOrderId"]) == (shown, "ours")
    assert (listed["contingencyType"], listed["listOrderStatus"]) == ("OCO", "EXECUTING")
    members = [(row["orderId"], row["clientOrderId"]) for row in seen["oco_members"]]
    assert [(row["orderId"], row["clientOrderId"]) for row in listed["orders"]] == members
    assert {row["orderListId"] for row in seen["oco_members"]} == {listed["orderListId"]}
    assert {row["type"] for row in seen["oco"]["orderReports"]} == {"LIMIT_MAKER", "STOP_LOSS"}
    (ended,) = seen["oco_all"]
    assert (ended["orderListId"], ended["listStatusType"]) == (listed["orderListId"], "ALL_DONE")


def test_it_reads_everything_of_the_futures_account(judge: Judge) -> None:
    """Positions, orders of both services, history, income, rates and modes."""
    before = int(time.time() * 1000)
    seen = read_futures(judge.client())
    assert before <= seen["time"] <= time.time() * 1000
    assert seen["info"]["symbols"][0]["status"] == "TRADING"
    assert seen["configuration"]["canTrade"]
    assert not seen["configuration"]["dualSidePosition"]
    assert seen["account"]["canTrade"]
    assert seen["balance"][0]["asset"] == "USDT"
    (position,) = seen["positions"]
    assert (position["positionAmt"], position["positionSide"]) == ("0.010", "BOTH")
    assert seen["open"] == [seen["named"]]
    assert seen["order"]["status"] == "FILLED"
    assert [order["status"] for order in seen["orders"]] == ["FILLED", "NEW"]
    assert [trade["qty"] for trade in seen["trades"]] == ["0.010"]
    (fee,) = seen["income"]
    assert fee["incomeType"] == "COMMISSION"
    assert Decimal(fee["income"]) == -Decimal(seen["trades"][0]["commission"])
    assert [order["algoStatus"] for order in seen["algo_open"]] == ["NEW"]
    assert seen["algo"] == seen["algo_open"][0]
    assert [order["algoStatus"] for order in seen["algo_all"]] == ["NEW", "CANCELED"]
    assert seen["fee"]["takerCommissionRate"] == "0.000400"
    assert seen["mode"] == {"dualSidePosition": False}
    assert seen["margin"] == {"multiAssetsMargin": False}


def test_it_trades_both_legs_in_hedge_mode(judge: Judge, simulator: Simulator) -> None:
    """Long and short stand beside each other; an order without a side is refused."""
    simulator.world.usdm.dual = True
    client = judge.client()
    order = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.010"}
    client.futures_create_order(**order, side="BUY", positionSide="LONG")
    client.futures_create_order(**order, side="SELL", positionSide="SHORT")
    rows = client.futures_position_information()
    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [
        ("LONG", "0.010"),
        ("SHORT", "-0.010"),
    ]
    assert client.futures_get_position_mode() == {"dualSidePosition": True}
    with pytest.raises(judge.refusal, match="position side") as caught:
        client.futures_create_order(**order, side="BUY")
    assert caught.value.code == -4061


@pytest.mark.parametrize(
    ("trouble", "code", "status"),
    [
        (Trouble.KEY_FORMAT, -2014, 401),
        (Trouble.REJECTED, -2015, 401),
        (Trouble.IP, -2015, 401),
        (Trouble.SIGNATURE, -1022, 400),
        (Trouble.UNKNOWN, -2008, 400),
    ],
)
def test_a_troubled_key_is_refused_with_its_code(
    judge: Judge, simulator: Simulator, trouble: Trouble, code: int, status: int
) -> None:
    """What the api_key fault sets is what the library raises."""
    keys = simulator.world.keys
    keys["exporter"] = replace(keys["exporter"], trouble=trouble)
    with pytest.raises(judge.refusal) as caught:
        judge.client("exporter").get_account_api_permissions()
    assert (caught.value.code, caught.value.status_code) == (code, status)


def test_an_expired_key_reads_and_says_so(judge: Judge, simulator: Simulator) -> None:
    """Trading is over, reading goes on, the expiry is in the key's restrictions."""
    keys = simulator.world.keys
    keys["bot"] = replace(keys["bot"], expires=1_700_000_000_000)
    client = judge.client()
    permissions = client.get_account_api_permissions()
    assert permissions["tradingAuthorityExpirationTime"] == 1_700_000_000_000
    assert not permissions["enableSpotAndMarginTrading"]
    assert client.get_account()["canTrade"]  # the account's flag, not the key's
    with pytest.raises(judge.refusal) as caught:
        client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
    assert caught.value.code == -2015


@pytest.mark.parametrize(("family", "read"), [("spot", "get_account"), ("usdm", "futures_account")])
def test_too_much_weight_is_refused_and_then_banned(
    judge: Judge, simulator: Simulator, family: str, read: str
) -> None:
    """-1003 with 429; whoever goes on regardless meets 418."""
    client, limits = judge.client(), simulator.world.limits
    limits.allowed[family] = 20
    limits.ban_after = 6
    refusals = []
    for _ in range(16):  # a new minute, which forgives, may begin once: eight are left then
        try:
            getattr(client, read)()
        except judge.refusal as error:
            refusals.append(error)
    assert {error.code for error in refusals} == {-1003}
    assert all(int(error.response.headers["Retry-After"]) > 0 for error in refusals)
    statuses = [error.status_code for error in refusals]
    assert statuses[0] == 429
    assert statuses[-1] == 418
