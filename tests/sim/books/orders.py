"""Orders and trades, the same for futures and spot."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

OPEN = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED"})
_HISTORY = 5_000


@dataclass
class Order:
    """One order and what became of it. ``kind`` is the exchange's ``type``.

    ``position_side`` is futures' hedge mode; ``expiry_reason`` says why it is EXPIRED; one with a
    ``stop`` waits for ever. ``locks`` is False while another order of its list backs it.
    """

    order_id: int
    client_order_id: str
    symbol: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    time: int
    update_time: int
    reduce_only: bool = False
    position_side: str = "BOTH"
    status: str = "NEW"
    expiry_reason: str | None = None
    list_id: int = -1
    stop: Decimal = Decimal(0)
    locks: bool = True
    executed: Decimal = Decimal(0)
    quote: Decimal = Decimal(0)

    @property
    def open(self) -> bool:
        """Whether it still rests in the book."""
        return self.status in OPEN

    @property
    def remaining(self) -> Decimal:
        """What is left to fill."""
        return self.quantity - self.executed

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "BUY" else -1

    @property
    def average(self) -> Decimal:
        """The average price of its fills, zero without any."""
        return self.quote / self.executed if self.executed else Decimal(0)

    def fillable_at(self, price: Decimal) -> bool:
        """Whether it would trade at this price."""
        if self.stop or self.status == "PENDING_NEW":
            return False
        return self.kind == "MARKET" or (self.price - price) * self.sign >= 0

    def expire(self, now: int, reason: str) -> None:
        """End it as the exchange does, with what has been filled kept."""
        self.status, self.expiry_reason, self.update_time = "EXPIRED", reason, now


@dataclass(frozen=True)
class Trade:
    """One fill."""

    trade_id: int
    order_id: int
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    realized: Decimal
    maker: bool
    time: int
    position_side: str = "BOTH"


class Orders:
    """Every order by id, and the last trades. Ids are unique over both kinds."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self.trades: deque[Trade] = deque(maxlen=_HISTORY)
        self.total = 0
        self._next_id = 1_000

    def next_id(self) -> int:
        """An id that no order or trade has."""
        self._next_id += 1
        return self._next_id

    def add(self, order: Order) -> None:
        """Accept an order; forget the oldest closed one beyond the limit."""
        self._orders[order.order_id] = order
        self.total += 1
        if len(self._orders) > _HISTORY:
            closed = (o.order_id for o in self._orders.values() if not o.open)
            self._orders.pop(next(closed, order.order_id))

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Find one order; of several with a client id, the newest."""
        if order_id is not None:
            order = self._orders.get(order_id)
            return order if order is not None and order.symbol == symbol else None
        for order in reversed(self._orders.values()):
            if order.symbol == symbol and order.client_order_id == client_order_id:
                return order
        return None

    def of(self, symbol: str | None) -> Iterator[Order]:
        """All orders remembered, oldest first."""
        return (o for o in self._orders.values() if symbol is None or o.symbol == symbol)

    def open(self, symbol: str | None = None) -> list[Order]:
        """The resting orders, oldest first."""
        return [order for order in self.of(symbol) if order.open]

    def traded(self, symbol: str, order_id: int | None = None) -> list[Trade]:
        """The trades of a symbol, or of one order."""
        return [
            trade
            for trade in self.trades
            if trade.symbol == symbol and order_id in (None, trade.order_id)
        ]
