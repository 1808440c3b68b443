"""Which bots are watched, and whether what is said about them can be believed."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_counter, bot_gauge
from exporter.errors import Reason
from exporter.snapshot import Snapshot

_FILE_REASONS = (
    Reason.MISSING,
    Reason.UNREADABLE,
    Reason.INVALID,
    Reason.TOO_LARGE,
    Reason.INTERNAL,
)
_NETWORK_REASONS = (
    Reason.DNS,
    Reason.REFUSED,
    Reason.TIMEOUT,
    Reason.TLS,
    Reason.NETWORK,
    Reason.BAD_RESPONSE,
    Reason.HTTP_STATUS,
    Reason.TOO_LARGE,
    Reason.INTERNAL,
)
EXCHANGE_REASONS = (
    *_NETWORK_REASONS,
    Reason.SERVER_ERROR,
    Reason.RATE_LIMITED,
    Reason.BANNED,
    Reason.RESTRICTED_LOCATION,
    Reason.FIREWALL,
    Reason.OVERLOADED,
    Reason.MAINTENANCE,
    Reason.REJECTED,
    Reason.BUDGET,
    Reason.PROXY,
)
SIGNED_REASONS = (
    *EXCHANGE_REASONS,
    Reason.TIMESTAMP,
    Reason.SIGNATURE,
    Reason.KEY_FORMAT,
    Reason.KEY_REJECTED,
    Reason.NO_CREDENTIALS,
)
# Every reason that a source can fail for starts at 0, so its first failure is an increase.
REASONS = {
    "ntp": (*_NETWORK_REASONS, Reason.NO_MAJORITY),
    "exchange": SIGNED_REASONS,  # Alpaca tells its time only to a key
    "reference": EXCHANGE_REASONS,
    "account": SIGNED_REASONS,
    "bot_files": _FILE_REASONS,
    "process": (*_FILE_REASONS, Reason.TIMEOUT, Reason.UNSUPPORTED),
    "heartbeat": (*_FILE_REASONS, *_NETWORK_REASONS),
    "network": EXCHANGE_REASONS,
    "market_data": SIGNED_REASONS,
    "rules": SIGNED_REASONS,
    "key": SIGNED_REASONS,
    "logs": _FILE_REASONS,
    "data_files": (*_FILE_REASONS, Reason.TIMEOUT),
    "memory": (*_FILE_REASONS, Reason.TIMEOUT, Reason.UNSUPPORTED),
    "disk": _FILE_REASONS,
    "bot_metrics": (*_NETWORK_REASONS, Reason.MISSING, Reason.INVALID, Reason.TOO_LARGE),
}
_NO_FAILURES = {
    source: {reason.value: 0 for reason in reasons} for source, reasons in REASONS.items()
}


INFO = bot_gauge(
    "info",
    "Always 1: this bot is watched. Join on it to learn the bot's mode, venue and market.",
    "mode",
    "venue",
    "market",
    source="configuration",
)
READABLE = bot_gauge(
    "config_readable",
    "1 if the bot's own configuration file was read; 0 means the thresholds shown are the last"
    " good or default ones, not necessarily the bot's.",
    source="configuration",
)
UP = bot_gauge(
    "source_up",
    "1 if the exporter's last attempt to read this source worked. 0 means values from it are old"
    " or missing: treat them as unknown, not as fine.",
    "source",
    source="configuration",
)
ATTEMPT = bot_gauge(
    "source_last_attempt_timestamp_seconds",
    "When the exporter last tried to read this source. Not moving: the exporter itself hangs.",
    "source",
    source="configuration",
)
SUCCESS = bot_gauge(
    "source_last_success_timestamp_seconds",
    "When the exporter last read this source successfully; absent if it never did.",
    "source",
    source="configuration",
)
FAILURES = bot_counter(
    "source_failures",
    "Failed attempts to read this source since the exporter started, by cause.",
    "source",
    "reason",
    source="configuration",
)
FAMILIES = (INFO, READABLE, UP, ATTEMPT, SUCCESS, FAILURES)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn configuration and source health into metrics; these never vanish."""
    info, readable, up = INFO.gauge(), READABLE.gauge(), UP.gauge()
    attempt, success, failures = ATTEMPT.gauge(), SUCCESS.gauge(), FAILURES.counter()
    for item in snapshot.bots:
        bot = item.bot
        info.add_metric([bot.name, bot.mode, bot.venue.kind, bot.venue.market], 1)
        readable.add_metric([bot.name], float(item.settings.readable))
        for source, health in item.health.items():
            up.add_metric([bot.name, source], float(health.up))
            if health.last_attempt is not None:
                attempt.add_metric([bot.name, source], health.last_attempt)
            if health.last_success is not None:
                success.add_metric([bot.name, source], health.last_success)
            seen = {reason.value: count for reason, count in health.failures.items()}
            for reason, count in {**_NO_FAILURES[source], **seen}.items():
                failures.add_metric([bot.name, source, reason], count)
    return info, readable, up, attempt, success, failures
