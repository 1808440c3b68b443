"""The legs of bracket, OTO and OCO orders, whose client ids the broker makes itself."""

import uuid
from decimal import Decimal

from tests.sim.books.alpaca_orders import StockOrder, order_id
from tests.sim.exchange.alpaca_api import StockCall

_EXITS = (("limit", "take_profit", "limit_price"), ("stop", "stop_loss", "stop_price"))
_CLASSES = frozenset({"bracket", "oto", "oco"})


def add_legs(call: StockCall, order: StockOrder) -> None:
    """Add the exits, made at the same moment, which wait, held, until their turn comes.

    An OCO is an exit itself, the take profit, and has the stop as its only leg.
    """
    if order.order_class not in _CLASSES:
        return
    oco = order.order_class == "oco"
    exits = [one for one in _EXITS if one[1] in call.body and not (oco and one[0] == "limit")]
    for index, (kind, section, price) in enumerate(exits):
        value = Decimal(str(call.body[section][price]))
        leg = StockOrder(
            order_id=order_id(),
            client_order_id=str(uuid.uuid4()),
            symbol=order.symbol,
            side=order.side if oco else "sell" if order.side == "buy" else "buy",
            kind=kind,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            limit=value if kind == "limit" else None,
            stop=value if kind == "stop" else None,
            time=order.time,
            update_time=order.time,
            order_class=order.order_class,
            parent=order.order_id,
            closing=True,
            status="held" if order.open or index else "new",
        )
        call.books.orders[leg.order_id] = leg
