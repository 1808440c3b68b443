"""Listening sockets: from addresses, or handed over by systemd."""

import ipaddress
import os
import socket
from collections.abc import Callable, MutableMapping, Sequence

from exporter.errors import TradewardenError

_FIRST_FD = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
_MOST_FDS = 64


class ListenError(TradewardenError):
    """An address cannot be listened on, or systemd has handed over nothing usable."""


def listen(addresses: Sequence[str]) -> list[socket.socket]:
    """Listen on every address, or on none.

    Args:
        addresses: ``host:port``, ``[IPv6]:port``, or ``:port`` for the loopback alone: metrics
            of a trading bot are not for everybody. Port 0 picks a free one.

    Raises:
        ListenError: names the first that cannot be listened on.
    """
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            sockets += _listen_on(address)
    except ListenError:
        for each in sockets:
            each.close()
        raise
    return sockets


def inherited(
    environment: MutableMapping[str, str] = os.environ, pid: Callable[[], int] = os.getpid
) -> list[socket.socket]:
    """Take over the listening sockets of systemd's socket activation.

    The variables are removed, so that no child takes them for its own.

    Raises:
        ListenError: there are none, or one is no listening stream socket.
    """
    owner = environment.pop("LISTEN_PID", "")
    number = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if owner != str(pid()) or not number.isdecimal() or not 0 < int(number) <= _MOST_FDS:
        raise ListenError("--web.systemd-socket: systemd has handed over no socket")
    sockets = []
    for descriptor in range(_FIRST_FD, _FIRST_FD + int(number)):
        try:
            each = socket.socket(fileno=descriptor)
            listens = each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise ListenError(f"--web.systemd-socket: descriptor {descriptor}: {error}") from error
        if not listens or each.type != socket.SOCK_STREAM:
            raise ListenError(f"--web.systemd-socket: descriptor {descriptor} does not listen")
        each.set_inheritable(False)
        each.settimeout(0.0)
        sockets.append(each)
    return sockets


def url_of(sock: socket.socket, *, secure: bool) -> str:
    """Return the address really listened on, as a URL."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if sock.family == socket.AF_INET6 else host
    return f"{'https' if secure else 'http'}://{shown}:{port}"


def _listen_on(address: str) -> list[socket.socket]:
    host, port = _split(address)
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, *_, where in dict.fromkeys(found):
            # A name with several addresses has one port, whichever was free.
            number = sockets[0].getsockname()[1] if sockets and not port else port
            sockets.append(_bound(family, (str(where[0]), number, *where[2:])))
    except OSError as error:
        for each in sockets:
            each.close()
        cause = error.strerror or str(error)
        raise ListenError(f"cannot listen on {address}: {cause}") from error
    return sockets


def _bound(family: int, where: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0.0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            everything = ipaddress.ip_address(str(where[0]).partition("%")[0]).is_unspecified
            # As elsewhere, [::] means IPv4, too; any other address means itself.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not everything)
        sock.bind(where)
        sock.listen(socket.SOMAXCONN)
    except OSError:
        sock.close()
        raise
    return sock


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    # getaddrinfo would take 99999 modulo 65536 and listen somewhere else.
    good = colon and port.isascii() and port.isdigit() and int(port) < 65536
    if not good or (":" in host and not bracketed) or host == "[]":
        raise ListenError(
            f"cannot listen on {address}: no host:port, [IPv6]:port or :port up to 65535"
        )
    return (host.strip("[]") or "127.0.0.1"), int(port)
