"""A small SNTP server whose answer a test may spoil in any field."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_FORMAT = struct.Struct("!BBbbIIIIIIIIIII")
_EPOCH = 2208988800


class NtpServer:
    """Answer each query from ``now``; ``spoil`` may change the packet or drop it."""

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        spoil: Callable[[bytes], bytes | None] = lambda packet: packet,
    ) -> None:
        self._now = now
        self._spoil = spoil
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"stop", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(1024)
            if query == b"stop":
                return
            seconds, fraction = divmod(self._now() + _EPOCH, 1)
            stamp = (int(seconds) & 0xFFFFFFFF, int(fraction * 2**32))
            origin = struct.unpack("!II", query[40:48])
            # Version 4, mode 4 (server), stratum 2, about 1 ms of root dispersion.
            packet = _FORMAT.pack(0x24, 2, 6, -20, 66, 66, 0, *stamp, *origin, *stamp, *stamp)
            if (answer := self._spoil(packet)) is not None:
                self._socket.sendto(answer, sender)
