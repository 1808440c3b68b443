"""A WebSocket server of one market's public streams, on a loop in a thread of its own."""

import asyncio
import http
import json
import socket
import threading
from collections.abc import Coroutine
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.sim.stream.events import Events
from tests.sim.stream.subscription import Subscription, subscription_of
from tests.sim.world import World

TICK_SECONDS = 0.1
PING_SECONDS = 20.0
_PONG_SECONDS = 60.0
_GRACE_SECONDS = 1.0  # between the announcement of a shutdown and the shutdown
_TOO_MANY = 1008
_GOING_AWAY = 1001
_BACKLOG = 64
_UNREAD_BYTES = 1 << 20


class StreamServer:
    """Serve one market; its door can be shut like an HTTP server's."""

    def __init__(
        self, port: int, world: World, market: str, *, ping_seconds: float = PING_SECONDS
    ) -> None:
        self._world = world
        self._market = market
        self._ping = ping_seconds
        self._events = Events(market, world.usdm.prices)
        self._open: dict[ServerConnection, Subscription] = {}
        self._told: dict[ServerConnection, float] = {}
        self.dropped = 0  # events that a client did not read in time
        self._socket = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: Server | None = None
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._open)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()
        self.open()

    def stop(self) -> None:
        """End every connection and the thread."""
        if self._thread.is_alive():
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._socket.close()

    def shut(self) -> None:
        """Refuse connections from now on; those that are open end without a word."""
        self._call(self._shut())

    def open(self) -> None:
        """Accept connections again."""
        self._call(self._listen())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        ticking = self._loop.create_task(self._tick())
        self._loop.run_forever()
        ticking.cancel()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await serve(
                self._serve,
                sock=self._socket,
                process_request=self._admit,
                ping_interval=self._ping,
                ping_timeout=_PONG_SECONDS,
                open_timeout=None,
                close_timeout=1,
                compression=None,
                max_size=65536,
                backlog=_BACKLOG,
            )

    async def _shut(self) -> None:
        if self._server is not None:
            await self._close(self._server)
            self._server = None
            self._socket = _bind(self.port)

    async def _end(self) -> None:
        if self._server is not None:
            await self._close(self._server)

    async def _close(self, server: Server) -> None:
        for connection in list(self._open):
            connection.transport.abort()
        self._ending.set()  # handshakes that hang end as well
        server.close()
        await server.wait_closed()
        self._ending.clear()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        data = self._world.market_data
        if data.handshake == "hang":
            await self._ending.wait()
        if data.handshake == "reset":
            connection.transport.abort()
        if data.closing or self._ending.is_set():
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "shutting down\n")
        if subscription_of(self._market, request.path) is None:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such path\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        subscription = subscription_of(self._market, connection.request.path)
        assert subscription is not None
        self._open[connection] = subscription
        try:
            async for message in connection:
                if subscription.flooded(self._loop.time()):
                    await connection.close(_TOO_MANY, "Too many requests")
                    return
                await connection.send(json.dumps(subscription.command(message)))
        except ConnectionClosed:
            pass
        finally:
            del self._open[connection]
            self._told.pop(connection, None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            with self._world.lock:
                now, data = self._world.clocks.exchange_ms(), self._world.market_data
                messages = [
                    (connection, text)
                    for connection, subscription in self._open.items()
                    for name in sorted(subscription.names)
                    if not data.silent(name)
                    if (event := self._events.next(name, now)) is not None
                    for text in [json.dumps(subscription.wrap(name, event))]
                ]
                closing = data.closing
            for connection, text in messages:
                # Nobody waits for a slow reader, and nothing is kept for one.
                if connection.transport.get_write_buffer_size() > _UNREAD_BYTES:
                    self.dropped += 1
                else:
                    broadcast([connection], text)
            if closing:
                await self._announce(now)

    async def _announce(self, now: int) -> None:
        event = json.dumps({"e": "serverShutdown", "E": now})
        for connection in list(self._open):
            if connection not in self._told:
                self._told[connection] = self._loop.time()
                broadcast([connection], event)
            elif self._loop.time() - self._told[connection] > _GRACE_SECONDS:
                await connection.close(_GOING_AWAY, "server shutdown")


def _bind(port: int) -> socket.socket:
    """Bind without listening: the port refuses, and is ours."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound
