"""Thread-safe memories of what was asked: last value, health, durations."""

import bisect
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.errors import Reason, SourceError
from exporter.snapshot import ENDPOINTS, LATENCY_BUCKETS, Attempt, Health, Latency
from exporter.sources.exchange import Request

_SUCCESSES_KEPT = 5
_FAILURES_KEPT = 20

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Moment:
    """One moment: Unix time for stamps, and a monotonic clock's for durations."""

    wall: float
    monotonic: float


class Observation(Generic[T]):
    """The last success of one source, forgotten once it is too old.

    Args:
        name: for logs; empty for a part of another source, which logs for it.
        stale_seconds: age at which the value no longer counts.
        wall: Unix time, for timestamps only.
        monotonic: what ages are measured by, so clock steps do not matter.
    """

    def __init__(
        self,
        name: str,
        stale_seconds: float,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._stale_seconds = stale_seconds
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._value: T | None = None
        self._value_at = 0.0
        self._failed = True
        self._problem = SourceError(Reason.STALE, "not asked yet")
        self._last_attempt: float | None = None
        self._last_success: float | None = None
        self._failures: Counter[Reason] = Counter()
        self._good: deque[Attempt] = deque(maxlen=_SUCCESSES_KEPT)
        self._bad: deque[Attempt] = deque(maxlen=_FAILURES_KEPT)

    def now(self) -> Moment:
        """Return this moment, for an attempt that begins before ``ask`` is called."""
        return Moment(self._wall(), self._monotonic())

    def ask(self, read: Callable[[], T], *, since: Moment | None = None) -> T | None:
        """Ask once; remember the value or the failure, and log a change between them.

        Args:
            read: asks.
            since: when the attempt began, if ``read`` only sums up what was asked before.
        """
        began = since or self.now()
        attempted, started = began.wall, began.monotonic
        try:
            value = read()
        except SourceError as error:
            self._fail(attempted, self._monotonic() - started, error)
            return None
        except Exception as error:  # noqa: BLE001 - one broken source must not end its thread
            _log.exception("source %s broke", self._name)
            problem = SourceError(Reason.INTERNAL, type(error).__name__)
            self._fail(attempted, self._monotonic() - started, problem)
            return None
        with self._lock:
            recovered = self._failed and self._last_attempt is not None
            self._value, self._value_at = value, self._monotonic()
            self._failed = False
            self._last_attempt, self._last_success = attempted, self._wall()
            self._good.append(Attempt(attempted, self._value_at - started, ok=True, detail=""))
        if recovered and self._name:
            _log.info("source %s answers again", self._name)
        return value

    def fresh(self) -> T | None:
        """Return the last value while it is young enough to be believed."""
        with self._lock:
            return None if self._is_stale() else self._value

    def current(self) -> T | None:
        """Return the last value only if the last attempt succeeded, too."""
        with self._lock:
            return None if self._failed or self._is_stale() else self._value

    def health(self) -> Health:
        """Return how asking has gone."""
        with self._lock:
            return Health(
                up=not self._failed and not self._is_stale(),
                last_attempt=self._last_attempt,
                last_success=self._last_success,
                failures=dict(self._failures),
                detail=str(self._problem) if self._failed else "",
                attempts=self._attempts(),
            )

    def problem(self) -> SourceError | None:
        """Return why the last attempt failed; None if it did not."""
        with self._lock:
            return self._problem.bare() if self._failed else None

    def _attempts(self) -> tuple[Attempt, ...]:
        """Merge both lists; at every scrape for every source, so not without a failure."""
        if not self._bad:
            return tuple(self._good)
        return tuple(sorted((*self._good, *self._bad), key=lambda one: one.time))

    def _is_stale(self) -> bool:
        return self._monotonic() - self._value_at > self._stale_seconds

    def _fail(self, attempted: float, seconds: float, error: SourceError) -> None:
        with self._lock:
            first = not self._failed or self._last_attempt is None
            news = first or str(self._problem) != str(error)
            self._failed, self._problem = True, error.bare()
            self._last_attempt = attempted
            self._failures[error.reason] += 1
            self._bad.append(Attempt(attempted, seconds, ok=False, detail=str(error)))
        if news and self._name:
            _log.warning("source %s failed: %s", self._name, error)


class Requests:
    """Durations and failures of the exchange requests of one bot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = {endpoint: [0] * (len(LATENCY_BUCKETS) + 1) for endpoint in ENDPOINTS}
        self._seconds = dict.fromkeys(ENDPOINTS, 0.0)
        self._failures: Counter[tuple[str, Reason]] = Counter()

    def observe(self, request: Request) -> None:
        """Count one finished request; only successes say how fast the exchange is."""
        with self._lock:
            if request.reason is not None:
                self._failures[request.endpoint, request.reason] += 1
                return
            bucket = bisect.bisect_left(LATENCY_BUCKETS, request.seconds)
            self._counts[request.endpoint][bucket] += 1
            self._seconds[request.endpoint] += request.seconds

    def latency(self) -> dict[str, Latency]:
        """Return the durations by endpoint."""
        with self._lock:
            return {
                endpoint: Latency(tuple(counts), self._seconds[endpoint])
                for endpoint, counts in self._counts.items()
            }

    def failures(self) -> dict[tuple[str, Reason], int]:
        """Return the failures by endpoint and reason."""
        with self._lock:
            return dict(self._failures)
