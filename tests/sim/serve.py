"""A small HTTP/1.1 server: bounded requests in, one answer function, clean stop.

Its door can be shut: the port then refuses connections, and nobody else can take it.
"""

import contextlib
import gzip
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BODY_LIMIT = 1024 * 1024
_CONNECTION_LIMIT = 256
_IDLE_SECONDS = 75
_PACK_BYTES = 1000
_Address = Any  # socketserver's own alias for an address


@dataclass(frozen=True)
class Request:
    """What a client sent; header names are lower case, the query is as it was signed.

    ``site`` is which of the simulated hosts it was sent to.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    site: str = ""


@dataclass(frozen=True)
class Response:
    """What to answer. ``str`` is sent as HTML, ``bytes`` bare, None as nothing, else JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


# What happens in place of an answer: the connection ends without one, ends with a reset, stays
# open and silent, or sends what is no HTTP. LOST is silent too, once the request is carried out.
DROP = Response(0, "drop")
RESET = Response(0, "reset")
HANG = Response(0, "hang")
GARBAGE = Response(0, "garbage")
LOST = Response(0, "lost")
_NOISE = bytes(range(128, 256))
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Answer = Callable[[Request], Response]


class HttpServer(ThreadingHTTPServer):
    """Serve one answer function on loopback from threads that end with it."""

    daemon_threads = False  # server_close() then joins them: nothing is left over
    request_queue_size = 64

    def __init__(
        self,
        port: int,
        answer: Answer,
        site: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.answer = answer
        self.site = site
        self.now = now  # the time in the Date header
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = self._new_thread()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End every connection and wait for the threads."""
        self._end_all()
        self.server_close()

    def shut(self) -> None:
        """Refuse connections from now on; those that are open end."""
        self._end_all()
        self.socket.close()
        # Bound but not listening: the port refuses, and stays ours.
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.server_bind()

    def open(self) -> None:
        """Accept connections again."""
        if not self._thread.is_alive():
            self.server_activate()
            self._thread = self._new_thread()
            self._thread.start()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def _end_all(self) -> None:
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def verify_request(self, request: Any, client_address: _Address) -> bool:
        """Refuse connections beyond the limit."""
        with self._guard:
            if len(self._connections) >= _CONNECTION_LIMIT:
                return False
            self._connections.add(request)
        return True

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ended."""
        self.forget(request)
        super().shutdown_request(request)

    def forget(self, request: Any) -> None:
        """Leave a connection to itself."""
        with self._guard:
            self._connections.discard(request)

    def handle_error(self, request: Any, client_address: _Address) -> None:
        """Say nothing of clients that hang up; show everything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    wbufsize = -1  # head and body leave together: no delayed-ACK pause between them
    disable_nagle_algorithm = True
    server: HttpServer

    def _respond(self) -> None:
        url = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._send(Response(411, {"error": "a Content-Length is required"}), close=True)
            return
        if int(length) > BODY_LIMIT:
            self._send(Response(413, {"error": f"body over {BODY_LIMIT} bytes"}), close=True)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(length))
        response = self.server.answer(
            Request(self.command, url.path, url.query, headers, body, self.server.site)
        )
        if response.status:
            self._send(response)
            return
        self.close_connection = True
        if response is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.server.forget(self.connection)
            self.connection.close()
        elif response is GARBAGE:
            self.wfile.write(_NOISE)
        elif response is not DROP:
            self.rfile.read(1)  # returns when the client has given up, or the server stops

    def _send(self, response: Response, *, close: bool = False) -> None:
        kind, content = _content(response.body)
        self.send_response(response.status)
        self.send_header("Content-Type", f"{kind};charset=UTF-8")
        if len(content) > _PACK_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = gzip.compress(content, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    # The names are http.server's.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _respond  # noqa: N815

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header: by the simulated host's clock, not this machine's."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Keep stdout for the ready line."""


def _content(body: Any) -> tuple[str, bytes]:
    if body is None:
        return "text/plain", b""
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/html", body.encode()
    return "application/json", json.dumps(body).encode()
