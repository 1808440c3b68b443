"""Small builders that give every metric family the same shape."""

from collections.abc import Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from exporter.snapshot import LATENCY_BUCKETS, Latency

BOT_PREFIX = "tradingbot"


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> GaugeMetricFamily:
    """Begin a gauge about a bot; ``bot`` is always its first label."""
    return GaugeMetricFamily(f"{BOT_PREFIX}_{name}", text, labels=["bot", *labels])


def counter(name: str, text: str, labels: Sequence[str] = ()) -> CounterMetricFamily:
    """Begin a counter about a bot; the exposition adds ``_total``."""
    return CounterMetricFamily(f"{BOT_PREFIX}_{name}", text, labels=["bot", *labels])


def histogram(name: str, text: str, labels: Sequence[str] = ()) -> HistogramMetricFamily:
    """Begin a histogram about a bot."""
    return HistogramMetricFamily(f"{BOT_PREFIX}_{name}", text, labels=["bot", *labels])


def add_latencies(
    family: HistogramMetricFamily, bot: str, latencies: Mapping[str, Latency]
) -> None:
    """Add one histogram per endpoint."""
    for endpoint, latency in latencies.items():
        total, buckets = 0, []
        for bound, count in zip((*LATENCY_BUCKETS, "+Inf"), latency.counts, strict=True):
            total += count
            buckets.append((str(bound), float(total)))
        family.add_metric([bot, endpoint], buckets=buckets, sum_value=latency.seconds)
