"""A thread that repeats one round, on its own schedule or when somebody wants one now."""

import logging
import threading
import time
from collections.abc import Callable

_SHORTEST_PAUSE = 0.05
_RECENT_SECONDS = 0.1

_log = logging.getLogger(__name__)


class Worker(threading.Thread):
    """Repeats a round; a slow round delays only itself.

    Args:
        name: for logs.
        seconds: from the start of one round to the start of the next.
        run: one round.
        close: called once, after the last round, in the worker's own thread.
        monotonic: what tells how long ago a round has ended.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        run: Callable[[], None],
        close: Callable[[], None] | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._seconds = seconds
        self._round = run
        self._close = close
        self._monotonic = monotonic
        self._condition = threading.Condition()
        self._stopped = False
        self._wanted = False
        self._running = False
        self._finished = 0
        self._finished_at = float("-inf")

    @property
    def asked_once(self) -> bool:
        """Whether the first round has ended."""
        with self._condition:
            return self._finished > 0

    def run(self) -> None:
        """Go on until told to stop."""
        while self._begin():
            started = self._monotonic()
            try:
                self._round()
            except Exception:  # noqa: BLE001
                # A dead thread would serve old values for ever.
                _log.exception("worker %s broke", self.name)
            self._end(started)
        # Here, and not by whoever stops us: a request may be in flight until now.
        if self._close is not None:
            try:
                self._close()
            except Exception:  # noqa: BLE001
                _log.exception("worker %s did not close", self.name)

    def want(self) -> int:
        """Ask for a round now and return which one to wait for.

        A round that runs already, or has just ended, serves everyone who asks meanwhile:
        overlapping scrapes share it instead of queueing up behind each other. A worker that was
        stopped makes no more rounds, and there is nothing to wait for.
        """
        with self._condition:
            if self._stopped or self._monotonic() - self._finished_at < _RECENT_SECONDS:
                return self._finished
            if not self._running:
                self._wanted = True
                self._condition.notify_all()
            return self._finished + 1

    def wait(self, number: int, seconds: float) -> bool:
        """Wait until that many rounds have ended; False when it took too long, or never will be."""
        with self._condition:
            self._condition.wait_for(
                # Stopped between rounds: the one that was asked for will not come any more.
                lambda: self._finished >= number or (self._stopped and not self._running),
                max(0.0, seconds),
            )
            return self._finished >= number

    def stop(self) -> None:
        """Start no further round."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def _begin(self) -> bool:
        with self._condition:
            if self._stopped:
                return False
            self._running, self._wanted = True, False
            return True

    def _end(self, started: float) -> None:
        with self._condition:
            self._running = False
            self._finished += 1
            self._finished_at = self._monotonic()
            self._condition.notify_all()
            pause = max(_SHORTEST_PAUSE, self._seconds - (self._finished_at - started))
            self._condition.wait_for(lambda: self._stopped or self._wanted, pause)
