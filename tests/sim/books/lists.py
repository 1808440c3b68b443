"""Order lists of the spot account: OCO, and OTO with its pending order."""

from dataclasses import dataclass

from tests.sim.books.orders import Order


@dataclass(frozen=True)
class OrderList:
    """One list; the first of an OTO's orders is the working one."""

    list_id: int
    client_id: str
    symbol: str
    contingency: str  # OCO or OTO
    orders: tuple[Order, ...]
    time: int

    @property
    def open(self) -> bool:
        """Whether any of its orders may still trade."""
        return any(order.open for order in self.orders)
