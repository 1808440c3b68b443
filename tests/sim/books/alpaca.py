"""The Alpaca account: cash, signed positions, orders of every status, fills and activities."""

import uuid
from dataclasses import dataclass, field
from decimal import Decimal

from tests.sim.books.alpaca_assets import ASSETS
from tests.sim.books.alpaca_orders import Fill, StockOrder
from tests.sim.books.prices import Prices
from tests.sim.exchange.alpaca_errors import AlpacaError

CRYPTO_FEE = Decimal("0.0025")
MULTIPLIER = 2
_CASH = Decimal(100_000)
_TICK = Decimal("0.01")
_ZERO = Decimal(0)


@dataclass
class StockPosition:
    """One position; ``quantity`` is signed, ``entry`` the average price."""

    quantity: Decimal = _ZERO
    entry: Decimal = _ZERO


@dataclass(frozen=True)
class Activity:
    """Money that moved without an order: dividends, fees, interest, deposits."""

    activity_id: str
    kind: str
    amount: Decimal
    symbol: str | None
    quantity: Decimal | None
    time: int


@dataclass
class Flags:
    """Why the account may not trade; a test sets them as the broker would."""

    status: str = "ACTIVE"
    trading_blocked: bool = False
    transfers_blocked: bool = False
    account_blocked: bool = False
    suspended_by_user: bool = False
    no_shorting: bool = False
    market_open: bool = True
    closed_since: int = 0  # when the market closed, in milliseconds
    inactive: set[str] = field(default_factory=set)  # symbols that may not be traded
    uncancelable: set[str] = field(default_factory=set)  # ids of orders whose cancel fails


class AlpacaBooks:
    """Everything one brokerage account consists of."""

    def __init__(self, seed: int) -> None:
        start = {symbol: asset.start for symbol, asset in ASSETS.items()}
        self.prices = Prices(seed, start, _TICK)
        self.cash = _CASH
        self.positions = {symbol: StockPosition() for symbol in ASSETS}
        self.orders: dict[str, StockOrder] = {}
        self.fills: list[Fill] = []
        self.activities: list[Activity] = []
        self.flags = Flags()

    def open(self, symbol: str | None = None) -> list[StockOrder]:
        """The orders that are not over, oldest first."""
        return [o for o in self.orders.values() if o.open and symbol in (None, o.symbol)]

    def held(self, symbol: str) -> Decimal:
        """How much of a position resting orders have already spoken for."""
        quantity = self.positions[symbol].quantity
        closing = "sell" if quantity > 0 else "buy"
        resting = [o for o in self.open(symbol) if o.side == closing and o.parent is None]
        return min(abs(quantity), sum((o.remaining for o in resting), _ZERO))

    def available(self, symbol: str) -> Decimal:
        """What of a position a new order could close, unsigned."""
        return abs(self.positions[symbol].quantity) - self.held(symbol)

    def market_value(self, symbol: str) -> Decimal:
        """What a position is worth now, negative for a short one."""
        return self.positions[symbol].quantity * self.prices.of(symbol)

    def equity(self) -> Decimal:
        """Cash and every position."""
        return self.cash + sum((self.market_value(s) for s in ASSETS), _ZERO)

    def buying_power(self) -> Decimal:
        """What new orders may cost."""
        exposed = sum((abs(self.market_value(s)) for s in ASSETS), _ZERO)
        resting = sum(
            (o.remaining * (o.limit or _ZERO) for o in self.open() if o.side == "buy"), _ZERO
        )
        return max(_ZERO, self.equity() * MULTIPLIER - exposed - resting)

    def place(self, order: StockOrder, now: int) -> None:
        """Accept an order; what can trade while the market is open trades at once.

        Raises:
            AlpacaError: as the broker refuses.
        """
        order.closing = self.positions[order.symbol].quantity * order.sign < 0
        self._check(order)
        self.orders[order.order_id] = order
        order.status = "new" if self.trades_now(order.symbol) else "accepted"
        self._match(order.symbol, now)
        if order.open and order.time_in_force in {"ioc", "fok"}:
            self._end(order, "canceled", now)

    def set_market(self, *, is_open: bool, now: int) -> None:
        """Open or close the stock market; what waited for the opening trades then."""
        self.flags.market_open = is_open
        if not is_open:
            self.flags.closed_since = now
        for symbol in ASSETS:
            if self.trades_now(symbol):
                for order in self.open(symbol):
                    order.status = "new" if order.status == "accepted" else order.status
                self._match(symbol, now)

    def trades_now(self, symbol: str) -> bool:
        """Whether a symbol's market is open; crypto's always is."""
        return self.flags.market_open or ASSETS[symbol].kind == "crypto"

    def fill(self, order: StockOrder, quantity: Decimal, price: Decimal, now: int) -> None:
        """Trade part or all of an order against cash and position."""
        signed = quantity * order.sign
        short = order.side == "sell" and self.positions[order.symbol].quantity <= 0
        order.executed += quantity
        order.value += quantity * price
        order.update_time = now
        order.status = "filled" if order.remaining == 0 else "partially_filled"
        if order.status == "filled":
            order.ended = now
            # The first exit works; the stop waits, held, for its price (forum, topic 3697).
            for leg in self._legs(order)[:1] if order.order_class != "oco" else ():
                leg.status = "new"
            for rival in self._rivals(order):
                self._end(rival, "canceled", now)
        self.cash -= signed * price
        received = signed
        if ASSETS[order.symbol].kind == "crypto" and order.side == "buy":
            fee = quantity * CRYPTO_FEE
            received -= fee
            self.record("CFEE", _ZERO, now, symbol=order.symbol, quantity=-fee)
        self._move(order.symbol, received, price)
        self.fills.append(Fill(order, quantity, price, order.executed, now, short=short))

    def cancel(self, order: StockOrder, now: int) -> None:
        """Take an order out of the book, its legs too.

        Raises:
            AlpacaError: if it is over already, or cannot be cancelled now.
        """
        if not order.open:
            raise AlpacaError(422, 42210000, f'order is already in "{order.status}" state')
        if order.order_id in self.flags.uncancelable:
            raise AlpacaError(500, 50010000, "internal server error occurred")
        self._end(order, "canceled", now)
        for leg in self._legs(order):
            if leg.open:
                self._end(leg, "canceled", now)

    def replace(self, old: StockOrder, new: StockOrder, now: int) -> None:
        """Put one order in another's place; its legs go with it.

        Raises:
            AlpacaError: if the old one is over already.
        """
        if not old.open:
            raise AlpacaError(422, 42210000, f'order is already in "{old.status}" state')
        self._end(old, "replaced", now)
        old.replaced_by = new.order_id
        self.orders[new.order_id] = new
        for leg in self._legs(old):
            leg.parent = new.order_id

    def expire(self, order: StockOrder, now: int) -> None:
        """End an order as the exchange does, at the close or for maintenance."""
        self._end(order, "expired", now)

    def record(
        self,
        kind: str,
        amount: Decimal,
        now: int,
        *,
        symbol: str | None = None,
        quantity: Decimal | None = None,
    ) -> None:
        """Move money without an order."""
        self.cash += amount
        self.activities.append(Activity(str(uuid.uuid4()), kind, amount, symbol, quantity, now))

    def _legs(self, order: StockOrder) -> list[StockOrder]:
        return [o for o in self.orders.values() if o.parent == order.order_id]

    def _rivals(self, order: StockOrder) -> list[StockOrder]:
        """The other exits of its family, which its fill ends."""
        if order.parent is None:
            return [leg for leg in self._legs(order) if leg.open and order.order_class == "oco"]
        family = [*self._legs(self.orders[order.parent]), self.orders[order.parent]]
        return [one for one in family if one is not order and one.open]

    @staticmethod
    def _end(order: StockOrder, status: str, now: int) -> None:
        order.status = status
        order.update_time = order.ended = now

    def _match(self, symbol: str, now: int) -> None:
        if not self.trades_now(symbol):
            return
        price = self.prices.of(symbol)
        matching = [o for o in self.open(symbol) if o.fillable_at(price)]
        for order in matching:
            self.fill(order, order.remaining, price, now)
        if matching:
            self.prices.move(symbol)

    def _move(self, symbol: str, change: Decimal, price: Decimal) -> None:
        position = self.positions[symbol]
        before, after = position.quantity, position.quantity + change
        if after == 0:
            position.entry = _ZERO
        elif before * change >= 0:
            position.entry = (abs(before) * position.entry + abs(change) * price) / abs(after)
        elif before * after < 0:
            position.entry = price
        position.quantity = after

    def _check(self, order: StockOrder) -> None:
        flags, symbol = self.flags, order.symbol
        if flags.suspended_by_user:
            raise AlpacaError(403, 40310000, "new orders are rejected by user request")
        if flags.trading_blocked or flags.account_blocked or flags.status != "ACTIVE":
            raise AlpacaError(403, 40310000, "account not eligible to trade")
        if symbol in flags.inactive:
            raise AlpacaError(422, 42210000, f'asset "{symbol}" is not active')
        if any(o.client_order_id == order.client_order_id for o in self.orders.values()):
            raise AlpacaError(422, 40010001, "client_order_id must be unique")
        price = self.prices.of(symbol)
        for other in self.open(symbol):
            crossed = other.kind == "limit" and other.fillable_at(order.limit or price)
            if other.side != order.side and other.parent is None and crossed:
                raise AlpacaError(
                    403,
                    40310000,
                    "potential wash trade detected. use complex orders",
                    {
                        "existing_order_id": other.order_id,
                        "reject_reason": "opposite side limit order exists",
                    },
                )
        self._check_size(order, order.limit or price)

    def _check_size(self, order: StockOrder, price: Decimal) -> None:
        symbol, closes = order.symbol, order.closing
        shortable = ASSETS[symbol].shortable and not self.flags.no_shorting
        if order.sign < 0 and (closes or not shortable) and order.quantity > self.available(symbol):
            raise AlpacaError(403, 40310000, *self.shortage(symbol, order.quantity))
        cost = order.quantity * price
        if not closes and cost > self.buying_power():
            raise AlpacaError(
                403,
                40310000,
                "insufficient buying power",
                {"buying_power": format(self.buying_power(), "f"), "cost_basis": format(cost, "f")},
            )

    def shortage(self, symbol: str, requested: Decimal) -> tuple[str, dict[str, str]]:
        """Why so much cannot be closed: the message and the numbers beside it."""
        available = format(self.available(symbol), "f")
        message = (
            f"insufficient qty available for order (requested: {requested}, available: {available})"
        )
        numbers = {
            "available": available,
            "existing_qty": format(abs(self.positions[symbol].quantity), "f"),
            "held_for_orders": format(self.held(symbol), "f"),
            "symbol": symbol.replace("/", ""),
        }
        return message, numbers
