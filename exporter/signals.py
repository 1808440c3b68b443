"""Signals as a queue that the main thread waits at."""

import os
import select
import signal


class Signals:
    """Receives some signals from now on, in the main thread.

    A handler that sets an event or fills a queue can come too late: what arrives after the
    main thread has let the interpreter go, and before it sleeps, wakes it only when the next
    one does. The interpreter's wakeup descriptor has no such gap (Python's library reference,
    ``signal.set_wakeup_fd``), and no child inherits anything, as it would a blocked signal.

    Args:
        numbers: which ones; all others keep their effect.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        # The first of a thousand unread ones will do.
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float | None = None) -> signal.Signals | None:
        """Return the next one, in order of arrival; None if that much time passes before."""
        readable, _, _ = select.select([self._read], [], [], seconds)
        return signal.Signals(os.read(self._read, 1)[0]) if readable else None
