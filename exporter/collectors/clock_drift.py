"""Is the local clock right, by NTP's majority and by the exchange's own time?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_gauge, host_gauge
from exporter.snapshot import Snapshot

OFFSET = bot_gauge(
    "clock_offset_seconds",
    "This host's clock minus the reference: positive = our clock is ahead. Both references off ="
    " our clock is wrong; only the exchange off = leave our clock alone. Old values vanish.",
    "reference",
    source="ntp, exchange",
)
BOUND = bot_gauge(
    "clock_offset_error_bound_seconds",
    "How wrong the measured clock offset itself can be, at most.",
    "reference",
    source="ntp, exchange",
)
WARN = bot_gauge(
    "clock_offset_warn_threshold_seconds",
    "Offset in either direction at which the bot warns.",
    source="configuration",
)
KILL = bot_gauge(
    "clock_offset_kill_threshold_seconds",
    "Offset in either direction at which the bot trips its kill switch.",
    source="configuration",
)
VENUE = bot_gauge(
    "clock_offset_venue_threshold_seconds",
    "Offset ahead from which the exchange refuses every signed request, whatever the bot's own"
    " limits are.",
    source="configuration",
)
SYNCHRONIZED = host_gauge(
    "clock_synchronized",
    "1 if the host's own time service says that it follows a source; absent without one.",
    "daemon",
)
DAEMON_OFFSET = host_gauge(
    "clock_offset_seconds",
    "The clock's error as the host's own time service sees it: positive = our clock is ahead.",
    "daemon",
)
DAEMON_BOUND = host_gauge(
    "clock_offset_error_bound_seconds",
    "How wrong the time service's own offset can be, at most.",
    "daemon",
)
FAMILIES = (OFFSET, BOUND, WARN, KILL, VENUE, SYNCHRONIZED, DAEMON_OFFSET, DAEMON_BOUND)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn clock readings and the thresholds in force into metrics."""
    offset, bound = OFFSET.gauge(), BOUND.gauge()
    warn, kill, venue = WARN.gauge(), KILL.gauge(), VENUE.gauge()
    for item in snapshot.bots:
        name = item.bot.name
        for reference, clock in item.clocks.items():
            offset.add_metric([name, reference], clock.offset_seconds)
            bound.add_metric([name, reference], clock.error_bound_seconds)
        warn.add_metric([name], item.settings.clock_warn_seconds)
        kill.add_metric([name], item.settings.clock_kill_seconds)
        if (limit := item.bot.venue.clock_ahead_limit_seconds) is not None:
            venue.add_metric([name], limit)
    return (offset, bound, warn, kill, venue, *_daemons(snapshot))


def _daemons(snapshot: Snapshot) -> Iterable[Metric]:
    synchronized = SYNCHRONIZED.gauge()
    offset, bound = DAEMON_OFFSET.gauge(), DAEMON_BOUND.gauge()
    for reading in snapshot.clock_daemons:
        synchronized.add_metric([reading.daemon], float(reading.synchronized))
        if reading.offset_seconds is not None:
            offset.add_metric([reading.daemon], reading.offset_seconds)
        if reading.error_bound_seconds is not None:
            bound.add_metric([reading.daemon], reading.error_bound_seconds)
    return synchronized, offset, bound
