"""One line on a terminal that says what takes so long."""

import shutil
import time
from collections.abc import Callable, Sequence
from typing import TextIO

_PATIENCE_SECONDS = 1.0
_MOST = 3
_CLEAR = "\r\x1b[K"


class Progress:
    """Rewrites one line while checks are under way; silent where nobody watches.

    Args:
        stream: where to; only a terminal is written to.
        monotonic: what waiting is measured by.
    """

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._began: float | None = None
        self._shown = ""

    def show(self, waiting: Sequence[str]) -> None:
        """Say what is waited for, and how long already, once that takes more than a moment."""
        if not self._stream.isatty():
            return
        now = self._monotonic()
        self._began = now if self._began is None else self._began
        if (seconds := now - self._began) >= _PATIENCE_SECONDS:
            left = len(waiting) - _MOST
            names = ", ".join(waiting[:_MOST]) + (f" and {left} more" if left > 0 else "")
            line = f"{seconds:.0f} s: checking {names}"[: shutil.get_terminal_size().columns - 1]
            if line != self._shown:
                self._shown = line  # before it is: whoever interrupts must still clear it
                self._write(f"{_CLEAR}{line}")

    def clear(self) -> None:
        """Take the line away, since something else is about to be written."""
        if self._shown:
            self._write(_CLEAR)
        self._shown, self._began = "", None

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
