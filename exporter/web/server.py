"""The event loop that accepts, shakes hands and serves, in a thread of its own."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from functools import partial

from exporter.errors import ConfigError
from exporter.web.access import Access
from exporter.web.connection import CLOSE_SECONDS, Connection, Respond
from exporter.web.listen import url_of
from exporter.web.message import Peer
from exporter.web.tls import names_of

_CONNECTIONS = 256
_HANDSHAKE_SECONDS = 10.0
_ACCEPT_PAUSE_SECONDS = 0.1
_DRAIN_SECONDS = 1.0
_STOP_SECONDS = 1.8

_log = logging.getLogger(__name__)


class _Client:
    """A connection from accept to close: first only a socket that may be shaking hands."""

    def __init__(self, sock: socket.socket, now: float) -> None:
        self.sock = sock
        self.accepted = now
        self.transport: asyncio.WriteTransport | None = None
        self.connection: Connection | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is being made."""
        return self.connection is not None and self.connection.busy

    @property
    def since(self) -> float:
        """When it was last given an answer, or else accepted."""
        return self.connection.since if self.connection is not None else self.accepted

    def drop(self) -> None:
        """End it at once."""
        if self.task is not None:
            self.task.cancel()


class Server:
    """Serves listening sockets until told to stop.

    When every place is taken, the client that has waited longest since its last answer gives
    its place up: silent ones can fill the house and still keep nobody out.

    Args:
        sockets: non-blocking and listening; closed at the end.
        access: knows whether and how to shake hands.
        respond: makes answers.
    """

    def __init__(self, sockets: Sequence[socket.socket], access: Access, respond: Respond) -> None:
        self._sockets = sockets
        self._access = access
        self._respond = respond
        self._clients: set[_Client] = set()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses really listened on, as URLs."""
        secure = self._access.context() is not None
        return tuple(url_of(sock, secure=secure) for sock in self._sockets)

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()
        self._running.wait()

    def stop(self) -> None:
        """Accept no more; answers being made get a moment to end."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        acceptors = [asyncio.create_task(self._accept(sock)) for sock in self._sockets]
        self._running.set()
        await self._stopping.wait()
        for acceptor in acceptors:
            acceptor.cancel()
        for sock in self._sockets:
            sock.close()
        busy = [client.task for client in self._clients if client.busy and client.task]
        if busy:
            await asyncio.wait(busy, timeout=_DRAIN_SECONDS)
        # asyncio.run cancels what is left.

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except ConnectionError:
                continue  # gone before it was looked at
            except OSError as error:  # out of descriptors, or of memory
                _log.warning("cannot accept a connection: %s", error)
                self._make_room()
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            if len(self._clients) >= _CONNECTIONS and not self._make_room():
                sock.close()
                continue
            client = _Client(sock, loop.time())
            self._clients.add(client)
            client.task = asyncio.create_task(self._attend(client))
            # Not in the task: one that is dropped before its first step would never end.
            client.task.add_done_callback(partial(self._bury, client))

    def _make_room(self) -> bool:
        """Drop the client that has waited longest; False when all are being answered."""
        waiting = [client for client in self._clients if not client.busy]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda client: client.since)
        self._clients.discard(oldest)
        oldest.drop()
        return True

    async def _attend(self, client: _Client) -> None:
        # No handshake may come about; a configuration's fault is logged where it is found.
        with contextlib.suppress(OSError, ConfigError):
            reader, writer = await self._open(client.sock)
            client.transport = writer.transport
            client.connection = Connection(reader, writer, _peer_of(writer), self._respond)
            await client.connection.serve()

    def _bury(self, client: _Client, _: asyncio.Task[None]) -> None:
        self._clients.discard(client)
        if client.transport is not None:
            client.transport.abort()
        else:
            client.sock.close()

    async def _open(self, sock: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Shake hands, if there is TLS, with what the files say at this moment."""
        context = self._access.context()
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            sock,
            ssl=context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if context else None,
            ssl_shutdown_timeout=CLOSE_SECONDS if context else None,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _peer_of(writer: asyncio.StreamWriter) -> Peer:
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if tls is None:
        return Peer()
    return Peer(tls.context, names_of(tls.getpeercert()))
