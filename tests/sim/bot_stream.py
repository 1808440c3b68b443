"""The simulated bot's market data: one public stream, its loss and its silence logged."""

import contextlib
import json
import logging
import threading
import time

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

_POLL_SECONDS = 0.5
_STALE_SECONDS = 3.0
_PAUSE_SECONDS = 0.5


class MarketData:
    """Listen in a thread; ``last_message`` is the Unix time of the newest message."""

    def __init__(self, url: str, symbol: str, log: logging.Logger) -> None:
        self.stream = f"{symbol.lower()}@bookTicker"
        self.last_message: float | None = None
        self._url = f"{url}/ws/{self.stream}"
        self._log = log
        self._stop = threading.Event()
        self._heard = time.monotonic()
        self._stale = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(self._url, open_timeout=2, close_timeout=1) as socket:
                    self._log.info("WebSocket connected: %s", self.stream)
                    while not self._stop.is_set():
                        self._look_at_age()
                        with contextlib.suppress(TimeoutError):
                            self._take(json.loads(socket.recv(timeout=_POLL_SECONDS)))
            except (OSError, ValueError, WebSocketException) as error:
                self._log.warning("WebSocket disconnected: %s: %s", self.stream, error)
                self._look_at_age()
                self._stop.wait(_PAUSE_SECONDS)

    def _take(self, event: dict[str, object]) -> None:
        if event.get("e") == "serverShutdown":
            self._log.warning("Exchange announces shutdown: %s", self.stream)
            return
        self.last_message, self._heard = time.time(), time.monotonic()
        if self._stale:
            self._log.info("Market data flows again: %s", self.stream)
            self._stale = False

    def _look_at_age(self) -> None:
        age = time.monotonic() - self._heard
        if age > _STALE_SECONDS and not self._stale:
            self._log.warning("Stale market data: %s, %.1f s old", self.stream, age)
            self._stale = True
