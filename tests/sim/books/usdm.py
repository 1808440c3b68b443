"""The USD-M futures account: orders, positions in either mode, wallet, income."""

from dataclasses import dataclass
from decimal import Decimal

from tests.sim.books.orders import Order, Orders, Trade
from tests.sim.books.prices import SYMBOLS, Prices
from tests.sim.exchange.errors import ApiError

LEVERAGE = 20
STEP = Decimal("0.001")
TICK = Decimal("0.10")
MIN_NOTIONAL = Decimal(50)
TAKER, MAKER = Decimal("0.0004"), Decimal("0.0002")
_WALLET = Decimal(100_000)
_ZERO = Decimal(0)
LEGS = ("LONG", "SHORT")


@dataclass
class FuturesPosition:
    """One position; ``quantity`` is signed, in both modes."""

    symbol: str
    quantity: Decimal = Decimal(0)
    entry: Decimal = Decimal(0)
    update_time: int = 0
    side: str = "BOTH"


@dataclass(frozen=True)
class Income:
    """Money that moved in the futures wallet; ``kind`` is the exchange's ``incomeType``."""

    kind: str
    symbol: str
    amount: Decimal
    time: int
    number: int
    trade_id: str


@dataclass
class AlgoOrder:
    """One conditional order; it never triggers by itself.

    ``actual_id`` is the regular order that it became, 0 before.
    """

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
    update_time: int = 0
    position_side: str = "BOTH"
    price: Decimal = Decimal(0)
    actual_id: int = 0


class UsdmBooks:
    """The futures side of the account."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.orders = Orders()
        self.positions = {symbol: FuturesPosition(symbol) for symbol in SYMBOLS}
        self.legs = {(s, side): FuturesPosition(s, side=side) for s in SYMBOLS for side in LEGS}
        self.dual = False  # hedge mode: LONG and SHORT beside each other
        self.algo: dict[int, AlgoOrder] = {}
        self.algo_done: list[AlgoOrder] = []
        self.incomes: list[Income] = []
        self.wallet = _WALLET
        self.countdowns: dict[str, int] = {}

    def held(self, symbol: str) -> list[FuturesPosition]:
        """A symbol's positions in the mode that is on, flat ones too."""
        if self.dual:
            return [self.legs[symbol, side] for side in LEGS]
        return [self.positions[symbol]]

    def position(self, symbol: str, side: str) -> FuturesPosition:
        """One position; BOTH is the net one of one-way mode."""
        return self.positions[symbol] if side == "BOTH" else self.legs[symbol, side]

    def set_position(self, symbol: str, quantity: Decimal, now: int, side: str = "BOTH") -> None:
        """Put a position where it is wanted, at the price of now, without an order."""
        position = self.position(symbol, side)
        position.quantity, position.update_time = quantity, now
        position.entry = self.prices.of(symbol) if quantity else _ZERO

    def earn(self, kind: str, symbol: str, amount: Decimal, now: int, trade_id: str = "") -> None:
        """Move money in the wallet and remember why."""
        self.wallet += amount
        income = Income(kind, symbol, amount, now, self.orders.next_id(), trade_id)
        self.incomes.append(income)

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
        position = self.position(order.symbol, order.position_side)
        realized = self._move_position(position, quantity * order.sign, price, now)
        commission = quantity * price * (MAKER if maker else TAKER)
        trade_id = self.orders.next_id()
        self.earn("COMMISSION", order.symbol, -commission, now, str(trade_id))
        if realized:
            self.earn("REALIZED_PNL", order.symbol, realized, now, str(trade_id))
        self.orders.trades.append(
            Trade(
                trade_id=trade_id,
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
                position_side=order.position_side,
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

    def expire(self, order: Order, now: int) -> None:
        """End a resting order as the exchange does for maintenance."""
        order.expire(now, "EXCHANGE_CANCELED")

    def rest(self, order: Order) -> None:
        """Put an order into the book without trying to fill it."""
        self.orders.add(order)

    def trigger(self, algo: AlgoOrder, now: int) -> Order:
        """Turn a conditional order into a regular one, which keeps its client id."""
        order = Order(
            order_id=self.orders.next_id(),
            client_order_id=algo.client_algo_id,
            symbol=algo.symbol,
            side=algo.side,
            kind="LIMIT" if algo.price else "MARKET",
            time_in_force="GTC",
            quantity=algo.quantity,
            price=algo.price,
            time=now,
            update_time=now,
            reduce_only=algo.reduce_only,
            position_side=algo.position_side,
        )
        self.place(order, now)
        del self.algo[algo.algo_id]
        self.algo_done.append(algo)
        algo.actual_id, algo.update_time = order.order_id, now
        algo.status = "TRIGGERED" if order.open else "FINISHED"
        return order

    def run_countdowns(self, now: int) -> None:
        """Cancel the orders of every symbol whose countdown ran out."""
        for symbol in [symbol for symbol, deadline in self.countdowns.items() if deadline <= now]:
            del self.countdowns[symbol]
            for order in self.orders.open(symbol):
                self.cancel(order, now)

    def unrealized(self, position: FuturesPosition) -> Decimal:
        """Profit of a position at the current price."""
        return position.quantity * (self.prices.of(position.symbol) - position.entry)

    def profit(self) -> Decimal:
        """Profit of all positions."""
        return sum((self.unrealized(p) for s in SYMBOLS for p in self.held(s)), _ZERO)

    def margin(self) -> Decimal:
        """Initial margin of all positions."""
        held = [p for symbol in SYMBOLS for p in self.held(symbol)]
        return sum((abs(p.quantity) * self.prices.of(p.symbol) / LEVERAGE for p in held), _ZERO)

    def _check(self, order: Order) -> None:
        price = self.prices.of(order.symbol) if order.kind == "MARKET" else order.price
        if order.quantity % STEP or order.price % TICK:
            raise ApiError(400, -1111, "Precision is over the maximum defined for this asset.")
        if order.quantity <= 0:
            raise ApiError(400, -4003, "Quantity less than or equal to zero.")
        if any(o.client_order_id == order.client_order_id for o in self.orders.open(order.symbol)):
            raise ApiError(400, -4116, "ClientOrderId is duplicated.")
        held = self.position(order.symbol, order.position_side).quantity
        if order.position_side != "BOTH" and held * order.sign < 0 and order.quantity > abs(held):
            raise ApiError(400, -2022, "ReduceOnly Order is rejected.")
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

    @staticmethod
    def _move_position(
        position: FuturesPosition, change: Decimal, price: Decimal, now: int
    ) -> Decimal:
        # Returns the profit realized by the part that closes.
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
