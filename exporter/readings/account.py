"""The account at the exchange: positions, orders, history, and what the key may do."""

from dataclasses import dataclass, field
from decimal import Decimal

from exporter.errors import Reason


@dataclass(frozen=True)
class Position:
    """One position at the exchange. ``side`` is BOTH, LONG or SHORT; spot uses BOTH.

    ``mark_price`` is the venue's own current price, None where it sends none with a position; it
    is for values only and makes no two positions different.
    """

    market: str
    symbol: str
    side: str
    quantity: Decimal
    mark_price: Decimal | None = field(default=None, compare=False)


@dataclass(frozen=True)
class OpenOrder:
    """One resting order. ``kind`` is regular or algo.

    ``linked_client_ids`` are those of the orders it was placed together with or came from: the
    parent and legs of a bracket, the members and the name of an order list, what it replaces,
    the conditional order that triggered it. ``links_known`` is False while the venue has not
    said all of them.
    """

    market: str
    symbol: str
    order_id: str
    client_order_id: str
    status: str
    kind: str
    side: str
    quantity: Decimal
    executed: Decimal
    reduce_only: bool
    price: Decimal = Decimal(0)
    created: float | None = None
    updated: float | None = None
    linked_client_ids: tuple[str, ...] = ()
    links_known: bool = True


@dataclass(frozen=True)
class AccountReading:
    """A complete view of the account from one successful pass of queries.

    ``trading_blocked`` says in the venue's words why the account may not trade; empty if it
    may, None if the venue does not say.
    """

    positions: tuple[Position, ...]
    open_orders: tuple[OpenOrder, ...]
    trading_blocked: str | None = None


@dataclass(frozen=True)
class Fill:
    """One execution. ``fee`` is positive when paid, in ``fee_asset``."""

    market: str
    symbol: str
    order_id: str
    fill_id: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    time: float


@dataclass(frozen=True)
class Income:
    """Money that moved without an order: funding, fees, transfers. Signed, in ``asset``."""

    market: str
    kind: str
    symbol: str
    amount: Decimal
    asset: str
    time: float


@dataclass(frozen=True)
class KeyRestrictions:
    """What the exchange lets a key do; None where the venue does not say.

    ``created`` and ``expiry`` are Unix times; ``expiry`` None also means that it does not expire.
    """

    can_trade: bool | None
    can_withdraw: bool | None
    ip_restricted: bool | None
    created: float | None
    expiry: float | None


@dataclass(frozen=True)
class KeyReading:
    """One key role: ``bot``, ``exporter`` or ``remediation``.

    ``present`` is None when it cannot be told (the bot's key lives where we may not look).
    ``asked`` is False where its value is out of our reach by configuration: then it is looked
    for, and nothing else of it can be known. ``valid`` is None when the exchange was not or could
    not be asked, also because the value in our reach cannot be used; ``reason`` is why it is not
    valid. ``shares_with`` names the roles that use the very same key, None if that is not known.
    """

    role: str
    present: bool | None
    valid: bool | None
    reason: Reason | None
    detail: str
    restrictions: KeyRestrictions | None
    shares_with: tuple[str, ...] | None = ()
    asked: bool = True
