"""Four SNTP servers on loopback, each with a clock that can be made to lie."""

import contextlib
import selectors
import socket
import struct
import threading

from tests.sim.clock import NTP_SERVERS, Clocks

_UNIX_TO_NTP = 2_208_988_800
_PACKET = struct.Struct("!BBbb11I")
_CLIENT_MODE = 3
_SERVER_MODE = 4
_STRATUM = 2
_PRECISION = -20
_ROOT_DELAY = _ROOT_DISPERSION = 66  # about 1 ms in 16.16 fixed point
_REFERENCE_ID = int.from_bytes(bytes((192, 0, 2, 1)))  # a documentation address


def _timestamp(unix: float) -> tuple[int, int]:
    seconds, fraction = divmod(unix + _UNIX_TO_NTP, 1)
    return int(seconds) & 0xFFFFFFFF, int(fraction * 2**32) & 0xFFFFFFFF


def reply(request: bytes, now: float) -> bytes | None:
    """Answer one client packet, or nothing if it is not one."""
    if len(request) < _PACKET.size:
        return None
    first = request[0]
    version, mode = first >> 3 & 7, first & 7
    if mode != _CLIENT_MODE or not 1 <= version <= 4:
        return None
    origin = struct.unpack("!2I", request[40:48])
    stamp = _timestamp(now)
    return _PACKET.pack(
        version << 3 | _SERVER_MODE,
        _STRATUM,
        max(request[2], 4) if request[2] < 128 else 4,
        _PRECISION,
        _ROOT_DELAY,
        _ROOT_DISPERSION,
        _REFERENCE_ID,
        *_timestamp(now - 16),
        *origin,
        *stamp,
        *stamp,
    )


class NtpServers:
    """The four servers; one thread answers for all."""

    def __init__(self, first_port: int, clocks: Clocks) -> None:
        self._clocks = clocks
        self._silent = False
        self._sockets: list[socket.socket] = []
        try:
            for number in range(NTP_SERVERS):
                self._sockets.append(_bind(first_port + number if first_port else 0))
        except OSError:
            self._close()
            raise
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def addresses(self) -> list[str]:
        """``host:port`` of each server."""
        return [f"127.0.0.1:{sock.getsockname()[1]}" for sock in self._sockets]

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the ports."""
        self._waker.close()
        if self._thread.is_alive():
            self._thread.join()
        self._wake.close()
        self._close()

    def shut(self) -> None:
        """Answer nothing; what is lost on the way is not refused either."""
        self._silent = True

    def open(self) -> None:
        """Answer again."""
        self._silent = False

    def _close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            for number, sock in enumerate(self._sockets):
                selector.register(sock, selectors.EVENT_READ, number)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    self._answer(self._sockets[key.data], key.data)

    def _answer(self, sock: socket.socket, number: int) -> None:
        # A client that has gone away must not end the servers.
        with contextlib.suppress(OSError):
            request, address = sock.recvfrom(1024)
            answer = reply(request, self._clocks.ntp_time(number))
            if answer is not None and not self._silent:
                sock.sendto(answer, address)


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(("127.0.0.1", port))
        sock.setblocking(False)  # noqa: FBT003 - socket's own signature
    except OSError:
        sock.close()
        raise
    return sock
