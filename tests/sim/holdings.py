"""What the account holds at any of the venues, and trades that are not the bot's."""

import json
import uuid
from decimal import Decimal
from typing import Literal

from tests.sim.books.alpaca_orders import StockOrder, order_id
from tests.sim.books.orders import Order
from tests.sim.books.spot import assets
from tests.sim.exchange.errors import ApiError
from tests.sim.world import FaultError, Undo, World

Venue = Literal["binance_usdm", "binance_spot", "alpaca"]

# What the bot trades, and another symbol that it has never heard of.
SYMBOL: dict[Venue, str] = {"binance_usdm": "BTCUSDT", "binance_spot": "BTCUSDT", "alpaca": "AAPL"}
OTHER: dict[Venue, str] = {"binance_usdm": "ETHUSDT", "binance_spot": "ETHUSDT", "alpaca": "SPY"}
AMOUNT: dict[Venue, Decimal] = {
    "binance_usdm": Decimal("0.005"),
    "binance_spot": Decimal("0.05"),
    "alpaca": Decimal(5),
}


def check_symbol(world: World, venue: Venue, symbol: str) -> str:
    """Return the symbol.

    Raises:
        FaultError: if the venue does not list it.
    """
    listed = world.alpaca.positions if venue == "alpaca" else world.usdm.positions
    if symbol not in listed:
        raise FaultError(f"'symbol' must be one of {', '.join(listed)}")
    return symbol


def quantity(world: World, venue: Venue, symbol: str, side: str = "BOTH") -> Decimal:
    """What the account holds, signed; on spot the whole balance of the base asset."""
    if venue == "alpaca":
        return world.alpaca.positions[symbol].quantity
    if venue == "binance_usdm":
        return world.usdm.position(symbol, side).quantity
    balance = world.spot.balances[assets(symbol)[0]]
    return balance.free + balance.locked


def put(world: World, venue: Venue, symbol: str, wanted: Decimal, side: str = "BOTH") -> None:
    """Make the account hold this much, without a trade, at the price of now."""
    if venue == "alpaca":
        position = world.alpaca.positions[symbol]
        position.quantity = wanted
        position.entry = world.alpaca.prices.of(symbol) if wanted else Decimal(0)
    elif venue == "binance_usdm":
        world.usdm.set_position(symbol, wanted, world.clocks.exchange_ms(), side)
    else:
        balance = world.spot.balances[assets(symbol)[0]]
        balance.free = max(Decimal(0), wanted - balance.locked)


def trade(world: World, venue: Venue, symbol: str, change: Decimal, side: str = "BOTH") -> None:
    """Buy or sell by hand, as on the venue's website: at the market, with an id not the bot's."""
    now, name = world.clocks.exchange_ms(), f"web_{uuid.uuid4().hex[:16]}"
    if venue == "alpaca":
        price = world.alpaca.prices.of(symbol)
        stock = StockOrder(
            order_id=order_id(),
            client_order_id=name,
            symbol=symbol,
            side="buy" if change > 0 else "sell",
            kind="market",
            time_in_force="day",
            quantity=abs(change),
            limit=None,
            stop=None,
            time=now,
            update_time=now,
        )
        world.alpaca.orders[stock.order_id] = stock
        world.alpaca.fill(stock, abs(change), price, now)
        return
    books = world.usdm if venue == "binance_usdm" else world.spot
    order = Order(
        order_id=books.orders.next_id(),
        client_order_id=name,
        symbol=symbol,
        side="BUY" if change > 0 else "SELL",
        kind="MARKET",
        time_in_force="GTC",
        quantity=abs(change),
        price=Decimal(0),
        time=now,
        update_time=now,
        position_side=side,
    )
    if venue == "binance_spot":
        world.spot.place(order, now)
    else:
        world.usdm.orders.add(order)
        world.usdm.fill(order, abs(change), world.usdm.prices.of(symbol), now, maker=False)


def trade_unknown_to_bot(
    world: World, venue: Venue, symbol: str, change: Decimal, side: str = "BOTH", *, bot: str | None
) -> Undo:
    """Trade by hand; what comes back trades back, unless the bot's file agrees by then.

    On spot it puts the coins back instead: the commission has come out of what was bought, and
    as much cannot be sold again.

    Raises:
        FaultError: if the account cannot afford the trade.
    """
    with world.lock:
        before = quantity(world, venue, symbol, side)
        try:
            trade(world, venue, symbol, change, side)
        except ApiError as error:
            raise FaultError(f"{venue} refuses: {error}") from error
        received = quantity(world, venue, symbol, side) - before

    def undo() -> None:
        with world.lock:
            held = quantity(world, venue, symbol, side)
            if _known_to_bot(world, bot, symbol) == held:
                return
            if venue == "binance_spot":
                put(world, venue, symbol, held - received)
            else:
                trade(world, venue, symbol, -change, side)

    return undo


def _known_to_bot(world: World, bot: str | None, symbol: str) -> Decimal | None:
    """What the bot's own file says; None if there is no bot, or no such line."""
    try:
        root = world.bot_root(bot)
        rows = json.loads((root / "state/positions.json").read_text(encoding="utf-8"))
        return Decimal(rows[symbol]["qty"])
    except (FaultError, OSError, ValueError, ArithmeticError, LookupError, TypeError):
        return None
