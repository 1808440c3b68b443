"""Small servers on loopback that behave well, badly, or not at all."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket], None]
# Longer than any client waits: which side gives up first must not be the machine's choice.
_PATIENCE_SECONDS = 60
_closed: list[socket.socket] = []


@contextlib.contextmanager
def serve(behave: Behaviour) -> Iterator[int]:
    """Give each connection to ``behave`` in a thread of its own; yields the port."""
    threads: list[threading.Thread] = []
    stopped = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_PATIENCE_SECONDS)
            behave(connection)

    def accept() -> None:
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            acceptor.join(5)
            for thread in threads:
                thread.join(5)


def closed_port() -> int:
    """Return a port that refuses connections; it stays ours, so that nobody listens there later."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    _closed.append(bound)
    port: int = bound.getsockname()[1]
    return port


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """Drop every SYN: the queue of a listener that never accepts is full; yields the port."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with contextlib.suppress(TimeoutError):
            while True:
                opened.enter_context(socket.create_connection(address, 0.5))
        yield address[1]


def read_head(connection: socket.socket) -> bytes:
    """Read an HTTP request's head."""
    head = b""
    while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
        head += data
    return head


def answering(
    status: int, body: bytes, kind: str = "application/json", head: str = ""
) -> Behaviour:
    """Behave as an HTTP server with one answer; ``head`` are further header lines."""

    def behave(connection: socket.socket) -> None:
        if read_head(connection):
            lines = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{head}"
            length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall((lines + length).encode() + body)

    return behave


def failing_first(times: int, then: Behaviour) -> Behaviour:
    """Reset the first connections, behave with the later ones."""
    left = [times]

    def behave(connection: socket.socket) -> None:
        if left[0] > 0:
            left[0] -= 1
            reset(connection)
        else:
            then(connection)

    return behave


def silent(connection: socket.socket) -> None:
    """Read until the client is gone, and say nothing."""
    while connection.recv(4096):
        pass


def babble(connection: socket.socket) -> None:
    """Answer in another protocol."""
    read_head(connection)
    connection.sendall(b"SSH-2.0-x\r\n\r\n")


def reset(connection: socket.socket) -> None:
    """Break the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def over_tls(context: ssl.SSLContext, inside: Behaviour) -> Behaviour:
    """Behave inside TLS."""

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            inside(secured)

    return behave


class ConnectProxy:
    """A proxy that opens tunnels and forwards plain requests, or refuses; remembers what it saw."""

    def __init__(self, *, status: int = 200, token: str | None = None) -> None:
        self.seen: list[str] = []
        self._status = status
        self._token = token

    def __call__(self, connection: socket.socket) -> None:
        """Serve one client."""
        head = read_head(connection).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        self.seen.append(f"{method} {target}")
        if self._token is not None and f"Proxy-Authorization: Basic {self._token}" not in head:
            connection.sendall(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
        elif self._status != 200:
            connection.sendall(f"HTTP/1.1 {self._status} No\r\nContent-Length: 0\r\n\r\n".encode())
        elif method == "CONNECT":
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port)), _PATIENCE_SECONDS) as onward:
                connection.sendall(b"HTTP/1.1 200 Open\r\n\r\n")
                relay(connection, onward)
        else:
            host, _, path = target.removeprefix("http://").partition("/")
            name, _, port = host.rpartition(":")
            with socket.create_connection((name, int(port)), _PATIENCE_SECONDS) as onward:
                lines = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                onward.sendall(lines.encode())
                while data := onward.recv(4096):
                    connection.sendall(data)


def relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""

    def copy(source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join(5)
