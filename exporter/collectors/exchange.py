"""The exchange as our own probes see it."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import add_latencies, counter, gauge, histogram
from exporter.collectors.sources import REASONS
from exporter.snapshot import ENDPOINTS, Snapshot


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn probe durations and failures and the venue's own status into metrics."""
    duration = histogram(
        "exchange_request_duration_seconds",
        "How long the exporter's own successful requests to the exchange took (not the bot's).",
        ["endpoint"],
    )
    failures = counter(
        "exchange_request_failures",
        "The exporter's own requests to the exchange that failed, by cause (not the bot's).",
        ["endpoint", "reason"],
    )
    maintenance = gauge(
        "exchange_maintenance",
        "1 while the exchange itself says it is in maintenance; absent while it says nothing.",
    )
    for item in snapshot.bots:
        name = item.bot.name
        add_latencies(duration, name, item.latency)
        known = {
            (endpoint, reason): 0
            for endpoint in ENDPOINTS
            for reason in REASONS["account" if endpoint == "account" else "exchange"]
        }
        for (endpoint, reason), count in {**known, **item.request_failures}.items():
            failures.add_metric([name, endpoint, reason.value], count)
        if item.status is not None:
            maintenance.add_metric([name], float(item.status.maintenance))
    return duration, failures, maintenance
