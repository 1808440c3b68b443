"""A WebSocket server on loopback that says what a test tells it to."""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Talk = Callable[[ServerConnection], None]


def data(stream: str, symbol: str) -> str:
    """Return a message of a combined stream."""
    event = {"e": "markPriceUpdate", "E": 1, "s": symbol, "p": "60000.10"}
    return json.dumps({"stream": stream, "data": event})


@dataclass
class Streams:
    """Connections are given to ``talks`` in turn, the last one again and again."""

    scheme: str
    port: int
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextlib.contextmanager
def streaming(
    *talks: Talk, context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Streams]:
    """Serve; each talk has a connection and ends it by returning."""
    waiting = list(talks)
    lock = threading.Lock()

    def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        with lock:
            streams.paths.append(connection.request.path)
            mine = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        with contextlib.suppress(ConnectionClosed):
            mine(connection)

    server = serve(talk, "127.0.0.1", port, compression=None, ssl=context, close_timeout=0.2)
    scheme = "ws" if context is None else "wss"
    streams = Streams(scheme, server.socket.getsockname()[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield streams
    finally:
        server.shutdown()
        thread.join(5)


def saying(*messages: str | bytes) -> Talk:
    """Say these once, then stay on the line until the client hangs up."""

    def talk(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
        for _ in connection:
            pass

    return talk


def repeating(message: str, seconds: float = 0.02) -> Talk:
    """Say one thing again and again."""

    def talk(connection: ServerConnection) -> None:
        while True:
            connection.send(message)
            time.sleep(seconds)

    return talk
