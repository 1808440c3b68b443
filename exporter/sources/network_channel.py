"""Bytes over TCP, and over TLS on top of that, never waiting beyond one deadline."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol

_CHUNK = 16384


class Deadline:
    """A moment after which nothing waits any more.

    Args:
        seconds: from now.
        monotonic: what the time is measured by.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: when none are.
        """
        if (left := self._at - self._monotonic()) <= 0:
            raise TimeoutError("no answer in time")
        return left


class Channel(Protocol):
    """Two-way bytes. Sending and receiving raise OSError, TimeoutError included."""

    def send(self, data: bytes) -> None:
        """Send everything."""

    def receive(self) -> bytes:
        """Return some bytes; none at the end."""


class TcpChannel:
    """A connected socket under a deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._socket = connection
        self._deadline = deadline

    def send(self, data: bytes) -> None:
        """Send everything."""
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Return some bytes; none at the end."""
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv(_CHUNK)


class TlsChannel:
    """TLS over another channel, which may be TLS itself: to a proxy, and through it.

    Args:
        inner: what carries the records.
        context: how to verify the peer.
        host: the name that the certificate must carry.

    Raises:
        ssl.SSLError: the handshake's failure, a bad certificate included.
        OSError: the connection's.
    """

    def __init__(self, inner: Channel, context: ssl.SSLContext, host: str) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._until_done(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        """Send everything."""
        self._until_done(lambda: self._tls.write(data))

    def receive(self) -> bytes:
        """Return some bytes; none at the end."""
        received = b""

        def read() -> None:
            nonlocal received
            received = self._tls.read(_CHUNK)

        try:
            self._until_done(read)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        return received

    def _until_done(self, step: Callable[[], object]) -> None:
        """Take a step of the protocol; carry records both ways until it is complete."""
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self._flush()
                if data := self._inner.receive():
                    self._incoming.write(data)
                    continue
                self._incoming.write_eof()
                if not self._tls.version():
                    raise ConnectionResetError("closed during the handshake") from None
            except ssl.SSLError:
                self._say_why()
                raise
            else:
                self._flush()
                return

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._inner.send(data)

    def _say_why(self) -> None:
        """Send the alert that explains our leaving; that it fails changes nothing."""
        try:
            self._flush()
        except OSError:
            return
