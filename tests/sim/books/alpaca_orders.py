"""Orders and fills of the brokerage account."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

# Everything that the API's ``status=open`` lists: what may still trade.
OPEN = frozenset(
    {
        "new",
        "partially_filled",
        "done_for_day",
        "pending_cancel",
        "pending_replace",
        "pending_review",
        "accepted",
        "pending_new",
        "accepted_for_bidding",
        "stopped",
        "suspended",
        "calculated",
        "held",
    }
)
CLOSED = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})


@dataclass
class StockOrder:
    """One order; times are the exchange's milliseconds. ``parent`` is set on a bracket's legs.

    ``closing`` says that it was meant to make a position smaller. ``replaces`` is the order that
    it took the place of, ``replaced_by`` the one that took its own.
    """

    order_id: str
    client_order_id: str
    symbol: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    limit: Decimal | None
    stop: Decimal | None
    time: int
    update_time: int
    order_class: str = "simple"
    parent: str | None = None
    closing: bool = False
    status: str = "new"
    executed: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    ended: int | None = None
    replaces: str | None = None
    replaced_by: str | None = None

    @property
    def open(self) -> bool:
        """Whether it may still trade."""
        return self.status in OPEN

    @property
    def remaining(self) -> Decimal:
        """What is left to fill."""
        return self.quantity - self.executed

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1

    @property
    def intent(self) -> str:
        """What it was meant to do to the position."""
        return f"{self.side}_to_{'close' if self.closing else 'open'}"

    def fillable_at(self, price: Decimal) -> bool:
        """Whether it would trade at this price; stops and held legs wait for ever."""
        if self.stop is not None or self.status == "held":
            return False
        return self.limit is None or (self.limit - price) * self.sign >= 0


@dataclass(frozen=True)
class Fill:
    """One execution; ``cumulative`` is what the order had filled with it."""

    order: StockOrder
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    time: int
    short: bool

    @property
    def leaves(self) -> Decimal:
        """What was left of the order after it."""
        return self.order.quantity - self.cumulative


def order_id() -> str:
    """A new order's id."""
    return str(uuid.uuid4())
