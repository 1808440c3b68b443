"""Spot: order lists, whose members have ids of the exchange's making unless each is named."""

from decimal import Decimal
from typing import Any

from tests.sim.books.lists import OrderList
from tests.sim.books.orders import Order
from tests.sim.exchange.api import Access, Call, Route, Routes
from tests.sim.exchange.errors import ApiError
from tests.sim.exchange.spot import placed
from tests.sim.exchange.usdm_orders import side_of, symbol_of

_KINDS = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"})
_LISTED, _MOST = 500, 1000


def _show(made: OrderList) -> dict[str, Any]:
    return {
        "orderListId": made.list_id,
        "contingencyType": made.contingency,
        "listStatusType": "EXEC_STARTED" if made.open else "ALL_DONE",
        "listOrderStatus": "EXECUTING" if made.open else "ALL_DONE",
        "listClientOrderId": made.client_id,
        "transactionTime": made.time,
        "symbol": made.symbol,
        "orders": [
            {"symbol": o.symbol, "orderId": o.order_id, "clientOrderId": o.client_order_id}
            for o in made.orders
        ],
    }


def _member(call: Call, name: str, side: str, quantity: Decimal) -> Order:
    kind = call.text(f"{name}Type")
    if kind not in _KINDS:
        raise ApiError(400, -1116, "Invalid orderType.")
    return Order(
        order_id=call.world.spot.orders.next_id(),
        client_order_id=call.client_id(f"{name}ClientOrderId"),
        symbol=symbol_of(call),
        side=side,
        kind=kind,
        time_in_force="GTC",
        quantity=quantity,
        price=call.optional_decimal(f"{name}Price"),
        time=call.now,
        update_time=call.now,
        stop=call.optional_decimal(f"{name}StopPrice"),
    )


def _oco(call: Call) -> Any:
    side, quantity = side_of(call), call.decimal("quantity")
    orders = [_member(call, name, side, quantity) for name in ("above", "below")]
    # What may trade at once is what the balance is locked for.
    return _place(call, "OCO", sorted(orders, key=lambda order: order.stop > 0))


def _oto(call: Call) -> Any:
    working, pending = (
        _member(call, name, call.text(f"{name}Side"), call.decimal(f"{name}Quantity"))
        for name in ("working", "pending")
    )
    pending.status = "PENDING_NEW"
    return _place(call, "OTO", [working, pending])


def _place(call: Call, contingency: str, orders: list[Order]) -> Any:
    books = call.world.spot
    made = OrderList(
        list_id=books.orders.next_id(),
        client_id=call.client_id("listClientOrderId"),
        symbol=symbol_of(call),
        contingency=contingency,
        orders=tuple(orders),
        time=call.now,
    )
    books.place_list(made)
    reports = [{**placed(order), "transactTime": call.now} for order in made.orders]
    return {**_show(made), "orderReports": reports}


def _open(call: Call) -> Any:
    return [_show(made) for made in call.world.spot.lists.values() if made.open]


def _all(call: Call) -> Any:
    first = call.optional_int("fromId") or 0
    limit = min(call.optional_int("limit") or _LISTED, _MOST)
    lists = [made for made in call.world.spot.lists.values() if made.list_id >= first]
    return [_show(made) for made in lists[:limit]]


ROUTES: Routes = {
    ("POST", "/api/v3/orderList/oco"): Route(_oco, Access.TRADE, 0),
    ("POST", "/api/v3/orderList/oto"): Route(_oto, Access.TRADE, 0),
    ("GET", "/api/v3/openOrderList"): Route(_open, Access.READ, 6),
    ("GET", "/api/v3/allOrderList"): Route(_all, Access.READ, 20),
}
