"""An order of the bot that was filled in part some time ago and rests since."""

import contextlib
from decimal import ROUND_DOWN, Decimal

from tests.sim.books.alpaca_orders import Fill, StockOrder, order_id
from tests.sim.books.orders import Order, Trade
from tests.sim.holdings import Venue
from tests.sim.world import Undo, World

_PREFIX = "tb2-partial"
_BELOW = Decimal("0.9")  # of the market, where nothing fills it further
_QUANTITY: dict[Venue, Decimal] = {
    "binance_usdm": Decimal("0.010"),
    "binance_spot": Decimal("0.100"),
    "alpaca": Decimal(10),
}
_STEP = Decimal("0.001")


def rest_partly(
    world: World, venue: Venue, symbol: str, ratio: float, age_ms: int
) -> tuple[Decimal, Undo]:
    """Rest a buy order, ``ratio`` of it filled, made ``age_ms`` ago; positions stay as they are.

    Returns:
        The quantity filled, and what cancels the rest.
    """
    filled = (_QUANTITY[venue] * Decimal(str(ratio))).quantize(_STEP, ROUND_DOWN)
    with world.lock:
        made = world.clocks.exchange_ms() - age_ms
        if venue == "alpaca":
            return filled, _alpaca(world, symbol, filled, made)
        return filled, _binance(world, venue, symbol, filled, made)


def _binance(world: World, venue: Venue, symbol: str, filled: Decimal, made: int) -> Undo:
    books = world.usdm if venue == "binance_usdm" else world.spot
    price = (books.prices.of(symbol) * _BELOW).quantize(Decimal(1))
    number = books.orders.next_id()
    order = Order(
        order_id=number,
        client_order_id=f"{_PREFIX}{number}",
        symbol=symbol,
        side="BUY",
        kind="LIMIT",
        time_in_force="GTC",
        quantity=_QUANTITY[venue],
        price=price,
        time=made,
        update_time=made,
        status="PARTIALLY_FILLED",
        executed=filled,
        quote=filled * price,
    )
    books.rest(order)
    books.orders.trades.append(
        Trade(
            trade_id=books.orders.next_id(),
            order_id=number,
            symbol=symbol,
            side="BUY",
            price=price,
            quantity=filled,
            commission=Decimal(0),
            commission_asset="USDT",
            realized=Decimal(0),
            maker=True,
            time=made,
        )
    )

    def undo() -> None:
        with world.lock, contextlib.suppress(Exception):
            books.cancel(order, world.clocks.exchange_ms())

    return undo


def _alpaca(world: World, symbol: str, filled: Decimal, made: int) -> Undo:
    books = world.alpaca
    price = (books.prices.of(symbol) * _BELOW).quantize(Decimal(1))
    order = StockOrder(
        order_id=order_id(),
        client_order_id=f"{_PREFIX}{len(books.orders) + 1}",
        symbol=symbol,
        side="buy",
        kind="limit",
        time_in_force="gtc",
        quantity=_QUANTITY["alpaca"],
        limit=price,
        stop=None,
        time=made,
        update_time=made,
        status="partially_filled",
        executed=filled,
        value=filled * price,
    )
    books.orders[order.order_id] = order
    books.fills.append(Fill(order, filled, price, filled, made, short=False))

    def undo() -> None:
        with world.lock, contextlib.suppress(Exception):
            books.cancel(order, world.clocks.exchange_ms())

    return undo
