"""A small HTTP/1.1 server: bounded requests in, one answer function, clean stop."""

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BODY_LIMIT = 1024 * 1024
_CONNECTION_LIMIT = 256
_IDLE_SECONDS = 75
_Address = Any  # socketserver's own alias for an address


@dataclass(frozen=True)
class Request:
    """What a client sent; header names are lower case, the query is as it was signed."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """What to answer. A ``str`` body is sent as HTML; anything else as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


# The connection ends without an answer, as behind a dead path.
DROP = Response(0, None)

Answer = Callable[[Request], Response]


class HttpServer(ThreadingHTTPServer):
    """Serve one answer function on loopback from threads that end with it."""

    daemon_threads = False  # server_close() then joins them: nothing is left over
    request_queue_size = 64

    def __init__(self, port: int, answer: Answer) -> None:
        self.answer = answer
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End every connection and wait for the threads."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def verify_request(self, request: Any, client_address: _Address) -> bool:
        """Refuse connections beyond the limit."""
        with self._guard:
            if len(self._connections) >= _CONNECTION_LIMIT:
                return False
            self._connections.add(request)
        return True

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ended."""
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

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
        response = self.server.answer(Request(self.command, url.path, url.query, headers, body))
        if response is DROP:
            self.close_connection = True
        else:
            self._send(response)

    def _send(self, response: Response, *, close: bool = False) -> None:
        kind = "text/html" if isinstance(response.body, str) else "application/json"
        text = response.body if isinstance(response.body, str) else json.dumps(response.body)
        content = text.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", f"{kind};charset=UTF-8")
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
    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _respond  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Keep stdout for the ready line."""
