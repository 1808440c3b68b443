"""Orders that a venue named itself are still known by the orders that they belong to."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from exporter.orders import Owner, owner_of
from exporter.readings import OpenOrder
from exporter.sources.exchange import Exchange
from tests.sim.conftest import Caller
from tests.sim.order_lists import OCO
from tests.sim.serve import Request, Response
from tests.sim.simulator import Simulator
from tests.sources.venues import NOW, bodies, sim_exchange, usdm

_OURS, _THEIRS = "tb2-7", "somebody"
_EXITS = {"take_profit": {"limit_price": "300"}, "stop_loss": {"stop_price": "100"}}
_ENTRY = {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "gtc", "qty": "2"}
_WAITING = {**_ENTRY, "type": "limit", "limit_price": "150"}
_OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "50000",
    "workingQuantity": "0.01",
    "pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "90000",
    "pendingQuantity": "0.01",
}  # fmt: skip


def _owners(orders: tuple[OpenOrder, ...]) -> list[Owner]:
    return [owner_of(order, "tb2-") for order in orders]


def _asked(simulator: Simulator) -> int:
    counts = simulator.world.requests
    return sum(
        n for (role, path), n in counts.items() if role == "exporter" and "/time" not in path
    )


def _refuse(simulator: Simulator, wanted: Callable[[Request], bool], body: Any = None) -> None:
    """Have the venue fail, or answer ``body``, for the requests that are wanted."""
    answer = Response(500, {"message": "broken"}) if body is None else Response(200, body)
    with simulator.world.lock:
        simulator.world.intercepts["test"] = lambda r: answer if wanted(r) else None


def _broker(simulator: Simulator) -> httpx.Client:
    pair = simulator.world.alpaca_keys["bot"]
    headers = {"APCA-API-KEY-ID": pair.key, "APCA-API-SECRET-KEY": pair.secret}
    return httpx.Client(base_url=simulator.alpaca.url, headers=headers, timeout=20)


@pytest.fixture
def broker(simulator: Simulator) -> Iterator[httpx.Client]:
    """The bot at the broker."""
    with _broker(simulator) as client:
        yield client


@pytest.fixture
def caller(simulator: Simulator) -> Iterator[Caller]:
    """The bot at Binance."""
    made = Caller(simulator)
    with made.http:
        yield made


@pytest.fixture
def stocks(simulator: Simulator) -> Iterator[Exchange]:
    """The exporter at the broker."""
    with sim_exchange(simulator, "alpaca") as exchange:
        yield exchange


@pytest.fixture
def coins(simulator: Simulator) -> Iterator[Exchange]:
    """The exporter at Binance spot."""
    with sim_exchange(simulator, "binance_spot") as exchange:
        yield exchange


def _submit(broker: httpx.Client, name: str, order: dict[str, Any], kind: str) -> str:
    body = {**order, **_EXITS, "order_class": kind, "client_order_id": name}
    response = broker.post("/v2/orders", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def _patch(broker: httpx.Client, order_id: str, **changes: str) -> str:
    response = broker.patch(f"/v2/orders/{order_id}", json=changes)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def _list(caller: Caller, path: str, params: dict[str, str], **names: str) -> None:
    caller.call("POST", f"/api/v3/orderList/{path}", **params, **names).raise_for_status()


@pytest.mark.parametrize(("name", "owner"), [(_OURS, Owner.BOT), (_THEIRS, Owner.STRANGER)])
@pytest.mark.parametrize("kind", ["bracket", "oto"])
@pytest.mark.parametrize("entry", [_ENTRY, _WAITING], ids=["filled", "resting"])
def test_legs_are_their_parents_owner_s(
    simulator: Simulator, entry: dict[str, Any], kind: str, *, name: str, owner: Owner
) -> None:
    """Also of a parent that is filled, which no list of open orders shows any more."""
    with _broker(simulator) as broker, sim_exchange(simulator, "alpaca") as stocks:
        _submit(broker, name, entry, kind)
        orders = stocks.open_orders()
    assert _owners(orders) == [owner] * (2 if entry is _ENTRY else 3)
    assert (name in {order.client_order_id for order in orders}) is (entry is _WAITING)


def test_the_stop_of_an_oco_is_its_take_profit_s(broker: httpx.Client, stocks: Exchange) -> None:
    """The take profit has the bot's id, the stop one of the broker's."""
    broker.post("/v2/orders", json=_ENTRY).raise_for_status()
    _submit(broker, _OURS, {**_WAITING, "side": "sell", "limit_price": "300"}, "oco")
    assert _owners(stocks.open_orders()) == [Owner.BOT] * 2


def test_a_family_is_asked_for_once(
    simulator: Simulator, broker: httpx.Client, stocks: Exchange
) -> None:
    """Two requests the first time, one each time after that, also for the history."""
    _submit(broker, _OURS, _ENTRY, "bracket")
    began = _asked(simulator)
    stocks.open_orders()
    assert _asked(simulator) == began + 2
    stocks.open_orders()
    assert _asked(simulator) == began + 3
    since = simulator.world.clocks.exchange_seconds() - 60
    assert _owners(stocks.orders("AAPL", since)) == [Owner.BOT] * 3


def test_a_single_order_costs_no_further_request(
    simulator: Simulator, broker: httpx.Client, stocks: Exchange
) -> None:
    """Most orders are linked with nothing."""
    broker.post("/v2/orders", json={**_WAITING, "client_order_id": _THEIRS}).raise_for_status()
    began = _asked(simulator)
    assert _owners(stocks.open_orders()) == [Owner.STRANGER]
    assert _asked(simulator) == began + 1


def test_a_family_that_cannot_be_asked_for_is_unknown_until_it_can(
    simulator: Simulator, broker: httpx.Client, stocks: Exchange
) -> None:
    """The orders themselves are read all the same."""
    _submit(broker, _THEIRS, _ENTRY, "bracket")
    _refuse(simulator, lambda request: "nested=true" in request.query)
    assert _owners(stocks.open_orders()) == [Owner.UNKNOWN] * 2
    simulator.world.intercepts.clear()
    assert _owners(stocks.open_orders()) == [Owner.STRANGER] * 2


def test_a_replacement_is_the_first_order_s(broker: httpx.Client, stocks: Exchange) -> None:
    """The broker names it itself, unless it is told how."""
    body = {**_WAITING, "client_order_id": _OURS}
    order_id = broker.post("/v2/orders", json=body).json()["id"]
    for price in ("151", "152"):
        order_id = _patch(broker, order_id, limit_price=price)
    (order,) = stocks.open_orders()
    assert order.order_id == order_id
    assert not order.client_order_id.startswith("tb2-")
    assert _owners((order,)) == [Owner.BOT]


def test_a_replaced_leg_is_still_its_parent_s(broker: httpx.Client, stocks: Exchange) -> None:
    """A trailing stop is one leg replaced again and again; also one that was never seen."""
    _submit(broker, _OURS, _ENTRY, "bracket")
    profit = next(o for o in broker.get("/v2/orders").json() if o["type"] == "limit")
    _patch(broker, profit["id"], limit_price="301")
    assert _owners(stocks.open_orders()) == [Owner.BOT] * 2


def test_long_chains_take_several_readings(broker: httpx.Client, stocks: Exchange) -> None:
    """Few requests at a time; until the first order is reached nobody is called a stranger."""
    body = {**_WAITING, "client_order_id": _OURS}
    order_id = broker.post("/v2/orders", json=body).json()["id"]
    for step in range(12):
        order_id = _patch(broker, order_id, limit_price=str(100 + step))
    seen = [_owners(stocks.open_orders())[0] for _ in range(3)]
    assert seen == [Owner.UNKNOWN, Owner.UNKNOWN, Owner.BOT]


@pytest.mark.parametrize("name", ["listClientOrderId", "aboveClientOrderId", "belowClientOrderId"])
def test_one_name_of_a_list_tells_whose_all_of_it_is(
    caller: Caller, coins: Exchange, name: str
) -> None:
    """The list's own, or that of any member."""
    _list(caller, "oco", OCO, **{name: _OURS})
    assert _owners(coins.open_orders()) == [Owner.BOT] * 2


def test_a_pending_leg_belongs_to_its_list(caller: Caller, coins: Exchange) -> None:
    """It rests for as long as the order that it waits for."""
    _list(caller, "oto", _OTO, workingClientOrderId=_OURS)
    orders = coins.open_orders()
    assert [order.status for order in orders] == ["NEW", "PENDING_NEW"]
    assert _owners(orders) == [Owner.BOT] * 2


def test_a_list_without_our_name_is_a_stranger_s(caller: Caller, coins: Exchange) -> None:
    """A person's order list is no bot's."""
    _list(caller, "oco", OCO)
    assert _owners(coins.open_orders()) == [Owner.STRANGER] * 2


def test_a_list_is_asked_for_once(simulator: Simulator, caller: Caller, coins: Exchange) -> None:
    """And not at all while no order belongs to one."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    resting = {**order, "quantity": "0.01", "price": "50000", "newClientOrderId": "tb2-1"}
    caller.call("POST", "/api/v3/order", **resting).raise_for_status()
    coins.open_orders()
    counts = simulator.world.requests
    assert counts["exporter", "GET /api/v3/openOrderList"] == 0
    _list(caller, "oco", OCO)
    coins.open_orders()
    coins.open_orders()
    assert counts["exporter", "GET /api/v3/openOrderList"] == 1


@pytest.mark.parametrize("body", [None, []], ids=["fails", "lags behind"])
def test_a_list_that_is_not_shown_yet_is_unknown(
    simulator: Simulator, caller: Caller, coins: Exchange, body: Any
) -> None:
    """Lists come from a slower database; one that stays away is nobody's after a minute."""
    _list(caller, "oco", OCO)
    _refuse(simulator, lambda request: request.path.endswith("/openOrderList"), body)
    assert _owners(coins.open_orders()) == [Owner.UNKNOWN] * 2
    for order in simulator.world.spot.orders.open():
        order.time -= 61_000
    later = Owner.UNKNOWN if body is None else Owner.STRANGER
    assert _owners(coins.open_orders()) == [later] * 2


def test_an_ended_list_in_the_history(
    simulator: Simulator, caller: Caller, coins: Exchange
) -> None:
    """What was filled a moment ago was the bot's, whatever its leg is called."""
    _list(caller, "oco", OCO, listClientOrderId=_OURS)
    caller.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    since = simulator.world.clocks.exchange_seconds() - 60
    assert _owners(coins.orders("BTCUSDT", since)) == [Owner.BOT] * 2
    (order, _) = coins.orders("BTCUSDT", since)
    assert coins.order("BTCUSDT", order_id=order.order_id) == order
    assert simulator.world.requests["exporter", "GET /api/v3/allOrderList"] == 1


def test_a_triggered_stop_is_still_the_bot_s(simulator: Simulator, caller: Caller) -> None:
    """It becomes a regular order, with an order id of its own."""
    stop = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "STOP",
        "quantity": "0.010",
        "price": "50000",
        "triggerPrice": "61000",
        "clientAlgoId": _OURS,
    }
    caller.call("POST", "/fapi/v1/algoOrder", **stop).raise_for_status()
    books = simulator.world.usdm
    (algo,) = books.algo.values()
    books.trigger(algo, simulator.world.clocks.exchange_ms())
    with sim_exchange(simulator, "binance_usdm") as exchange:
        (order,) = exchange.open_orders()
        past = exchange.orders("BTCUSDT", simulator.world.clocks.exchange_seconds() - 60)
    assert (order.kind, order.client_order_id) == ("regular", _OURS)
    assert [one.linked_client_ids for one in past] == [(_OURS,), ()]
    assert _owners(past) == [Owner.BOT] * 2


def test_what_an_algo_order_became_is_linked_by_its_order_id() -> None:
    """Whatever its client id is called."""
    regular = {
        "symbol": "BTCUSDT", "orderId": 88_937_381_063, "clientOrderId": "made-by-venue",
        "status": "NEW", "side": "BUY", "origQty": "1", "executedQty": "0", "price": "5",
        "reduceOnly": False, "time": int(NOW * 1000), "updateTime": int(NOW * 1000),
    }  # fmt: skip
    algo = {
        "symbol": "BTCUSDT", "algoId": 2_148_719, "clientAlgoId": _OURS, "algoStatus": "TRIGGERED",
        "side": "BUY", "quantity": "1", "actualOrderId": "88937381063", "createTime": 0,
    }  # fmt: skip
    answers = {"/fapi/v1/openOrders": [regular], "/fapi/v1/openAlgoOrders": [algo]}
    linked = usdm(bodies(answers)).open_orders()
    assert _owners(linked) == [Owner.BOT] * 2
    unlinked = {**answers, "/fapi/v1/openAlgoOrders": [{**algo, "actualOrderId": ""}]}
    assert _owners(usdm(bodies(unlinked)).open_orders()) == [Owner.STRANGER, Owner.BOT]
