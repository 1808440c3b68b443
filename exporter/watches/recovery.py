"""When to ask again at once what has failed: the venue is back, and that is not so every minute."""

from collections.abc import Callable

from exporter.watches.timing import Timing


class Recovery:
    """Wakes one watch after its venue has come back.

    A way that is up and down every few seconds would otherwise use up the share of the limit: so
    only one return in each interval of the watch counts.

    Args:
        seconds: the watch's own interval.
        timing: the clocks to go by.
    """

    def __init__(self, seconds: float, timing: Timing) -> None:
        self.wake: Callable[[], object] = lambda: None
        self._seconds = seconds
        self._monotonic = timing.monotonic
        self._began = float("-inf")
        self._since = self._counted_at = float("-inf")

    def begin(self) -> None:
        """Be told that the watch asks now."""
        self._began = self._monotonic()

    def is_due(self, since: float) -> bool:
        """Whether what failed last is to be asked again, as the venue answers since then.

        Said each time until the watch has begun to ask: while a round that began before that is
        under way, waking it does nothing.
        """
        if self._began >= since:
            return False
        now = self._monotonic()
        if since != self._since:
            if now - self._counted_at < self._seconds:
                return False
            self._since, self._counted_at = since, now
        return True
