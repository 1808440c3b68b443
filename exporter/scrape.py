"""Run the collectors for one scrape: timed, isolated, within the deadline."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.collectors import COLLECTORS, Collector
from exporter.snapshot import Snapshot

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_OFFSET_SECONDS = 0.5  # left for rendering and the way back
_DEFAULT_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    """What one collector returned, and how it went."""

    name: str
    families: tuple[Metric, ...]
    success: bool
    seconds: float


def deadline_seconds(header: str | None) -> float:
    """Return how long a scrape may take, from Prometheus' own header."""
    try:
        seconds = float(header) if header else _DEFAULT_SECONDS
    except ValueError:
        seconds = _DEFAULT_SECONDS
    if not 0 < seconds <= 3600:  # false for NaN, too
        seconds = _DEFAULT_SECONDS
    return max(seconds - _OFFSET_SECONDS, seconds / 2)


class Scraper:
    """Runs the registered collectors; one that fails or hangs costs only its own metrics.

    Args:
        collectors: the registry.
        clock: what durations are measured by.
    """

    def __init__(
        self,
        collectors: Sequence[Collector] = COLLECTORS,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._collectors = tuple(collectors)
        self._clock = clock
        self._hanging: dict[str, threading.Thread] = {}

    def scrape(self, snapshot: Snapshot, seconds: float) -> tuple[Metric, ...]:
        """Return all families, the collectors' own success and duration last."""
        deadline = self._clock() + seconds
        outcomes = [self._run(collector, snapshot, deadline) for collector in self._collectors]
        families = [family for outcome in outcomes for family in outcome.families]
        return (*families, *_own_metrics(outcomes))

    def _run(self, collector: Collector, snapshot: Snapshot, deadline: float) -> _Outcome:
        started = self._clock()
        families: list[Metric] = []
        errors: list[Exception] = []

        def work() -> None:
            try:
                families.extend(collector.collect(snapshot))
            except Exception as error:  # noqa: BLE001 - isolation is the point
                errors.append(error)

        hanging = self._hanging.get(collector.name)
        if hanging is not None and hanging.is_alive():
            return _Outcome(collector.name, (), success=False, seconds=0.0)
        thread = threading.Thread(target=work, name=f"collect-{collector.name}", daemon=True)
        thread.start()
        thread.join(max(0.0, deadline - started))
        seconds = self._clock() - started
        if thread.is_alive():
            self._hanging[collector.name] = thread
            _log.error("collector %s did not end within the scrape's deadline", collector.name)
            return _Outcome(collector.name, (), success=False, seconds=seconds)
        if errors:
            _log.error("collector %s failed", collector.name, exc_info=errors[0])
            return _Outcome(collector.name, (), success=False, seconds=seconds)
        return _Outcome(collector.name, tuple(families), success=True, seconds=seconds)


def _own_metrics(outcomes: Iterable[_Outcome]) -> tuple[Metric, Metric]:
    success = GaugeMetricFamily(
        "tradewarden_exporter_collector_success",
        "1 if this group of metrics could be produced in the current scrape.",
        labels=["collector"],
    )
    duration = GaugeMetricFamily(
        "tradewarden_exporter_collector_duration_seconds",
        "How long producing this group of metrics took in the current scrape.",
        labels=["collector"],
    )
    for outcome in outcomes:
        success.add_metric([outcome.name], float(outcome.success))
        duration.add_metric([outcome.name], outcome.seconds)
    return success, duration
