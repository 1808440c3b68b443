"""The local clock against a server's, from several timed requests (facts §6)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.errors import Reason, SourceError
from exporter.readings import ClockReading

_MAX_RTT_SECONDS = 1.0
_MAX_STEP_SECONDS = 0.1
_ANCHOR_SECONDS = 300.0
_ANCHOR_SAMPLES = 5
# Asking on cannot help, and would do harm.
_HOPELESS = (Reason.BANNED, Reason.RATE_LIMITED, Reason.BUDGET)


@dataclass(frozen=True)
class _Sample:
    offset: float
    rtt: float
    server: float
    monotonic: float


class ServerClock:
    """What a server says the time is.

    Args:
        host: for people, in readings and errors.
        ask: one request for the server's time, in Unix seconds.
        resolution: seconds; how finely the server tells its time.
        wall: the local clock under test, in Unix seconds.
        monotonic: what durations are measured by.
    """

    def __init__(
        self,
        host: str,
        ask: Callable[[], float],
        *,
        resolution: float,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._host = host
        self._ask = ask
        self._resolution = resolution
        self._wall = wall
        self._monotonic = monotonic
        self._anchor: _Sample | None = None

    def measure(self, samples: int) -> ClockReading:
        """Return local minus server time from the sample with the shortest round trip.

        1. One request opens the connection, so that no handshake skews a midpoint.
        2. Each sample times its round trip by the monotonic clock.
        3. Slow samples, and samples across a step of the wall clock, do not count.

        Raises:
            SourceError: the first request's failure, or no usable majority.
        """
        self._ask()
        good: list[_Sample] = []
        rejected: list[str] = []
        for _ in range(samples):
            try:
                good.append(self._sample())
            except SourceError as error:
                rejected.append(f"{self._host}: {error}")
                if error.reason in _HOPELESS:
                    raise
            if 2 * len(rejected) >= samples:
                break
        if 2 * len(good) <= samples:
            raise SourceError(Reason.TIMEOUT, f"{len(good)} of {samples} samples: {rejected[-1]}")
        best = min(good, key=lambda sample: sample.rtt)
        self._anchor = best
        return ClockReading(
            reference="exchange",
            offset_seconds=best.offset,
            error_bound_seconds=best.rtt / 2 + self._resolution,
            sources=(self._host,),
            rejected=tuple(rejected),
        )

    def now(self) -> float:
        """Return the server's time now: the measured one carried on by the monotonic clock.

        The local wall clock does not come in, so neither drift nor its repair matters.

        Raises:
            SourceError: as ``measure``.
        """
        if self._anchor is None or self._monotonic() - self._anchor.monotonic > _ANCHOR_SECONDS:
            self.measure(_ANCHOR_SAMPLES)
        if self._anchor is None:
            raise SourceError(Reason.STALE, "the exchange's time is not known")
        return self._anchor.server + (self._monotonic() - self._anchor.monotonic)

    def at(self, local: float) -> float:
        """Return the server's time at a moment of the local clock; one of them may be wrong.

        Raises:
            SourceError: as ``measure``.
        """
        return self.now() - (self._wall() - local)

    def forget(self) -> None:
        """Measure anew before the next use: the server has refused what it said."""
        self._anchor = None

    def _sample(self) -> _Sample:
        wall, started = self._wall(), self._monotonic()
        server = self._ask()
        rtt = self._monotonic() - started
        if rtt > _MAX_RTT_SECONDS:
            raise SourceError(
                Reason.TIMEOUT, f"round trip of {rtt:.3f} s is too long to measure by"
            )
        if abs(self._wall() - (wall + rtt)) > _MAX_STEP_SECONDS:
            raise SourceError(Reason.STALE, "the local clock was stepped during the measurement")
        middle = rtt / 2
        return _Sample(wall + middle - server, rtt, server, started + middle)
