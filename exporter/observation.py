"""Thread-safe memories of what was asked: last value, health, durations."""

import bisect
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from exporter.errors import Reason, SourceError
from exporter.snapshot import ENDPOINTS, LATENCY_BUCKETS, Health, Latency
from exporter.sources.exchange import Request

_log = logging.getLogger(__name__)

T = TypeVar("T")


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

    def ask(self, read: Callable[[], T]) -> T | None:
        """Ask once; remember the value or the failure, and log a change between them."""
        attempted = self._wall()
        try:
            value = read()
        except SourceError as error:
            self._fail(attempted, error)
            return None
        except Exception as error:  # noqa: BLE001 - one broken source must not end its thread
            _log.exception("source %s broke", self._name)
            self._fail(attempted, SourceError(Reason.INTERNAL, type(error).__name__))
            return None
        with self._lock:
            recovered = self._failed and self._last_attempt is not None
            self._value, self._value_at = value, self._monotonic()
            self._failed = False
            self._last_attempt, self._last_success = attempted, self._wall()
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
            )

    def problem(self) -> SourceError | None:
        """Return why the last attempt failed; None if it did not."""
        with self._lock:
            return self._problem if self._failed else None

    def _is_stale(self) -> bool:
        return self._monotonic() - self._value_at > self._stale_seconds

    def _fail(self, attempted: float, error: SourceError) -> None:
        with self._lock:
            first = not self._failed or self._last_attempt is None
            news = first or str(self._problem) != str(error)
            self._failed, self._problem = True, error
            self._last_attempt = attempted
            self._failures[error.reason] += 1
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
