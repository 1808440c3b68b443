"""Is the local clock right, by NTP's majority and by the exchange's own time?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import gauge
from exporter.snapshot import Snapshot

# Binance refuses a request stamped 1000 ms or more ahead of its own clock, however
# generous recvWindow and the bot's limits are (error -1021).


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn clock readings and the thresholds in force into metrics."""
    offset = gauge(
        "clock_offset_seconds",
        "This host's clock minus the reference: positive = our clock is ahead. Both references"
        " off = our clock is wrong; only the exchange off = leave our clock alone. Old values"
        " vanish.",
        ["reference"],
    )
    bound = gauge(
        "clock_offset_error_bound_seconds",
        "How wrong the measured clock offset itself can be, at most.",
        ["reference"],
    )
    warn = gauge(
        "clock_offset_warn_threshold_seconds",
        "Offset in either direction at which the bot warns.",
    )
    kill = gauge(
        "clock_offset_kill_threshold_seconds",
        "Offset in either direction at which the bot trips its kill switch.",
    )
    venue = gauge(
        "clock_offset_venue_threshold_seconds",
        "Offset ahead from which the exchange refuses every signed request, whatever the bot's"
        " own limits are.",
    )
    for item in snapshot.bots:
        name = item.bot.name
        for reference, clock in item.clocks.items():
            offset.add_metric([name, reference], clock.offset_seconds)
            bound.add_metric([name, reference], clock.error_bound_seconds)
        warn.add_metric([name], item.settings.clock_warn_seconds)
        kill.add_metric([name], item.settings.clock_kill_seconds)
        if (limit := item.bot.venue.clock_ahead_limit_seconds) is not None:
            venue.add_metric([name], limit)
    return offset, bound, warn, kill, venue
