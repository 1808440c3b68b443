"""A server in front of a real one: it passes everything on, or behaves as a test tells it to."""

import contextlib
import http.client
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Behaviour = Callable[[socket.socket], None]

_PATIENCE_SECONDS = 20.0  # longer than any client of ours may wait


class Front:
    """Listens on loopback before ``upstream``, a port on loopback.

    An attack ends every connection that is open, and so does its end.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self._behave: Behaviour | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._stopped = False
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Where it listens, for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._open)

    def attack(self, behave: Behaviour | None) -> None:
        """Give connections to ``behave`` from now on; None passes them on again."""
        with self._lock:
            self._behave = behave
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Stop listening; threads end with their connections."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        self.attack(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            behave = self._behave or self._pass_on
            self._open.add(connection)
        try:
            connection.settimeout(_PATIENCE_SECONDS)
            with contextlib.suppress(OSError):
                behave(connection)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _pass_on(self, connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream), 5) as onward:
            onward.settimeout(None)
            connection.settimeout(None)
            back = threading.Thread(target=_copy, args=(onward, connection), daemon=True)
            back.start()
            _copy(connection, onward)
            back.join(5)


def read_head(connection: socket.socket) -> bytes:
    """Read a request's head; empty when the client is gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            return b""
        head += data
    return head


def wait_for_hangup(connection: socket.socket) -> None:
    """Read until the client has given up."""
    while connection.recv(4096):
        pass


def reset(connection: socket.socket) -> None:
    """Have the connection end with a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def rewriting(front: Front, change: Callable[[bytes], bytes]) -> Behaviour:
    """Answer as the real server does, but with its bodies changed."""

    def behave(connection: socket.socket) -> None:
        while head := read_head(connection):
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            headers = {n: v for n, v in headers.items() if n.lower() != "accept-encoding"}
            status, body = _ask(front.upstream, method, target, headers)
            answer = change(body)
            connection.sendall(
                b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (status, len(answer), answer)
            )

    return behave


def _ask(port: int, method: str, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
    upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        upstream.request(method, target, headers=headers)
        response = upstream.getresponse()
        return response.status, response.read()
    finally:
        upstream.close()


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_WR)
