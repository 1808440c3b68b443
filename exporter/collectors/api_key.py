"""The bot's keys, role by role, and who else uses the account. No value of a key is here."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import Family, bot_gauge
from exporter.keys import PROBLEMS
from exporter.orders import count_foreign, is_forced, prefixes_of
from exporter.readings import KeyReading
from exporter.series import Series
from exporter.snapshot import BotSnapshot, Snapshot


def _of_key(name: str, text: str, *labels: str) -> Family:
    return bot_gauge(name, text, "key", *labels, source="key")


PRESENT = _of_key(
    "api_key_present",
    "1 if the key of this role is where it should be, 0 if it is not; absent if nobody can tell."
    " The bot's own key is looked for in its env file and its unit only.",
)
ASKED = _of_key(
    "api_key_asked",
    "1 if the exchange is to be asked about the key: its value is in files or in an environment"
    " that the exporter reads, usable or not. 0 if it is out of the exporter's reach by"
    " configuration: then it is only looked for, and whether it is valid is not asked.",
)
VALID = _of_key(
    "api_key_valid",
    "1 if the exchange took the key, 0 if it refused it; absent while it could not be asked, and"
    " for a key that is not asked about (api_key_asked 0).",
)
PROBLEM = _of_key(
    "api_key_problem",
    "1 for what is wrong with the key now: missing (no_credentials), refused or malformed.",
    "reason",
)
CAN_TRADE = _of_key(
    "api_key_can_trade", "1 if the key may trade on this market, as the venue says."
)
CAN_WITHDRAW = _of_key(
    "api_key_can_withdraw", "1 if the key may withdraw money, which nothing here ever needs."
)
IP_RESTRICTED = _of_key(
    "api_key_ip_restricted", "1 if the key works from listed addresses only, 0 if from anywhere."
)
CREATED = _of_key("api_key_created_timestamp_seconds", "When the key was made.")
EXPIRY = _of_key(
    "api_key_expiry_timestamp_seconds",
    "When the key stops trading; absent if it does not, or if the venue does not say.",
)
SHARED = _of_key(
    "api_key_shared",
    "1 if another role uses the very same key: then one leak or one ban takes both. Absent for a"
    " key whose value the exporter cannot read.",
)
MAX_AGE = bot_gauge(
    "api_key_max_age_threshold_seconds",
    "Age at which a key should be replaced.",
    source="configuration",
)
EXPIRY_WARN = bot_gauge(
    "api_key_expiry_warn_threshold_seconds",
    "Time before its expiry from which a key should be replaced.",
    source="configuration",
)
FOREIGN = bot_gauge(
    "foreign_open_orders",
    "Resting orders that neither the exchange itself placed nor a bot of ours on this account:"
    " somebody else uses it. Legs and replacements count as what they belong to. Absent while one"
    " of these bots has no client_order_prefix, or while the venue has not said where an order"
    " belongs.",
    source="account",
)
FORCED = bot_gauge(
    "forced_open_orders",
    "Resting orders by which the exchange itself closes positions: liquidation, deleveraging,"
    " settlement.",
    source="account",
)
BLOCKED = bot_gauge(
    "account_trading_blocked",
    "1 if the venue says that this account may not trade; absent if it does not say.",
    source="account",
)
_MAY = (CAN_TRADE, CAN_WITHDRAW, IP_RESTRICTED, CREATED, EXPIRY)
_KEYS = (PRESENT, ASKED, VALID, PROBLEM, *_MAY, SHARED)
_BOTS = (MAX_AGE, EXPIRY_WARN, FOREIGN, FORCED, BLOCKED)
FAMILIES = (*_KEYS, *_BOTS)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn what is known of keys and of other people's orders into metrics."""
    gauges = {family: family.gauge() for family in FAMILIES}
    for item in snapshot.bots:
        for reading in item.keys:
            _add_key(gauges, item.bot.name, reading)
        _add_bot(gauges, item, _prefixes(item, snapshot.bots))
    return tuple(gauges.values())


def _add_key(gauges: dict[Family, Series], bot: str, reading: KeyReading) -> None:
    labels = [bot, reading.role]
    may = reading.restrictions
    known: dict[Family, float | None] = {
        PRESENT: reading.present,
        VALID: reading.valid,
        ASKED: reading.asked,
        SHARED: _is_shared(reading),
        CAN_TRADE: may.can_trade if may else None,
        CAN_WITHDRAW: may.can_withdraw if may else None,
        IP_RESTRICTED: may.ip_restricted if may else None,
        CREATED: may.created if may else None,
        EXPIRY: may.expiry if may else None,
    }
    for family, value in known.items():
        if value is not None:
            gauges[family].add_metric(labels, float(value))
    if reading.present is False or reading.valid is not None:
        for reason in PROBLEMS:
            gauges[PROBLEM].add_metric([*labels, reason.value], float(reason is reading.reason))


def _is_shared(reading: KeyReading) -> bool | None:
    """Whether another role uses the same key; None where the value is not there or not read."""
    if not (reading.present and reading.asked) or reading.shares_with is None:
        return None
    return bool(reading.shares_with)


def _prefixes(item: BotSnapshot, bots: Iterable[BotSnapshot]) -> tuple[str, ...] | None:
    """Return how the orders of all bots on the same account begin; None if that is not known."""
    here = item.bot.venue.place
    return prefixes_of(*(one.bot.venue for one in bots if one.bot.venue.place == here))


def _add_bot(
    gauges: dict[Family, Series], item: BotSnapshot, prefixes: tuple[str, ...] | None
) -> None:
    labels, venue = [item.bot.name], item.bot.venue
    gauges[MAX_AGE].add_metric(labels, venue.api_key.max_age_seconds)
    gauges[EXPIRY_WARN].add_metric(labels, venue.api_key.expiry_warn_seconds)
    if (account := item.account) is None:
        return
    gauges[FORCED].add_metric(labels, sum(map(is_forced, account.open_orders)))
    if account.trading_blocked is not None:
        gauges[BLOCKED].add_metric(labels, float(bool(account.trading_blocked)))
    strangers = None if prefixes is None else count_foreign(account.open_orders, prefixes)
    if strangers is not None:
        gauges[FOREIGN].add_metric(labels, strangers)
