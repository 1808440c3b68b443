"""What the bot believes it holds beside what the exchange says it holds."""

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import gauge
from exporter.readings import AccountReading
from exporter.snapshot import Snapshot

_MAX_SERIES = 100
_STATUSES = ("NEW", "PARTIALLY_FILLED")


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn positions and open orders into metrics for display; comparison is not done here."""
    quantity = gauge(
        "position_quantity",
        "Size held, negative = short: holder=bot is the bot's own file, holder=exchange is the"
        " truth. Display only, rounded.",
        ["market", "symbol", "side", "holder"],
    )
    orders = gauge(
        "open_orders",
        "Orders resting at the exchange now; kind=algo are stops and take-profits of the algo"
        " service.",
        ["market", "kind", "status"],
    )
    for item in snapshot.bots:
        name, market = item.bot.name, item.bot.venue.market
        if item.positions is not None:
            held = sorted(item.positions.positions.items())[:_MAX_SERIES]
            for symbol, size in held:
                quantity.add_metric([name, market, symbol, "BOTH", "bot"], float(size))
        if item.account is None:
            continue
        for position in item.account.positions[:_MAX_SERIES]:
            quantity.add_metric(
                [name, position.market, position.symbol, position.side, "exchange"],
                float(position.quantity),
            )
        for (kind, status), count in _counts(item.account, market).items():
            orders.add_metric([name, market, kind, status], count)
    return quantity, orders


def _counts(account: AccountReading, market: str) -> dict[tuple[str, str], int]:
    """Count by kind and status; the usual combinations are there with 0."""
    kinds = ("regular", "algo") if market == "usdm" else ("regular",)
    counts: Counter[tuple[str, str]] = Counter({(k, s): 0 for k in kinds for s in _STATUSES})
    for order in account.open_orders:
        status = order.status if order.status in _STATUSES else "other"
        counts[order.kind, status] += 1
    return dict(counts)
