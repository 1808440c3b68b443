"""The application on a socket: bounded, and with an orderly end."""

import threading
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from exporter.errors import TradewardenError
from remediation.timing import boottime

_THREADS = 8
_CONNECTIONS = 200
_IDLE_SECONDS = 30
_HEADER_LIMIT = 64 * 1024
# Above the application's own limit, so that it is the application which refuses,
# counts and asks Alertmanager for what it could not take.
_BODY_LIMIT = 16 << 20
_LOOP_SECONDS = 0.1


class ListenError(TradewardenError):
    """The address cannot be listened on."""


class Listener:
    """Serves an application until it is stopped.

    Args:
        app: what answers.
        listen: ``host:port``; port 0 picks a free one.

    Raises:
        ListenError: in use, not allowed, or no address.
    """

    def __init__(self, app: Callable[..., Any], listen: str) -> None:
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._drain_seconds = 0.0
        host, _, port = listen.rpartition(":")
        # waitress would take a bare host for port 8080, and getaddrinfo any port modulo 65536.
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ListenError(f"cannot listen on {listen}: not host:port")
        try:
            self._server = create_server(
                app,
                map=self._map,
                listen=listen,
                threads=_THREADS,
                connection_limit=_CONNECTIONS,
                channel_timeout=_IDLE_SECONDS,
                cleanup_interval=_IDLE_SECONDS // 3,
                max_request_body_size=_BODY_LIMIT,
                max_request_header_size=_HEADER_LIMIT,
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=True,
                ident="tradewarden",
            )
        except OSError as error:
            self._close_all()
            raise ListenError(f"cannot listen on {listen}: {error.strerror or error}") from error
        except ValueError as error:
            raise ListenError(f"cannot listen on {listen}: not host:port") from error
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def address(self) -> str:
        """The address really listened on, as a URL."""
        listening = getattr(self._server, "effective_listen", None)
        host, port = (
            listening[0]
            if listening
            else (self._server.effective_host, self._server.effective_port)
        )
        return f"http://{f'[{host}]' if ':' in str(host) else host}:{port}"

    @property
    def alive(self) -> bool:
        """Whether requests are being answered."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Answer requests in the background."""
        self._thread.start()

    def stop(self, drain_seconds: float) -> None:
        """Take no more connections, let requests at hand end, then close."""
        self._drain_seconds = drain_seconds
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(drain_seconds + 10.0)
        else:
            self._close_all()

    def _run(self) -> None:
        # waitress' own loop has no way out from another thread.
        while not self._stopping.is_set():
            self._turn()
        for server in self._open(BaseWSGIServer):
            wasyncore.dispatcher.close(server)
        deadline = boottime() + self._drain_seconds
        while self._is_busy() and boottime() < deadline:
            self._turn()
        self._server.task_dispatcher.shutdown(timeout=max(0.1, deadline - boottime()))
        # What the last worker wrote leaves with one more turn.
        self._turn()
        self._close_all()

    def _turn(self) -> None:
        wasyncore.loop(timeout=_LOOP_SECONDS, map=self._map, use_poll=True, count=1)

    def _open(self, kind: type) -> list[Any]:
        return [item for item in list(self._map.values()) if isinstance(item, kind)]

    def _is_busy(self) -> bool:
        channels = [item for item in list(self._map.values()) if hasattr(item, "requests")]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def _close_all(self) -> None:
        wasyncore.close_all(self._map, ignore_all=True)
