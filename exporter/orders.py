"""What an order's client ids and status say about it: whose it is, and whether it still moves.

Venues name some orders themselves although the bot placed them: the legs of a bracket or an
order list, and what replaces an order. Such an order is the bot's if any of the orders that it
is linked with (exporter/sources/exchange/links.py) has the bot's prefix.
"""

import enum
from collections.abc import Iterable
from decimal import Decimal

from exporter.config import Venue
from exporter.readings import OpenOrder

# Binance closes positions by itself under these client ids: liquidation, auto-deleveraging,
# settlement (facts, section 1.6). They are nobody's mistake and nobody's intrusion.
FORCED_PREFIXES = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
_PARTIAL = "PARTIALLY_FILLED"
_MOVING = ("PENDING", "TRIGGERING")
# On spot a leg is in this status for as long as the order that it waits for rests, be it weeks
# (binance-spot-api-docs, enums.md, "Order status").
_WAITING_LEG = "PENDING_NEW"


class Owner(enum.Enum):
    """Who placed an order."""

    BOT = enum.auto()
    EXCHANGE = enum.auto()  # to close a position
    STRANGER = enum.auto()
    UNKNOWN = enum.auto()  # no bot's by its own id, and its links have not all been read


def prefixes_of(*venues: Venue) -> tuple[str, ...] | None:
    """Return how the orders of these bots begin; None while one of them has no prefix."""
    prefixes = tuple(venue.client_order_prefix or "" for venue in venues)
    return prefixes if all(prefixes) else None


def is_forced(order: OpenOrder) -> bool:
    """Whether the exchange itself placed it to close a position."""
    return order.client_order_id.startswith(FORCED_PREFIXES)


def owner_of(order: OpenOrder, prefix: str | tuple[str, ...] | None) -> Owner:
    """Say who placed it; without a prefix any order that is not forced is the bot's.

    An order whose links are all known and lead to no bot is a stranger's: a person should look
    at it, be it only because a bot lets the venue invent ids for orders linked with nothing.
    """
    if is_forced(order):
        return Owner.EXCHANGE
    names = (order.client_order_id, *order.linked_client_ids)
    if any(name.startswith(prefix or "") for name in names):
        return Owner.BOT
    return Owner.STRANGER if order.links_known else Owner.UNKNOWN


def is_own(order: OpenOrder, prefix: str | tuple[str, ...] | None) -> bool:
    """Whether it may be the bot's; without a prefix any order may."""
    return owner_of(order, prefix) in (Owner.BOT, Owner.UNKNOWN)


def foreign(orders: Iterable[OpenOrder], prefix: str | tuple[str, ...]) -> tuple[OpenOrder, ...]:
    """Return the orders that neither the bot nor the exchange itself placed.

    With several prefixes: none of the bots that share the account. Those of which it cannot be
    told are left out.
    """
    return tuple(o for o in orders if owner_of(o, prefix) is Owner.STRANGER)


def count_foreign(orders: Iterable[OpenOrder], prefix: str | tuple[str, ...]) -> int | None:
    """Count them; None if there may be some and none is certain: unknown is never zero."""
    owners = [owner_of(order, prefix) for order in orders]
    certain = owners.count(Owner.STRANGER)
    return None if certain == 0 and Owner.UNKNOWN in owners else certain


def is_in_flight(order: OpenOrder) -> bool:
    """Whether the venue has a request about it and has not yet said how it ended."""
    if order.market == "spot" and order.status == _WAITING_LEG:
        return False
    return order.status.upper().startswith(_MOVING)


def remaining(order: OpenOrder) -> Decimal:
    """How much of it is not filled yet."""
    return max(Decimal(0), order.quantity - order.executed)


def is_partially_filled(order: OpenOrder) -> bool:
    """Whether a resting order has been filled in part, whatever its status is called now."""
    return order.status.upper() == _PARTIAL or (order.executed > 0 and remaining(order) > 0)
