"""Metric families as data: what a name means is declared once, in the file that fills it.

Each collector lists its families in ``FAMILIES``; the reference page is made from them.
"""

import enum
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.series import Histograms, Series
from exporter.snapshot import LATENCY_BUCKETS, Latency

BOT_PREFIX = "tradingbot"
HOST_PREFIX = "tradewarden_exporter_host"
_BOUNDS = (*map(str, LATENCY_BUCKETS), "+Inf")


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

    def gauge(self) -> Series:
        """Begin an empty gauge."""
        return Series(self.name, self.text, Kind.GAUGE, self.name, self.labels)

    def counter(self) -> Series:
        """Begin an empty counter; its samples are named ``_total``."""
        return Series(self.name, self.text, Kind.COUNTER, f"{self.name}_total", self.labels)

    def histogram(self) -> Histograms:
        """Begin an empty histogram."""
        return Histograms(self.name, self.text, self.labels)


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


def add_latencies(family: Histograms, bot: str, latencies: Mapping[str, Latency]) -> None:
    """Add one histogram per endpoint."""
    for endpoint, latency in latencies.items():
        buckets = zip(_BOUNDS, itertools.accumulate(latency.counts), strict=True)
        family.add_metric([bot, endpoint], tuple(buckets), latency.seconds)
