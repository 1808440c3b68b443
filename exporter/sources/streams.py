"""A listener on public market data, to learn how old the last message of each stream is.

An open socket proves nothing: only data counts. One connection carries all symbols. It is made
anew when it ends (the exchange ends each after a day), when it brings no data, and when the
exchange announces that it will end it; after failures with growing pauses.
"""

import contextlib
import logging
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosedOK, WebSocketException
from websockets.sync.client import ClientConnection, connect

from exporter.errors import Reason, SourceError
from exporter.readings import StreamReading
from exporter.sources.connection import tls_context
from exporter.sources.exchange.stream_addresses import StreamAddress
from exporter.sources.network import ProxySettings
from exporter.sources.streams_failures import failure_of, silence_of
from exporter.sources.streams_messages import Kind, read_event

_MESSAGE_LIMIT = 256 * 1024
_WAKE_SECONDS = 0.5
_CLOSE_SECONDS = 0.3
_STOP_SECONDS = 0.9
_PING_SECONDS = 20.0
_FIRST_PAUSE_SECONDS = 0.25
# The exchange allows 300 connections in five minutes.
_LEAST_LONGEST_PAUSE_SECONDS = 1.0
_STEADY_SECONDS = 30.0
# One server of many is replaced every day: a single failed return is no sign of more.
_RETURNS = 2
_FAULTS = (Kind.REFUSAL, Kind.NONSENSE)
_MOST_NONSENSE = 100
# What the library has to say is in its exceptions, too; here it would be tracebacks.
_unheard = logging.getLogger(f"{__name__}.library")
_unheard.setLevel(logging.CRITICAL + 1)


class StreamProbe:
    """Listens in a thread of its own. Thread-safe.

    Args:
        address: where, and to which streams.
        timeout: seconds to open the connection in.
        longest_pause: seconds between attempts, after many failures.
        silence: seconds without any data after which the connection is made anew.
        read_proxy: reads the bot's proxy settings; they may change while we run.
        context: how certificates are verified; by default as for all our other requests.
        rng: spreads the pauses, so that many probes do not come back at the same moment.
        wall: Unix time of a message.
        monotonic: what durations are measured by.
    """

    def __init__(
        self,
        address: StreamAddress,
        *,
        timeout: float,
        longest_pause: float = 15.0,
        silence: float = 30.0,
        read_proxy: Callable[[], ProxySettings | None] = lambda: None,
        context: ssl.SSLContext | None = None,
        rng: random.Random | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._timeout = timeout
        self._longest_pause = max(longest_pause, _LEAST_LONGEST_PAUSE_SECONDS)
        self._silence = silence
        self._read_proxy = read_proxy
        self._context = context
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._wall = wall
        self._monotonic = monotonic
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._connections = 0
        self._connected = False
        self._closing = False
        self._detail = "not connected yet"
        self._problem: SourceError | None = None
        self._connected_at = monotonic()
        self._failures: Counter[Reason] = Counter()
        self._failed_returns = 0
        self._quiet = 0.0
        self._flowing = threading.Event()
        self._brought_data = False

    def start(self) -> None:
        """Begin to listen."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the connection. A thread that is still opening one ends when that is over."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def readings(self) -> tuple[StreamReading, ...]:
        """Return what is known of each stream now."""
        with self._lock:
            return tuple(
                StreamReading(
                    stream=stream,
                    last_message=self._last.get(stream),
                    connected=self._connected,
                    reconnects=max(0, self._connections - 1),
                    closing=self._closing,
                    detail=self._detail,
                    failures=dict(self._failures),
                )
                for stream in self._address.symbols
            )

    def problem(self) -> SourceError | None:
        """Return why data does not flow; None while it does, or is not overdue.

        A stream's age is not judged here, only that each has begun.
        """
        with self._lock:
            if self._problem is not None:
                return self._problem.bare()
            if not self._connected:
                return None
            mute = [stream for stream in self._address.symbols if stream not in self._last]
            overdue = self._monotonic() - self._connected_at > self._silence
        if mute and overdue:
            return SourceError(Reason.TIMEOUT, f"no message of {', '.join(mute[:5])} yet")
        return None

    def is_lost(self) -> bool:
        """Return whether, after an announced end, attempts to come back have failed."""
        with self._lock:
            return self._closing and self._failed_returns >= _RETURNS

    def wait_for_data(self, seconds: float) -> None:
        """Wait until data flows, but not longer: a connection that is just made anew may."""
        self._flowing.wait(seconds)

    def _run(self) -> None:
        failed = 0
        while not self._stopped.is_set():
            started = self._monotonic()
            self._session()
            # One that lasted and was of use is a beginning anew; any other would be a storm.
            lasted = self._monotonic() - started >= _STEADY_SECONDS
            steady = lasted and self._brought_data
            failed = 0 if steady else failed + 1
            longest = min(self._longest_pause, _FIRST_PAUSE_SECONDS * 2 ** min(failed, 16))
            self._stopped.wait(max(self._quiet, self._rng.uniform(longest / 2, longest)))

    def _session(self) -> None:
        """Connect, listen until something ends it, and remember what did."""
        proxied, self._quiet = False, 0.0
        try:
            proxy = self._proxy_url()
            proxied = proxy is not None
            with connect(self._address.url, **self._options(proxy)) as connection:
                self._note_connected()
                self._listen(connection)
        except ConnectionClosedOK as error:
            self._note_end(f"the exchange has ended the stream: {error}")
        except (SourceError, WebSocketException, OSError, EOFError, ValueError) as error:
            self._quiet = silence_of(error)
            failure = failure_of(error, proxied=proxied)
            self._note_end(failure.detail, failure)
        else:
            self._note_end("connecting anew")

    def _listen(self, connection: ClientConnection) -> None:
        newest = self._monotonic()
        nonsense = 0
        while not self._stopped.is_set():
            kind: Kind | None = None
            with contextlib.suppress(TimeoutError):
                kind = self._take(connection.recv(timeout=_WAKE_SECONDS))
            if kind is Kind.SHUTDOWN:
                return
            if kind is Kind.DATA:
                newest, nonsense = self._monotonic(), 0
                continue
            nonsense += kind in _FAULTS
            if nonsense > _MOST_NONSENSE:
                raise SourceError(Reason.BAD_RESPONSE, "nothing but messages that are no events")
            if self._monotonic() - newest > self._silence:
                detail = f"no data for {self._silence:.0f} s on an open connection"
                raise SourceError(Reason.TIMEOUT, detail)

    def _take(self, message: str | bytes) -> Kind:
        event = read_event(message, self._address.symbols)
        with self._lock:
            if event.kind is Kind.DATA:
                self._last[event.stream] = self._wall()
                self._closing, self._detail, self._problem = False, "", None
                self._brought_data = True
                self._flowing.set()
            elif event.kind is Kind.SHUTDOWN:
                self._closing, self._detail, self._failed_returns = True, event.detail, 0
            elif event.kind in _FAULTS:
                refused = event.kind is Kind.REFUSAL
                self._failures[Reason.REJECTED if refused else Reason.BAD_RESPONSE] += 1
                self._detail = event.detail
        return event.kind

    def _note_connected(self) -> None:
        with self._lock:
            self._connected = True
            self._brought_data = False
            self._connections += 1
            self._connected_at = self._monotonic()
            if not self._closing:
                self._detail = "connected; no data yet"

    def _note_end(self, detail: str, failure: SourceError | None = None) -> None:
        self._flowing.clear()
        with self._lock:
            self._connected = False
            if not self._closing or failure is not None:
                self._detail = detail
            if failure is not None:
                self._failures[failure.reason] += 1
                self._problem = failure.bare()
                self._failed_returns += 1

    def _proxy_url(self) -> str | None:
        settings = self._read_proxy()
        return None if settings is None else settings.for_host(urlsplit(self._address.url).netloc)

    def _options(self, proxy: str | None) -> dict[str, Any]:
        options: dict[str, Any] = {
            "proxy": proxy,
            "compression": None,
            "logger": _unheard,
            "user_agent_header": "tradewarden-exporter",
            "open_timeout": self._timeout,
            "ping_interval": _PING_SECONDS,
            "ping_timeout": _PING_SECONDS,
            "close_timeout": _CLOSE_SECONDS,
            "max_size": _MESSAGE_LIMIT,
        }
        context = self._context or tls_context()
        if self._address.url.startswith("wss:"):
            options["ssl"] = context
        if proxy is not None and proxy.startswith("https:"):
            options["proxy_ssl"] = context
        return options
