"""How the doctor ends early: first what it has started ends, then itself."""

import contextlib
import threading
from collections.abc import Iterator


class Ending:
    """Tells those who have started something to end it, and waits until they have."""

    def __init__(self) -> None:
        self.asked_for = threading.Event()
        self._condition = threading.Condition()
        self._busy = 0

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Be waited for meanwhile; whoever uses this watches ``asked_for``."""
        with self._condition:
            self._busy += 1
        try:
            yield
        finally:
            with self._condition:
                self._busy -= 1
                self._condition.notify_all()

    def now(self, seconds: float) -> bool:
        """Ask for the end; return whether everybody was done in that time."""
        self.asked_for.set()
        with self._condition:
            return self._condition.wait_for(lambda: not self._busy, seconds)
