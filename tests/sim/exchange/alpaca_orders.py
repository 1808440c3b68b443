"""The broker's orders: placing, listing, looking up, cancelling."""

import re
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.sim.books.alpaca_assets import ASSETS, find_asset
from tests.sim.books.alpaca_orders import StockOrder, order_id
from tests.sim.exchange.alpaca_api import StockCall, StockRoute
from tests.sim.exchange.alpaca_errors import AlpacaError
from tests.sim.exchange.alpaca_legs import add_legs
from tests.sim.exchange.alpaca_text import milliseconds_of, moment, number, optional_moment

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_KINDS = frozenset({"market", "limit", "stop", "stop_limit"})
_TIF = frozenset({"day", "gtc", "ioc", "fok", "opg", "cls"})
_STATUSES = frozenset({"open", "closed", "all"})
_LISTED, _MOST = 50, 500


def show_order(order: StockOrder, legs: list[StockOrder] | None = None) -> dict[str, Any]:
    """An order as the broker prints it, its legs inside if asked for nested."""
    asset = ASSETS[order.symbol]
    average = order.value / order.executed if order.executed else None
    ended = {order.status: order.ended}
    return {
        "id": order.order_id,
        "client_order_id": order.client_order_id,
        "created_at": moment(order.time),
        "updated_at": moment(order.update_time),
        "submitted_at": moment(order.time),
        "filled_at": optional_moment(ended.get("filled")),
        "expired_at": optional_moment(ended.get("expired")),
        "canceled_at": optional_moment(ended.get("canceled")),
        "failed_at": optional_moment(ended.get("rejected")),
        "replaced_at": optional_moment(ended.get("replaced")),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": asset.asset_id,
        "symbol": order.symbol,
        "asset_class": asset.kind,
        "notional": None,
        "qty": number(order.quantity),
        "filled_qty": number(order.executed),
        "filled_avg_price": None if average is None else number(average),
        "order_class": "" if order.order_class == "simple" else order.order_class,
        "order_type": order.kind,
        "type": order.kind,
        "side": order.side,
        "position_intent": order.intent,
        "time_in_force": order.time_in_force,
        "limit_price": None if order.limit is None else number(order.limit),
        "stop_price": None if order.stop is None else number(order.stop),
        "status": order.status,
        "extended_hours": False,
        "legs": [show_order(leg) for leg in legs] if legs else None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "subtag": None,
        "source": None,
    }


def _amount(call: StockCall, name: str) -> Decimal:
    value = str(call.body.get(name, ""))
    if not _DECIMAL.fullmatch(value) or not Decimal(value):
        raise AlpacaError(422, 40010001, f"{name} must be > 0")
    return Decimal(value)


def _limit(call: StockCall) -> Decimal:
    """The limit price; an OCO has it in its take profit."""
    if call.body.get("order_class") == "oco" and "limit_price" not in call.body:
        return Decimal(str(call.body["take_profit"]["limit_price"]))
    return _amount(call, "limit_price")


def _choice(call: StockCall, name: str, accepted: frozenset[str]) -> str:
    value = call.body.get(name)
    if not isinstance(value, str) or value not in accepted:
        raise AlpacaError(422, 40010001, f"invalid {name}")
    return value


def _place(call: StockCall) -> Any:
    symbol = call.body.get("symbol")
    asset = find_asset(symbol) if isinstance(symbol, str) else None
    if asset is None:
        raise AlpacaError(422, 42210000, f'asset "{symbol}" not found')
    kind = _choice(call, "type", _KINDS)
    order = StockOrder(
        order_id=order_id(),
        client_order_id=str(call.body.get("client_order_id") or uuid.uuid4()),
        symbol=asset.symbol,
        side=_choice(call, "side", frozenset({"buy", "sell"})),
        kind=kind,
        time_in_force=_choice(call, "time_in_force", _TIF),
        quantity=_amount(call, "qty"),
        limit=_limit(call) if "limit" in kind else None,
        stop=_amount(call, "stop_price") if "stop" in kind else None,
        time=call.now,
        update_time=call.now,
        order_class=call.body.get("order_class") or "simple",
    )
    answer = acknowledged(call, order)
    add_legs(call, order)
    return answer


def acknowledged(call: StockCall, order: StockOrder) -> dict[str, Any]:
    """Place an order; return it as it is answered, before anything has happened to it."""
    before = show_order(order)
    call.books.place(order, call.now)
    return {**before, "position_intent": order.intent, "status": "pending_new"}


def _list(call: StockCall) -> Any:
    wanted = call.values.get("status") or "open"
    if wanted not in _STATUSES:
        raise AlpacaError(422, 40010001, f"invalid status: {wanted}")
    after, until = call.values.get("after"), call.values.get("until")
    begin = milliseconds_of(after, "after") if after else 0
    end = milliseconds_of(until, "until") if until else call.now + 1
    symbols = {s for s in (call.values.get("symbols") or "").split(",") if s}
    side = call.values.get("side")
    nested = call.flag("nested")
    listed = [
        order
        for order in call.books.orders.values()
        if (wanted == "all" or order.open is (wanted == "open"))
        and begin < order.time < end
        and (not symbols or order.symbol in symbols)
        and side in (None, "", order.side)
        and not (nested and order.parent is not None)
    ]
    if call.values.get("direction", "desc") != "asc":
        listed.reverse()
    kept = listed[: call.count("limit", _LISTED, _MOST)]
    return [show_order(order, _legs(call, order) if nested else None) for order in kept]


def _legs(call: StockCall, order: StockOrder) -> list[StockOrder]:
    return [leg for leg in call.books.orders.values() if leg.parent == order.order_id]


def _find(call: StockCall) -> StockOrder:
    name = call.names["order_id"]
    order = call.books.orders.get(name)
    if order is None:
        raise AlpacaError(404, 40410000, f"order not found for {name}")
    return order


def _get(call: StockCall) -> Any:
    order = _find(call)
    return show_order(order, _legs(call, order) if call.flag("nested") else None)


def _get_by_client_id(call: StockCall) -> Any:
    name = call.values.get("client_order_id")
    for order in call.books.orders.values():
        if order.client_order_id == name:
            return show_order(order)
    raise AlpacaError(404, 40410000, f"order not found for {name}")


def _replace(call: StockCall) -> Any:
    old = _find(call)
    changed: dict[str, Any] = {
        field: _amount(call, name)
        for field, name in (("quantity", "qty"), ("limit", "limit_price"), ("stop", "stop_price"))
        if name in call.body
    }
    new = replace(
        old,
        order_id=order_id(),
        client_order_id=str(call.body.get("client_order_id") or uuid.uuid4()),
        time=call.now,
        update_time=call.now,
        replaces=old.order_id,
        **changed,
    )
    call.books.replace(old, new, call.now)
    return show_order(new)


def _cancel(call: StockCall) -> Any:
    call.books.cancel(_find(call), call.now)


def cancel_all(call: StockCall) -> list[dict[str, Any]]:
    """Ask for the cancel of every open order; each has a status of its own."""
    answers = []
    for order in call.books.open():
        if order.parent is not None:
            continue
        try:
            call.books.cancel(order, call.now)
        except AlpacaError as error:
            answers.append({"id": order.order_id, "status": error.status, "body": error.body})
        else:
            answers.append({"id": order.order_id, "status": 200, "body": show_order(order)})
    return answers


ROUTES = (
    StockRoute("GET", "/v2/orders", _list),
    StockRoute("POST", "/v2/orders", _place),
    StockRoute("DELETE", "/v2/orders", cancel_all, status=207),
    StockRoute("GET", "/v2/orders:by_client_order_id", _get_by_client_id),
    StockRoute("GET", "/v2/orders/{order_id}", _get),
    StockRoute("PATCH", "/v2/orders/{order_id}", _replace),
    StockRoute("DELETE", "/v2/orders/{order_id}", _cancel, status=204),
)
