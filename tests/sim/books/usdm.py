"""The USD-M futures account: orders, one-way positions, wallet."""

from dataclasses import dataclass
from decimal import Decimal

from tests.sim.books.orders import Order, Orders, Trade
from tests.sim.books.prices import SYMBOLS, Prices
from tests.sim.exchange.errors import ApiError

LEVERAGE = 20
STEP = Decimal("0.001")
TICK = Decimal("0.10")
MIN_NOTIONAL = Decimal(50)
_TAKER, _MAKER = Decimal("0.0004"), Decimal("0.0002")
_WALLET = Decimal(100_000)


@dataclass
class FuturesPosition:
    """One symbol's net position; ``quantity`` is signed."""

    symbol: str
    quantity: Decimal = Decimal(0)
    entry: Decimal = Decimal(0)
    update_time: int = 0


@dataclass
class AlgoOrder:
    """One conditional order; it never triggers by itself."""

    algo_id: int
    client_algo_id: str
    symbol: str
    side: str
    kind: str
    quantity: Decimal
    trigger: Decimal
    reduce_only: bool
    close_position: bool
    time: int
    status: str = "NEW"


class UsdmBooks:
    """The futures side of the account."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.orders = Orders()
        self.positions = {symbol: FuturesPosition(symbol) for symbol in SYMBOLS}
        self.algo: dict[int, AlgoOrder] = {}
        self.wallet = _WALLET
        self.countdowns: dict[str, int] = {}

    def place(self, order: Order, now: int) -> None:
        """Accept an order, fill what fills, let the price move.

        Raises:
            ApiError: as the exchange refuses.
        """
        self._check(order)
        self.orders.add(order)
        price = self.prices.of(order.symbol)
        if order.fillable_at(price):
            if order.time_in_force == "GTX":
                order.status = "EXPIRED"
                return
            self.fill(order, order.remaining, price, now, maker=False)
            self.prices.move(order.symbol)
            self._match(order.symbol, now)
        elif order.time_in_force in {"IOC", "FOK"}:
            order.status = "EXPIRED"

    def fill(
        self, order: Order, quantity: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> None:
        """Trade part or all of an order against the position and the wallet."""
        order.executed += quantity
        order.quote += quantity * price
        order.status = "FILLED" if order.remaining == 0 else "PARTIALLY_FILLED"
        order.update_time = now
        realized = self._move_position(order.symbol, quantity * order.sign, price, now)
        commission = quantity * price * (_MAKER if maker else _TAKER)
        self.wallet += realized - commission
        self.orders.trades.append(
            Trade(
                trade_id=self.orders.next_id(),
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                price=price,
                quantity=quantity,
                commission=commission,
                commission_asset="USDT",
                realized=realized,
                maker=maker,
                time=now,
            )
        )

    def cancel(self, order: Order, now: int) -> None:
        """Take a resting order out of the book.

        Raises:
            ApiError: -2011 if it does not rest there.
        """
        if not order.open:
            raise ApiError(400, -2011, "Unknown order sent.")
        order.status = "CANCELED"
        order.update_time = now

    def run_countdowns(self, now: int) -> None:
        """Cancel the orders of every symbol whose countdown ran out."""
        for symbol in [symbol for symbol, deadline in self.countdowns.items() if deadline <= now]:
            del self.countdowns[symbol]
            for order in self.orders.open(symbol):
                self.cancel(order, now)

    def unrealized(self, symbol: str) -> Decimal:
        """Profit of a position at the current price."""
        position = self.positions[symbol]
        return position.quantity * (self.prices.of(symbol) - position.entry)

    def margin(self) -> Decimal:
        """Initial margin of all positions."""
        return sum(
            (abs(p.quantity) * self.prices.of(s) / LEVERAGE for s, p in self.positions.items()),
            Decimal(0),
        )

    def _check(self, order: Order) -> None:
        price = self.prices.of(order.symbol) if order.kind == "MARKET" else order.price
        if order.quantity % STEP or order.price % TICK:
            raise ApiError(400, -1111, "Precision is over the maximum defined for this asset.")
        if order.quantity <= 0:
            raise ApiError(400, -4003, "Quantity less than or equal to zero.")
        if any(o.client_order_id == order.client_order_id for o in self.orders.open(order.symbol)):
            raise ApiError(400, -4116, "ClientOrderId is duplicated.")
        held = self.positions[order.symbol].quantity
        if order.reduce_only:
            if held * order.sign >= 0:
                raise ApiError(400, -2022, "ReduceOnly Order is rejected.")
            order.quantity = min(order.quantity, abs(held))
            return
        if order.quantity * price < MIN_NOTIONAL:
            raise ApiError(
                400,
                -4164,
                f"Order's notional must be no smaller than {MIN_NOTIONAL} "
                "(unless you choose reduce only).",
            )
        grows = abs(held + order.quantity * order.sign) > abs(held)
        if grows and order.quantity * price / LEVERAGE > self.wallet - self.margin():
            raise ApiError(400, -2019, "Margin is insufficient.")

    def _match(self, symbol: str, now: int) -> None:
        price = self.prices.of(symbol)
        for order in self.orders.open(symbol):
            if order.fillable_at(price):
                self.fill(order, order.remaining, order.price, now, maker=True)

    def _move_position(self, symbol: str, change: Decimal, price: Decimal, now: int) -> Decimal:
        # Returns the profit realized by the part that closes.
        position = self.positions[symbol]
        before, after = position.quantity, position.quantity + change
        realized = Decimal(0)
        if before * change >= 0:
            position.entry = (abs(before) * position.entry + abs(change) * price) / abs(after)
        else:
            closed = min(abs(before), abs(change)) * (1 if before > 0 else -1)
            realized = closed * (price - position.entry)
            if after == 0:
                position.entry = Decimal(0)
            elif before * after < 0:
                position.entry = price
        position.quantity = after
        position.update_time = now
        return realized
