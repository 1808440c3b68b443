"""USD-M futures: the Algo Service, where conditional orders live since 2025-12."""

from typing import Any

from tests.sim.books.usdm import AlgoOrder
from tests.sim.exchange.api import Access, Call, Route, Routes, by_symbol
from tests.sim.exchange.errors import ApiError
from tests.sim.exchange.history import WEEK_MS, page
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import optional_symbol, side_of, symbol_of

_KINDS = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"})


def _show(order: AlgoOrder) -> dict[str, Any]:
    return {
        "algoId": order.algo_id,
        "clientAlgoId": order.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": order.kind,
        "symbol": order.symbol,
        "side": order.side,
        "positionSide": order.position_side,
        "timeInForce": "GTC",
        "quantity": amount(order.quantity, 3),
        "algoStatus": order.status,
        "actualOrderId": str(order.actual_id or ""),
        "actualPrice": "0.00000",
        "triggerPrice": amount(order.trigger, 2),
        "price": amount(order.price, 2),
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.time,
        "updateTime": order.update_time or order.time,
        "triggerTime": 0,
        "goodTillDate": 0,
    }


def _place(call: Call) -> Any:
    kind = call.text("type")
    if call.text("algoType") != "CONDITIONAL" or kind not in _KINDS:
        raise ApiError(400, -1116, "Invalid orderType.")
    close = call.flag("closePosition")
    books = call.world.usdm
    order = AlgoOrder(
        algo_id=books.orders.next_id(),
        client_algo_id=call.client_id("clientAlgoId"),
        symbol=symbol_of(call),
        side=side_of(call),
        kind=kind,
        quantity=call.optional_decimal("quantity") if close else call.decimal("quantity"),
        trigger=call.decimal("triggerPrice"),
        reduce_only=call.flag("reduceOnly"),
        close_position=close,
        time=call.now,
        position_side=call.values.get("positionSide", "BOTH"),
        price=call.optional_decimal("price"),
    )
    books.algo[order.algo_id] = order
    return _show(order)


def _cancel(call: Call) -> Any:
    order = _named(call, [*call.world.usdm.algo.values()])
    if order is None:
        raise ApiError(400, -2011, "Unknown order sent.")
    _end(call, order)
    return {
        "algoId": order.algo_id,
        "clientAlgoId": order.client_algo_id,
        "code": "200",
        "msg": "success",
    }


def _end(call: Call, order: AlgoOrder) -> None:
    books = call.world.usdm
    del books.algo[order.algo_id]
    order.status, order.update_time = "CANCELED", call.now
    books.algo_done.append(order)


def _named(call: Call, orders: list[AlgoOrder]) -> AlgoOrder | None:
    order_id, client_id = call.optional_int("algoId"), call.values.get("clientAlgoId")
    for order in orders:
        if order.algo_id == order_id or (client_id and order.client_algo_id == client_id):
            return order
    return None


def _known(call: Call) -> list[AlgoOrder]:
    books = call.world.usdm
    return sorted([*books.algo_done, *books.algo.values()], key=lambda order: order.algo_id)


def _get(call: Call) -> Any:
    order = _named(call, _known(call))
    if order is None:
        raise ApiError(400, -2013, "Order does not exist.")
    return _show(order)


def _all(call: Call) -> Any:
    symbol = symbol_of(call)
    shown = page(
        call,
        [order for order in _known(call) if order.symbol == symbol],
        time=lambda order: order.time,
        number=lambda order: order.algo_id,
        period_ms=WEEK_MS,
        from_id="algoId",
    )
    return [_show(order) for order in shown]


def _cancel_all(call: Call) -> Any:
    symbol, algo = symbol_of(call), call.world.usdm.algo
    for order in [order for order in algo.values() if order.symbol == symbol]:
        _end(call, order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _open(call: Call) -> Any:
    symbol = optional_symbol(call)
    return [_show(o) for o in call.world.usdm.algo.values() if symbol in (None, o.symbol)]


ROUTES: Routes = {
    ("POST", "/fapi/v1/algoOrder"): Route(_place, Access.TRADE),
    ("DELETE", "/fapi/v1/algoOrder"): Route(_cancel, Access.TRADE),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Route(_cancel_all, Access.TRADE),
    ("GET", "/fapi/v1/algoOrder"): Route(_get, Access.READ),
    ("GET", "/fapi/v1/openAlgoOrders"): Route(_open, Access.READ, by_symbol(1, 40)),
    ("GET", "/fapi/v1/allAlgoOrders"): Route(_all, Access.READ, 5),
}
