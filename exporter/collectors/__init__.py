"""Readings in, metric families out: no I/O, no clock, no state.

``COLLECTORS`` is the whole registry. A new one is a file and a line here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import Metric

from exporter.collectors import (
    api_key,
    clock_drift,
    data_corruption,
    exchange_maintenance,
    kill_switch,
    logs,
    memory_exhaustion,
    network_disconnection,
    partial_fills,
    position_mismatch,
    process_crash,
    sources,
)
from exporter.collectors.families import Family
from exporter.snapshot import Snapshot


@dataclass(frozen=True)
class Collector:
    """A named function from one snapshot to metric families, and what it declares."""

    name: str
    collect: Callable[[Snapshot], Iterable[Metric]]
    families: tuple[Family, ...]


COLLECTORS: tuple[Collector, ...] = (
    Collector("sources", sources.collect, sources.FAMILIES),
    Collector("logs", logs.collect, logs.FAMILIES),
    Collector(
        "network_disconnection", network_disconnection.collect, network_disconnection.FAMILIES
    ),
    Collector("clock_drift", clock_drift.collect, clock_drift.FAMILIES),
    Collector("kill_switch", kill_switch.collect, kill_switch.FAMILIES),
    Collector("partial_fills", partial_fills.collect, partial_fills.FAMILIES),
    Collector("exchange_maintenance", exchange_maintenance.collect, exchange_maintenance.FAMILIES),
    Collector("process_crash", process_crash.collect, process_crash.FAMILIES),
    Collector("data_corruption", data_corruption.collect, data_corruption.FAMILIES),
    Collector("api_key", api_key.collect, api_key.FAMILIES),
    Collector("position_mismatch", position_mismatch.collect, position_mismatch.FAMILIES),
    Collector("memory_exhaustion", memory_exhaustion.collect, memory_exhaustion.FAMILIES),
)
