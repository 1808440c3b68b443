"""What an order's client id and status say about it: whose it is, and whether it still moves."""

from collections.abc import Iterable
from decimal import Decimal

from exporter.readings import OpenOrder

# Binance closes positions by itself under these client ids: liquidation, auto-deleveraging,
# settlement (facts, section 1.6). They are nobody's mistake and nobody's intrusion.
FORCED_PREFIXES = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
_PARTIAL = "PARTIALLY_FILLED"
_MOVING = ("PENDING", "TRIGGERING")


def is_forced(order: OpenOrder) -> bool:
    """Whether the exchange itself placed it to close a position."""
    return order.client_order_id.startswith(FORCED_PREFIXES)


def is_own(order: OpenOrder, prefix: str | tuple[str, ...] | None) -> bool:
    """Whether it may be the bot's; without a prefix any order may."""
    return not is_forced(order) and order.client_order_id.startswith(prefix or "")


def foreign(orders: Iterable[OpenOrder], prefix: str | tuple[str, ...]) -> tuple[OpenOrder, ...]:
    """Return the orders that neither the bot nor the exchange itself placed.

    With several prefixes: none of the bots that share the account.
    """
    return tuple(o for o in orders if not is_own(o, prefix) and not is_forced(o))


def is_in_flight(order: OpenOrder) -> bool:
    """Whether the venue has a request about it and has not yet said how it ended."""
    return order.status.upper().startswith(_MOVING)


def remaining(order: OpenOrder) -> Decimal:
    """How much of it is not filled yet."""
    return max(Decimal(0), order.quantity - order.executed)


def is_partially_filled(order: OpenOrder) -> bool:
    """Whether a resting order has been filled in part, whatever its status is called now."""
    return order.status.upper() == _PARTIAL or (order.executed > 0 and remaining(order) > 0)
