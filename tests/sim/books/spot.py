"""The spot account: balances, what orders lock of them, fills with commission."""

from dataclasses import dataclass
from decimal import Decimal

from tests.sim.books.lists import OrderList
from tests.sim.books.orders import Order, Orders, Trade
from tests.sim.books.prices import Prices
from tests.sim.exchange.errors import ApiError

STEP = Decimal("0.00001")
TICK = Decimal("0.10")
MIN_NOTIONAL = Decimal(5)
COMMISSION = Decimal("0.001")
_INSUFFICIENT = "Account has insufficient balance for requested action."


@dataclass
class Balance:
    """One asset."""

    free: Decimal
    locked: Decimal = Decimal(0)


def assets(symbol: str) -> tuple[str, str]:
    """Base and quote of a symbol; every symbol here is quoted in USDT."""
    return symbol.removesuffix("USDT"), "USDT"


class SpotBooks:
    """The spot side of the account."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.orders = Orders()
        self.lists: dict[int, OrderList] = {}
        self.balances = {
            "BTC": Balance(Decimal("0.5")),
            "ETH": Balance(Decimal(4)),
            "USDT": Balance(Decimal(50_000)),
            "BNB": Balance(Decimal(0)),
        }

    def place(self, order: Order, now: int) -> None:
        """Accept an order, fill what fills, let the price move.

        Raises:
            ApiError: as the exchange refuses.
        """
        price = self.prices.of(order.symbol)
        self._check(order, price)
        self._lock(order, price)
        self.orders.add(order)
        if order.fillable_at(price):
            self.fill(order, order.remaining, price, now, maker=False)
            self.prices.move(order.symbol)
            self._match(order.symbol, now)
        elif order.time_in_force in {"IOC", "FOK"}:
            self._release(order)
            order.status = "EXPIRED"

    def place_list(self, made: OrderList) -> None:
        """Accept an order list, of which only the first order locks what it needs.

        Raises:
            ApiError: as the exchange refuses.
        """
        price = self.prices.of(made.symbol)
        for order in made.orders:
            self._check(order, order.stop or price)
            order.list_id, order.locks = made.list_id, False
        first = made.orders[0]
        first.locks = True
        self._lock(first, first.price or price)
        for order in made.orders:
            self.orders.add(order)
        self.lists[made.list_id] = made

    def fill(
        self, order: Order, quantity: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> None:
        """Trade part or all of an order; the commission is taken from what is received."""
        base, quote = assets(order.symbol)
        asset, received = (base, quantity) if order.side == "BUY" else (quote, quantity * price)
        if order.side == "BUY":
            reserved = quantity * (price if order.kind == "MARKET" else order.price)
            self.balances[quote].locked -= reserved
            self.balances[quote].free += reserved - quantity * price
        else:
            self.balances[base].locked -= quantity
        commission = received * COMMISSION
        self.balances[asset].free += received - commission
        order.executed += quantity
        order.quote += quantity * price
        order.status = "FILLED" if order.remaining == 0 else "PARTIALLY_FILLED"
        order.update_time = now
        if order.status == "FILLED":
            self._go_on(order, now)
        self.orders.trades.append(
            Trade(
                trade_id=self.orders.next_id(),
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                price=price,
                quantity=quantity,
                commission=commission,
                commission_asset=asset,
                realized=Decimal(0),
                maker=maker,
                time=now,
            )
        )

    def cancel(self, order: Order, now: int) -> None:
        """Take a resting order out of the book and release what it locked.

        Raises:
            ApiError: -2011 if it does not rest there.
        """
        if not order.open:
            raise ApiError(400, -2011, "Unknown order sent.")
        for member in self._members(order):
            self._release(member)
            member.status = "CANCELED"
            member.update_time = now

    def expire(self, order: Order, now: int) -> None:
        """End a resting order as the exchange does for maintenance."""
        self._release(order)
        order.expire(now, "EXCHANGE_CANCELED")

    def rest(self, order: Order) -> None:
        """Put an order into the book without trying to fill it; what it needs is locked."""
        self._lock(order, order.price)
        self.orders.add(order)

    def _members(self, order: Order) -> list[Order]:
        """The open orders of its list, which end together; an order without one is its own."""
        made = self.lists.get(order.list_id)
        return [order] if made is None else [member for member in made.orders if member.open]

    def _go_on(self, filled: Order, now: int) -> None:
        """Let a fill end the other order of an OCO, or start the one that it kept pending."""
        made = self.lists.get(filled.list_id)
        for order in () if made is None else made.orders:
            if order.status == "PENDING_NEW":
                order.status, order.locks, order.update_time = "NEW", True, now
                self._lock(order, order.price)
            elif order.open:
                self._release(order)
                order.status, order.update_time = "EXPIRED", now

    def _check(self, order: Order, price: Decimal) -> None:
        if order.quantity <= 0 or order.quantity % STEP:
            raise ApiError(400, -1013, "Filter failure: LOT_SIZE")
        priced = order.kind not in {"MARKET", "STOP_LOSS", "TAKE_PROFIT"}
        if priced and (order.price <= 0 or order.price % TICK):
            raise ApiError(400, -1013, "Filter failure: PRICE_FILTER")
        if order.quantity * (order.price or price) < MIN_NOTIONAL:
            raise ApiError(400, -1013, "Filter failure: NOTIONAL")
        if any(o.client_order_id == order.client_order_id for o in self.orders.open(order.symbol)):
            raise ApiError(400, -2010, "Duplicate order sent.")

    def _lock(self, order: Order, price: Decimal) -> None:
        asset, amount = self._reserve(order, price)
        balance = self.balances[asset]
        if balance.free < amount:
            raise ApiError(400, -2010, _INSUFFICIENT)
        balance.free -= amount
        balance.locked += amount

    def _release(self, order: Order) -> None:
        asset, amount = self._reserve(order, order.price)
        self.balances[asset].locked -= amount
        self.balances[asset].free += amount

    def _reserve(self, order: Order, price: Decimal) -> tuple[str, Decimal]:
        base, quote = assets(order.symbol)
        if not order.locks:
            return base, Decimal(0)
        if order.side == "SELL":
            return base, order.remaining
        return quote, order.remaining * (price if order.kind == "MARKET" else order.price)

    def _match(self, symbol: str, now: int) -> None:
        price = self.prices.of(symbol)
        for order in self.orders.open(symbol):
            if order.fillable_at(price):
                self.fill(order, order.remaining, order.price, now, maker=True)
