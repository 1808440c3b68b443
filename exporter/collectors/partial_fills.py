"""Orders that rest at the exchange, and those that are filled in part and go on waiting."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from prometheus_client.core import Metric

from exporter.collectors.families import bot_gauge
from exporter.orders import is_own, is_partially_filled, remaining
from exporter.readings import AccountReading, OpenOrder
from exporter.snapshot import BotSnapshot, Snapshot

_STATUSES = ("NEW", "PARTIALLY_FILLED")

ORDERS = bot_gauge(
    "open_orders",
    "Orders resting at the exchange now; kind=algo are stops and take-profits of the algo service.",
    "market",
    "kind",
    "status",
    source="account",
)
PARTIAL = bot_gauge(
    "partially_filled_orders",
    "Resting orders that are filled in part: the bot's own if its prefix is configured, else all.",
    source="account",
)
OLDEST = bot_gauge(
    "partially_filled_order_oldest_timestamp_seconds",
    "When the oldest partially filled order was placed, by the exchange's clock; absent if there"
    " is none.",
    source="account",
)
TTL = bot_gauge(
    "partially_filled_order_ttl_threshold_seconds",
    "Age at which the bot should have cancelled the rest of an order: ttl_steps bars. Absent if"
    " either is not known.",
    source="configuration",
)
NOTIONAL = bot_gauge(
    "partially_filled_remaining_notional",
    "Value of what is not filled yet, in the quote currency; orders without any price are left"
    " out.",
    source="account",
)
FAMILIES = (ORDERS, PARTIAL, OLDEST, TTL, NOTIONAL)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn resting orders into metrics; without a reading of the account there are none."""
    orders, partial, oldest = ORDERS.gauge(), PARTIAL.gauge(), OLDEST.gauge()
    ttl, notional = TTL.gauge(), NOTIONAL.gauge()
    for item in snapshot.bots:
        name, market = item.bot.name, item.bot.venue.market
        if (limit := _ttl_seconds(item)) is not None:
            ttl.add_metric([name], limit)
        if item.account is None:
            continue
        for (kind, status), count in _counts(item.account, market).items():
            orders.add_metric([name, market, kind, status], count)
        waiting = _waiting(item.account, item.bot.venue.client_order_prefix)
        partial.add_metric([name], len(waiting))
        notional.add_metric([name], float(_notional(waiting, item.account)))
        placed = [stamp for order in waiting if (stamp := order.created or order.updated)]
        if placed:
            oldest.add_metric([name], min(placed))
    return orders, partial, oldest, ttl, notional


def _ttl_seconds(item: BotSnapshot) -> float | None:
    steps, bar = item.settings.ttl_steps, item.settings.bar_seconds
    return None if steps is None or bar is None else steps * bar


def _counts(account: AccountReading, market: str) -> dict[tuple[str, str], int]:
    """Count by kind and status; the usual combinations are there with 0."""
    kinds = ("regular", "algo") if market == "usdm" else ("regular",)
    counts: Counter[tuple[str, str]] = Counter({(k, s): 0 for k in kinds for s in _STATUSES})
    for order in account.open_orders:
        status = order.status if order.status in _STATUSES else "other"
        counts[order.kind, status] += 1
    return dict(counts)


def _waiting(account: AccountReading, prefix: str | None) -> tuple[OpenOrder, ...]:
    orders = account.open_orders
    return tuple(o for o in orders if is_partially_filled(o) and is_own(o, prefix))


def _notional(waiting: Iterable[OpenOrder], account: AccountReading) -> Decimal:
    """Value the rest at the order's own price; a market order's at the venue's, if it is known."""
    marks = {p.symbol: p.mark_price for p in account.positions if p.mark_price}
    return sum(
        (
            remaining(order) * (order.price or marks.get(order.symbol, Decimal(0)))
            for order in waiting
        ),
        Decimal(0),
    )
