"""Run the collectors for one scrape: timed, isolated, within the deadline."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from prometheus_client.core import Metric

from exporter.collectors import COLLECTORS, Collector
from exporter.collectors.families import Family, Kind
from exporter.daemon_pool import DaemonPool
from exporter.snapshot import Snapshot

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
OFFSET_SECONDS = 0.5  # left for rendering and the way back
_DEFAULT_SECONDS = 10.0
# What one collector may take of the time left, so that those after it get their turn.
_SHARE = 0.5

SUCCESS = Family(
    "tradewarden_exporter_collector_success",
    Kind.GAUGE,
    "1 if this group of metrics could be produced in the current scrape.",
    ("collector",),
    "exporter",
)
DURATION = Family(
    "tradewarden_exporter_collector_duration_seconds",
    Kind.GAUGE,
    "How long producing this group of metrics took in the current scrape.",
    ("collector",),
    "exporter",
)
FAMILIES = (SUCCESS, DURATION)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    """What one collector returned, and how it went."""

    name: str
    families: tuple[Metric, ...]
    success: bool
    seconds: float


def deadline_seconds(header: str | None, offset: float = OFFSET_SECONDS) -> float:
    """Return how long a scrape may take, from Prometheus' own header less ``offset``."""
    try:
        seconds = float(header) if header else _DEFAULT_SECONDS
    except ValueError:
        seconds = _DEFAULT_SECONDS
    if not 0 < seconds <= 3600:  # false for NaN, too
        seconds = _DEFAULT_SECONDS
    return max(seconds - offset, seconds / 2)


class Scraper:
    """Runs the registered collectors; one that fails or hangs costs only its own metrics.

    They run one after the other in a single guarded thread: they do no I/O, so a thread for
    each would cost more than most of them do.

    Args:
        collectors: the registry, or what is enabled of it.
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
        self._pool = DaemonPool("collect")
        self._hanging: dict[str, Future[None]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What ``collect[]`` and ``exclude[]`` may name."""
        return tuple(collector.name for collector in self._collectors)

    def scrape(
        self, snapshot: Snapshot, seconds: float, names: Collection[str] | None = None
    ) -> tuple[Metric, ...]:
        """Return all families, the collectors' own success and duration last.

        Args:
            snapshot: what to make metrics of.
            seconds: from now to the deadline.
            names: only these collectors.
        """
        deadline = self._clock() + seconds
        wanted = [c for c in self._collectors if names is None or c.name in names]
        outcomes = self._run(wanted, snapshot, deadline)
        families = [family for outcome in outcomes for family in outcome.families]
        return (*families, *_own_metrics(outcomes))

    def _run(
        self, wanted: Sequence[Collector], snapshot: Snapshot, deadline: float
    ) -> list[_Outcome]:
        outcomes = {c.name: _failed(c) for c in wanted if self._hangs(c)}
        rest = [c for c in wanted if c.name not in outcomes]
        while rest:
            batch = _Batch(rest, snapshot, self._clock)
            future = self._pool.submit(batch.run)
            patience = max(0.0, (deadline - self._clock()) * _SHARE)
            with contextlib.suppress(TimeoutError):
                future.result(patience)
            finished = batch.abandon()
            outcomes.update((outcome.name, outcome) for outcome in finished)
            rest = rest[len(finished) :]
            if rest:
                stuck = rest.pop(0)
                self._hanging[stuck.name] = future
                outcomes[stuck.name] = _failed(stuck, patience)
                _log.error("collector %s did not end within the scrape's deadline", stuck.name)
        return [outcomes[collector.name] for collector in wanted]

    def _hangs(self, collector: Collector) -> bool:
        """Whether an earlier scrape still waits for it, so that its threads do not pile up."""
        future = self._hanging.get(collector.name)
        return future is not None and not future.done()


class _Batch:
    """Collectors that are run in order until somebody gives up waiting."""

    def __init__(
        self, collectors: Sequence[Collector], snapshot: Snapshot, clock: Callable[[], float]
    ) -> None:
        self._collectors = collectors
        self._snapshot = snapshot
        self._clock = clock
        self._lock = threading.Lock()
        self._abandoned = False
        self._outcomes: list[_Outcome] = []

    def run(self) -> None:
        """Run what there is; one that raises costs only its own metrics."""
        for collector in self._collectors:
            started = self._clock()
            try:
                families, success = tuple(collector.collect(self._snapshot)), True
            except Exception:  # noqa: BLE001 - isolation is the point
                _log.exception("collector %s failed", collector.name)
                families, success = (), False
            seconds = self._clock() - started
            with self._lock:
                if self._abandoned:
                    return
                self._outcomes.append(_Outcome(collector.name, families, success, seconds))

    def abandon(self) -> Sequence[_Outcome]:
        """Wait no longer; return what has ended until now, in order."""
        with self._lock:
            self._abandoned = True
            return self._outcomes


def _failed(collector: Collector, seconds: float = 0.0) -> _Outcome:
    return _Outcome(collector.name, (), success=False, seconds=seconds)


def _own_metrics(outcomes: Iterable[_Outcome]) -> tuple[Metric, Metric]:
    success, duration = SUCCESS.gauge(), DURATION.gauge()
    for outcome in outcomes:
        success.add_metric([outcome.name], float(outcome.success))
        duration.add_metric([outcome.name], outcome.seconds)
    return success, duration
