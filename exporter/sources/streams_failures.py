"""Why a stream could not be opened or did not last, as a closed reason."""

import socket
import ssl
from collections.abc import Iterator

from websockets.exceptions import (
    ConnectionClosed,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
    WebSocketException,
)

from exporter.errors import Reason, SourceError

_TOO_BIG = 1009
_WAITS = {418: 120.0, 429: 60.0}
_MOST_DIGITS = 9
_LONGEST_SECONDS = 3 * 86400.0
_STATUSES = {
    403: Reason.FIREWALL,
    418: Reason.BANNED,
    429: Reason.RATE_LIMITED,
    451: Reason.RESTRICTED_LOCATION,
}


def failure_of(error: Exception, *, proxied: bool) -> SourceError:
    """Name the cause of a stream's end.

    Args:
        error: what the WebSocket library or the socket raised.
        proxied: whether the first connection was to a proxy.
    """
    if isinstance(error, SourceError):
        return error
    if isinstance(error, InvalidProxy):
        # Its text is the whole URL, password included.
        return SourceError(Reason.PROXY, f"the proxy's URL cannot be used: {error.msg}")
    detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        reason = Reason.SERVER_ERROR if status >= 500 else Reason.HTTP_STATUS
        return SourceError(_STATUSES.get(status, reason), f"the stream answers HTTP {status}")
    if isinstance(error, ConnectionClosed):
        too_big = error.sent is not None and error.sent.code == _TOO_BIG
        return SourceError(Reason.TOO_LARGE if too_big else Reason.NETWORK, detail)
    return SourceError(_reason(tuple(_chain(error)), proxied=proxied), detail)


def silence_of(error: Exception) -> float:
    """Return for how many seconds the exchange wants no further connection; 0 if it does not say.

    A ban grows by every attempt that comes too early, so one without an end is taken as a minute
    (429) or two (418).
    """
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    if not isinstance(error, InvalidStatus) or status not in _WAITS:
        return 0.0
    said = error.response.headers.get("Retry-After", "")
    plain = said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS
    return min(float(said), _LONGEST_SECONDS) if plain else _WAITS[status]


def _reason(causes: tuple[BaseException, ...], *, proxied: bool) -> Reason:
    """The first cause that says something; a proxy's own trouble is refused as well."""
    to_first_hop = Reason.PROXY if proxied else None
    for kind, reason in (
        (ProxyError, Reason.PROXY),
        (InvalidURI, Reason.UNSUPPORTED),
        (socket.gaierror, to_first_hop or Reason.DNS),
        (ConnectionRefusedError, to_first_hop or Reason.REFUSED),
        (TimeoutError, Reason.TIMEOUT),
        (ssl.SSLError, Reason.TLS),
        (OSError, Reason.NETWORK),
        (EOFError, Reason.NETWORK),
        (WebSocketException, Reason.BAD_RESPONSE),
        (ValueError, Reason.UNSUPPORTED),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    return Reason.INTERNAL


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
