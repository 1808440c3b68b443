"""USD-M futures: placing, reading and cancelling orders."""

from decimal import Decimal
from typing import Any

from tests.sim.books.orders import Order
from tests.sim.books.prices import SYMBOLS
from tests.sim.books.usdm import LEGS
from tests.sim.exchange.api import Access, Call, Route, Routes, by_symbol
from tests.sim.exchange.errors import ApiError
from tests.sim.exchange.text import amount

_CONDITIONAL = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
_DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}


def symbol_of(call: Call) -> str:
    """The mandatory symbol."""
    symbol = call.text("symbol")
    if symbol not in SYMBOLS:
        raise ApiError(400, -1121, "Invalid symbol.")
    return symbol


def optional_symbol(call: Call) -> str | None:
    """The symbol, if one is named."""
    return symbol_of(call) if call.values.get("symbol") else None


def side_of(call: Call) -> str:
    """BUY or SELL."""
    side = call.text("side")
    if side not in {"BUY", "SELL"}:
        raise ApiError(400, -1117, "Invalid side.")
    return side


def new_order(call: Call, *, order_id: int, allowed_tif: frozenset[str]) -> Order:
    """Read a LIMIT or MARKET order from the parameters, for futures and spot alike."""
    kind = call.text("type")
    if kind not in {"LIMIT", "MARKET"}:
        raise ApiError(400, -1116, "Invalid orderType.")
    tif = "GTC"
    if kind == "LIMIT":
        tif = call.text("timeInForce")
        if tif not in allowed_tif:
            raise ApiError(400, -1115, "Invalid timeInForce.")
    return Order(
        order_id=order_id,
        client_order_id=call.client_id("newClientOrderId"),
        symbol=symbol_of(call),
        side=side_of(call),
        kind=kind,
        time_in_force=tif,
        quantity=call.decimal("quantity"),
        price=call.decimal("price") if kind == "LIMIT" else Decimal(0),
        time=call.now,
        update_time=call.now,
        reduce_only=call.flag("reduceOnly"),
    )


def show(order: Order) -> dict[str, Any]:
    """An order as the exchange prints it."""
    shown = {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": amount(order.price, 2),
        "avgPrice": amount(order.average, 5),
        "origQty": amount(order.quantity, 3),
        "executedQty": amount(order.executed, 3),
        "cumQuote": amount(order.quote, 5),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": order.time,
        "updateTime": order.update_time,
    }
    if order.expiry_reason is not None:
        shown["expireReason"] = order.expiry_reason
    return shown


def _place(call: Call) -> Any:
    if call.values.get("type") in _CONDITIONAL:
        message = (
            "Order type not supported for this endpoint. "
            "Please use the Algo Order API endpoints instead."
        )
        raise ApiError(400, -4120, message)
    books, side = call.world.usdm, call.values.get("positionSide", "BOTH")
    if side not in (LEGS if books.dual else ("BOTH",)):
        raise ApiError(400, -4061, "Order's position side does not match user's setting.")
    if call.world.symbol_status.get(symbol_of(call), "TRADING") != "TRADING":
        raise ApiError(400, -4140, "Invalid symbol status for opening position.")
    tif = frozenset({"GTC", "IOC", "FOK", "GTX"})
    order = new_order(call, order_id=books.orders.next_id(), allowed_tif=tif)
    order.position_side = side
    books.place(order, call.now)
    shown = show(order)
    del shown["time"]
    if call.values.get("newOrderRespType", "ACK") == "ACK":
        shown |= {"status": "NEW", "executedQty": "0.000", "avgPrice": "0.00", "cumQuote": "0"}
    return {**shown, "cumQty": shown["executedQty"]}


def _find(call: Call, code: int, message: str) -> Order:
    client_id = call.values.get("origClientOrderId")
    order_id = call.optional_int("orderId")
    if order_id is None and not client_id:
        raise ApiError(400, -1102, "Either 'origClientOrderId' or 'orderId' must be sent.")
    order = call.world.usdm.orders.find(symbol_of(call), order_id, client_id)
    if order is None:
        raise ApiError(400, code, message)
    return order


def _get(call: Call) -> Any:
    return show(_find(call, -2013, "Order does not exist."))


def _cancel(call: Call) -> Any:
    order = _find(call, -2011, "Unknown order sent.")
    call.world.usdm.cancel(order, call.now)
    return show(order)


def _cancel_all(call: Call) -> Any:
    for order in call.world.usdm.orders.open(symbol_of(call)):
        call.world.usdm.cancel(order, call.now)
    return _DONE


def _open(call: Call) -> Any:
    return [show(order) for order in call.world.usdm.orders.open(optional_symbol(call))]


def _countdown(call: Call) -> Any:
    symbol = symbol_of(call)
    milliseconds = int(call.decimal("countdownTime"))
    if milliseconds:
        call.world.usdm.countdowns[symbol] = call.now + milliseconds
    else:
        call.world.usdm.countdowns.pop(symbol, None)
    return {"symbol": symbol, "countdownTime": str(milliseconds)}


ROUTES: Routes = {
    ("POST", "/fapi/v1/order"): Route(_place, Access.TRADE, 0),
    ("GET", "/fapi/v1/order"): Route(_get, Access.READ),
    ("DELETE", "/fapi/v1/order"): Route(_cancel, Access.TRADE),
    ("GET", "/fapi/v1/openOrders"): Route(_open, Access.READ, by_symbol(1, 40)),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route(_cancel_all, Access.TRADE),
    ("POST", "/fapi/v1/countdownCancelAll"): Route(_countdown, Access.TRADE, 10),
}
