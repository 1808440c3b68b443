"""Metric families as data: what a name means is declared once, in the file that fills it.

Each collector lists its families in ``FAMILIES``; the reference page is made from them.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from exporter.snapshot import LATENCY_BUCKETS, Latency

BOT_PREFIX = "tradingbot"
HOST_PREFIX = "tradewarden_exporter_host"


class Kind(enum.StrEnum):
    """A metric type of Prometheus."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Family:
    """One metric: full name (without ``_total``), type, help, labels, and where it comes from.

    ``source`` is the label value of ``tradingbot_source_up`` to look at when it is missing, or
    ``configuration``.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...]
    source: str

    @property
    def sample_name(self) -> str:
        """The name as it is queried."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    def gauge(self) -> GaugeMetricFamily:
        """Begin an empty gauge."""
        return GaugeMetricFamily(self.name, self.text, labels=self.labels)

    def counter(self) -> CounterMetricFamily:
        """Begin an empty counter; the exposition adds ``_total``."""
        return CounterMetricFamily(self.name, self.text, labels=self.labels)

    def histogram(self) -> HistogramMetricFamily:
        """Begin an empty histogram."""
        return HistogramMetricFamily(self.name, self.text, labels=self.labels)


def bot_gauge(name: str, text: str, *labels: str, source: str) -> Family:
    """Declare a gauge about a bot; ``bot`` is always its first label."""
    return Family(f"{BOT_PREFIX}_{name}", Kind.GAUGE, text, ("bot", *labels), source)


def bot_counter(name: str, text: str, *labels: str, source: str) -> Family:
    """Declare a counter about a bot."""
    return Family(f"{BOT_PREFIX}_{name}", Kind.COUNTER, text, ("bot", *labels), source)


def bot_histogram(name: str, text: str, *labels: str, source: str) -> Family:
    """Declare a histogram about a bot."""
    return Family(f"{BOT_PREFIX}_{name}", Kind.HISTOGRAM, text, ("bot", *labels), source)


def host_gauge(name: str, text: str, *labels: str, source: str = "host") -> Family:
    """Declare a gauge about the host, without a bot."""
    return Family(f"{HOST_PREFIX}_{name}", Kind.GAUGE, text, labels, source)


def host_counter(name: str, text: str, *labels: str, source: str = "host") -> Family:
    """Declare a counter about the host, without a bot."""
    return Family(f"{HOST_PREFIX}_{name}", Kind.COUNTER, text, labels, source)


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
