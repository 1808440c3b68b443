"""Readings in, metric families out: no I/O, no clock, no state.

``COLLECTORS`` is the whole registry. A new one is a file and a line here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import Metric

from exporter.collectors import (
    account,
    clock_drift,
    exchange,
    kill_switch,
    process_crash,
    sources,
)
from exporter.snapshot import Snapshot


@dataclass(frozen=True)
class Collector:
    """A named function from one snapshot to metric families."""

    name: str
    collect: Callable[[Snapshot], Iterable[Metric]]


COLLECTORS: tuple[Collector, ...] = (
    Collector("sources", sources.collect),
    Collector("exchange", exchange.collect),
    Collector("account", account.collect),
    Collector("clock_drift", clock_drift.collect),
    Collector("kill_switch", kill_switch.collect),
    Collector("process_crash", process_crash.collect),
)
