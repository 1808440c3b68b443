"""Orders, positions and balances, by the numbers."""

from decimal import Decimal
from typing import Any

import pytest

from tests.sim.books.prices import Prices
from tests.sim.books.usdm import FuturesPosition
from tests.sim.conftest import NOW, Caller
from tests.sim.simulator import Simulator

_MARKET = {"symbol": "BTCUSDT", "type": "MARKET", "newOrderRespType": "RESULT"}
_RESTING = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "price": "50000",
}


def _order(caller: Caller, **params: str) -> Any:
    response = caller.call("POST", "/fapi/v1/order", **params)
    assert response.status_code == 200, response.text
    return response.json()


def _position(caller: Caller) -> FuturesPosition:
    return caller.simulator.world.usdm.positions["BTCUSDT"]


def test_prices_follow_from_the_seed_and_stay_in_bounds() -> None:
    """Two walks of one seed agree; no step leaves two per cent or the tick."""
    one, two, other = Prices(1), Prices(1), Prices(2)
    for _ in range(2000):
        for prices in (one, two, other):
            prices.move("BTCUSDT")
        assert one.of("BTCUSDT") == two.of("BTCUSDT")
        assert Decimal(58_800) <= one.of("BTCUSDT") <= Decimal(61_200)
        assert one.of("BTCUSDT") % Decimal("0.1") == 0
    assert one.of("BTCUSDT") != other.of("BTCUSDT")


def test_fills_move_the_position_through_zero(caller: Caller) -> None:
    """Growing averages the entry, shrinking keeps it, crossing zero starts it anew."""
    first = Decimal(_order(caller, **_MARKET, side="BUY", quantity="0.010")["avgPrice"])
    second = Decimal(_order(caller, **_MARKET, side="BUY", quantity="0.030")["avgPrice"])
    average = (first + 3 * second) / 4
    assert (_position(caller).quantity, _position(caller).entry) == (Decimal("0.040"), average)
    _order(caller, **_MARKET, side="SELL", quantity="0.020")
    assert (_position(caller).quantity, _position(caller).entry) == (Decimal("0.020"), average)
    turned = Decimal(_order(caller, **_MARKET, side="SELL", quantity="0.050")["avgPrice"])
    assert (_position(caller).quantity, _position(caller).entry) == (Decimal("-0.030"), turned)
    reduced = _order(caller, **_MARKET, side="BUY", quantity="0.090", reduceOnly="true")
    assert Decimal(reduced["executedQty"]) == Decimal("0.030")
    assert _position(caller).quantity == 0
    assert caller.call("GET", "/fapi/v3/positionRisk").json() == []
    assert len(caller.call("GET", "/fapi/v2/positionRisk").json()) == 2


def test_the_wallet_pays_commission_and_takes_profit(caller: Caller) -> None:
    """What the trades say adds up to what the wallet holds."""
    for side in ("BUY", "SELL", "SELL", "BUY"):
        _order(caller, **_MARKET, side=side, quantity="0.100")
    trades = caller.call("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").json()
    paid = sum(Decimal(trade["commission"]) for trade in trades)
    earned = sum(Decimal(trade["realizedPnl"]) for trade in trades)
    assert len(trades) == 4
    assert paid > 0
    assert caller.simulator.world.usdm.wallet == 100_000 + earned - paid


def test_an_acknowledged_order_is_answered_before_its_fill(caller: Caller) -> None:
    """Without newOrderRespType the answer says NEW; the order itself is filled."""
    order = {**_MARKET, "side": "BUY", "quantity": "0.010"}
    del order["newOrderRespType"]
    answer = _order(caller, **order)
    assert answer["status"] == "NEW"
    found = caller.call(
        "GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=str(answer["orderId"])
    ).json()
    assert (found["status"], found["executedQty"]) == ("FILLED", "0.010")


def test_a_resting_order_is_open_until_cancelled(caller: Caller) -> None:
    """It shows in openOrders, blocks its client id, cancels once."""
    order = _order(caller, **_RESTING, newClientOrderId="mine")
    assert [o["clientOrderId"] for o in caller.call("GET", "/fapi/v1/openOrders").json()] == [
        "mine"
    ]
    duplicate = caller.call("POST", "/fapi/v1/order", **_RESTING, newClientOrderId="mine")
    assert duplicate.json()["code"] == -4116
    which = {"symbol": "BTCUSDT", "orderId": str(order["orderId"])}
    assert caller.call("DELETE", "/fapi/v1/order", **which).json()["status"] == "CANCELED"
    assert caller.call("DELETE", "/fapi/v1/order", **which).json()["code"] == -2011
    assert caller.call("GET", "/fapi/v1/openOrders").json() == []


def test_a_resting_order_fills_when_the_price_reaches_it(caller: Caller) -> None:
    """The walk triggers a limit order at its own price, as maker."""
    books = caller.simulator.world.usdm
    price = books.prices.of("BTCUSDT") - 20
    _order(caller, **{**_RESTING, "price": str(price)})
    for _ in range(200):
        _order(caller, **_MARKET, side="SELL", quantity="0.010")
        if not books.orders.open():
            break
        _order(caller, **_MARKET, side="BUY", quantity="0.010")
    maker = [trade for trade in books.orders.trades if trade.maker]
    assert [(trade.price, trade.quantity) for trade in maker] == [(price, Decimal("0.010"))]


@pytest.mark.parametrize(
    ("tif", "price", "status"),
    [("IOC", "50000", "EXPIRED"), ("GTX", "70000", "EXPIRED"), ("IOC", "70000", "FILLED")],
)
def test_time_in_force_decides_what_may_rest(
    caller: Caller, tif: str, price: str, status: str
) -> None:
    """IOC never rests and post-only never takes."""
    order = {**_RESTING, "timeInForce": tif, "price": price, "newOrderRespType": "RESULT"}
    assert _order(caller, **order)["status"] == status


def test_cancel_all_leaves_algo_orders_alone(caller: Caller) -> None:
    """Conditional orders live apart: invisible to openOrders, cancelled by their own call."""
    _order(caller, **_RESTING)
    stop = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "quantity": "0.010",
        "triggerPrice": "55000",
        "reduceOnly": "true",
    }
    placed = caller.call("POST", "/fapi/v1/algoOrder", **stop)
    assert placed.json()["algoStatus"] == "NEW"
    done = caller.call("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert (done.status_code, done.json()["code"]) == (200, 200)
    assert caller.call("GET", "/fapi/v1/openOrders").json() == []
    assert len(caller.call("GET", "/fapi/v1/openAlgoOrders").json()) == 1
    which = {"algoId": str(placed.json()["algoId"])}
    assert caller.call("DELETE", "/fapi/v1/algoOrder", **which).json()["code"] == "200"
    assert caller.call("DELETE", "/fapi/v1/algoOrder", **which).json()["code"] == -2011
    assert caller.call("GET", "/fapi/v1/openAlgoOrders").json() == []


def test_the_countdown_cancels_one_symbol_s_orders_when_it_runs_out() -> None:
    """An expired countdown takes the symbol's resting orders; a disarmed one does not."""
    moment = [NOW]
    with Simulator(wall=lambda: moment[0]) as simulator:
        caller = Caller(simulator)
        with caller.http:
            _order(caller, **_RESTING)
            _order(caller, **{**_RESTING, "symbol": "ETHUSDT", "quantity": "1", "price": "2500"})
            countdown = {"symbol": "ETHUSDT", "countdownTime": "60000"}
            armed = caller.call("POST", "/fapi/v1/countdownCancelAll", **countdown)
            assert armed.json() == countdown
            caller.call("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime="9")
            caller.call("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime="0")
            moment[0] += 59.9
            assert len(caller.call("GET", "/fapi/v1/openOrders").json()) == 2
            moment[0] += 0.1
            (left,) = caller.call("GET", "/fapi/v1/openOrders").json()
            assert left["symbol"] == "BTCUSDT"


def test_spot_orders_lock_and_release_balances(caller: Caller) -> None:
    """A resting buy locks quote, cancelling frees it; a second cancel-all has nothing: -2011."""
    usdt = caller.simulator.world.spot.balances["USDT"]
    resting = {**_RESTING, "quantity": "0.5"}
    assert caller.call("POST", "/api/v3/order", **resting).json()["status"] == "NEW"
    assert usdt.free == usdt.locked == Decimal(25_000)
    assert caller.call("POST", "/api/v3/order", **{**resting, "quantity": "0.6"}).json() == {
        "code": -2010,
        "msg": "Account has insufficient balance for requested action.",
    }
    (cancelled,) = caller.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert cancelled["status"] == "CANCELED"
    assert cancelled["clientOrderId"] != cancelled["origClientOrderId"]
    assert (usdt.free, usdt.locked) == (Decimal(50_000), Decimal(0))
    again = caller.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (again.status_code, again.json()["code"]) == (400, -2011)


def test_a_spot_buy_pays_its_commission_in_what_it_buys(caller: Caller) -> None:
    """Received is executed less commission, and the fills say so."""
    btc = caller.simulator.world.spot.balances["BTC"]
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    (fill,) = caller.call("POST", "/api/v3/order", **order).json()["fills"]
    assert (fill["commission"], fill["commissionAsset"]) == ("0.00010000", "BTC")
    assert btc.free == Decimal("0.5999")
    (trade,) = caller.call("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert trade["isBuyer"]
    assert trade["commission"] == "0.00010000"
