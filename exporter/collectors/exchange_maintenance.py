"""Is the exchange in maintenance, are its rules still the bot's, and what does it still allow?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_gauge
from exporter.readings import Cause, RateLimit
from exporter.snapshot import BotSnapshot, Snapshot

MAINTENANCE = bot_gauge(
    "exchange_maintenance",
    "1 while the exchange is in maintenance, by its own word or by clear signs; absent while that"
    " is unknown. Do not restart the bot until it is 0.",
    source="exchange",
)
CAUSE = bot_gauge(
    "exchange_maintenance_cause",
    "1 for each sign of maintenance: the exchange's status, a symbol of the bot that takes no"
    " orders, server errors in a row, a stream's announced end. cause=window: it was announced.",
    "cause",
    source="exchange",
)
SCHEDULED = bot_gauge(
    "exchange_maintenance_scheduled",
    "1 inside a maintenance window from the configuration, whether or not maintenance is seen;"
    " absent while exchange_maintenance is.",
    source="exchange",
)
NEXT_START = bot_gauge(
    "exchange_maintenance_next_start_timestamp_seconds",
    "When the next configured maintenance window begins; absent if none is to come, and while"
    " exchange_maintenance is absent.",
    source="exchange",
)
TRADABLE = bot_gauge(
    "exchange_symbol_tradable",
    "1 if the exchange takes new orders for this symbol of the bot; 0 if it is halted or gone.",
    "symbol",
    source="rules",
)
FILTERS_OUTDATED = bot_gauge(
    "exchange_filters_outdated",
    "Symbols of the bot whose tick size, step size or smallest notional in the bot's own file are"
    " no longer the exchange's: fetch the filters again.",
    source="rules",
)
FEE = bot_gauge(
    "exchange_fee_ratio",
    "Commission that the account pays on this symbol, as a share of the trade's value.",
    "symbol",
    "liquidity",
    source="rules",
)
USED = bot_gauge(
    "exchange_rate_limit_used",
    "Used of the exchange's limit in the running interval, by everybody it counts together (the"
    " bot included), as of the newest answer.",
    "kind",
    "scope",
    source="exchange",
)
LIMIT = bot_gauge(
    "exchange_rate_limit_limit",
    "The exchange's limit for the same interval; from there on it refuses, and then bans.",
    "kind",
    "scope",
    source="exchange",
)
QUIET_UNTIL = bot_gauge(
    "exchange_quiet_until_timestamp_seconds",
    "Until when the exchange wants no requests from this address (429, 418); absent if it is not"
    " asking for silence.",
    source="exchange",
)
FAMILIES = (
    MAINTENANCE,
    CAUSE,
    SCHEDULED,
    NEXT_START,
    TRADABLE,
    FILTERS_OUTDATED,
    FEE,
    USED,
    LIMIT,
    QUIET_UNTIL,
)

_MAX_SYMBOLS = 50


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn the verdict on the exchange, its rules and limits into metrics."""
    return (*_maintenance(snapshot), *_rules(snapshot), *_limits(snapshot))


def _maintenance(snapshot: Snapshot) -> Iterable[Metric]:
    active, cause = MAINTENANCE.gauge(), CAUSE.gauge()
    scheduled, next_start = SCHEDULED.gauge(), NEXT_START.gauge()
    for item in snapshot.bots:
        name, reading = item.bot.name, item.maintenance
        if reading is None:
            continue
        active.add_metric([name], float(reading.active))
        for member in Cause:
            cause.add_metric([name, member.value], float(member in reading.causes))
        scheduled.add_metric([name], float(reading.scheduled))
        if reading.next_start is not None:
            next_start.add_metric([name], reading.next_start)
    return active, cause, scheduled, next_start


def _rules(snapshot: Snapshot) -> Iterable[Metric]:
    tradable, outdated, fee = TRADABLE.gauge(), FILTERS_OUTDATED.gauge(), FEE.gauge()
    for item in snapshot.bots:
        name = item.bot.name
        for symbol, ok in _tradable(item):
            tradable.add_metric([name, symbol], float(ok))
        if item.filters_outdated is not None:
            outdated.add_metric([name], item.filters_outdated)
        for rates in (item.fees or ())[:_MAX_SYMBOLS]:
            fee.add_metric([name, rates.symbol, "maker"], float(rates.maker))
            fee.add_metric([name, rates.symbol, "taker"], float(rates.taker))
    return tradable, outdated, fee


def _tradable(item: BotSnapshot) -> Iterable[tuple[str, bool]]:
    """Each symbol that the bot trades; one that the exchange no longer lists is not tradable."""
    if item.rules is None:
        return
    rules = {rule.symbol: rule for rule in item.rules}
    for symbol in item.bot.venue.symbols:
        rule = rules.get(symbol.upper())
        yield symbol, rule is not None and rule.tradable


def _limits(snapshot: Snapshot) -> Iterable[Metric]:
    used, limit, quiet = USED.gauge(), LIMIT.gauge(), QUIET_UNTIL.gauge()
    for item in snapshot.bots:
        name = item.bot.name
        for rate in _tightest(item.rate_limits):
            used.add_metric([name, rate.kind, rate.scope], rate.used)
            limit.add_metric([name, rate.kind, rate.scope], rate.limit)
        if item.quiet_until is not None:
            quiet.add_metric([name], item.quiet_until)
    return used, limit, quiet


def _tightest(limits: Iterable[RateLimit]) -> Iterable[RateLimit]:
    """Of several intervals of one limit, the one of which most is used."""
    found: dict[tuple[str, str], RateLimit] = {}
    for rate in limits:
        other = found.get((rate.kind, rate.scope))
        if other is None or rate.used * other.limit > other.used * rate.limit:
            found[rate.kind, rate.scope] = rate
    return found.values()
