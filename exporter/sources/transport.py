"""One bounded HTTP exchange, its failures named by cause."""

import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpcore
import httpx

from exporter.errors import Reason, SourceError
from exporter.sources import connection

RESPONSE_LIMIT = 8 << 20
PACKED = {"Accept-Encoding": "gzip"}

# httpcore's own come from the clients of ``connection``, which do not translate them.
_FAILURES = (
    httpx.HTTPError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
)
_GARBLED = (httpx.DecodingError, httpx.RemoteProtocolError, httpcore.RemoteProtocolError)


@dataclass(frozen=True)
class Response:
    """A complete answer: status, headers, body."""

    status: int
    headers: httpx.Headers
    content: bytes


def fetch(
    client: httpx.Client, request: httpx.Request, timeout: float, limit: int = RESPONSE_LIMIT
) -> Response:
    """Send one request and read at most ``limit`` bytes before the deadline.

    Raises:
        SourceError: the transport's failure, named by its cause.
    """
    deadline = time.monotonic() + timeout
    bound = connection.deadline.set(deadline)
    try:
        response = client.send(request, stream=True)
        try:
            packed = request.headers.get("accept-encoding") == PACKED["Accept-Encoding"]
            content = _read(response, deadline, limit, packed=packed)
        finally:
            response.close()
    except _FAILURES as error:
        raise _named(error) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError(
            Reason.UNSUPPORTED, f"not a usable URL: {error}", permanent=True
        ) from error
    except RuntimeError as error:
        # The client was closed by its owner while a request was under way.
        raise SourceError(Reason.NETWORK, str(error)[:200]) from error
    finally:
        connection.deadline.reset(bound)
    if response.status_code == 407:
        raise SourceError(Reason.PROXY, "the proxy asks for other credentials")
    return Response(response.status_code, response.headers, content)


def _read(response: httpx.Response, deadline: float, limit: int, *, packed: bool) -> bytes:
    content = bytearray()
    # Raw bytes: what was not asked for is not inflated, and what was, only up to the limit.
    inflate = None
    if packed and response.headers.get("content-encoding", "").lower() == "gzip":
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for chunk in response.iter_raw():
        try:
            content += inflate.decompress(chunk, limit + 1 - len(content)) if inflate else chunk
        except zlib.error as error:
            raise SourceError(Reason.BAD_RESPONSE, f"not gzip as it says: {error}") from error
        if len(content) > limit:
            raise SourceError(Reason.TOO_LARGE, f"the answer is larger than {limit} bytes")
        if time.monotonic() > deadline:
            raise SourceError(Reason.TIMEOUT, "the answer did not end in time")
    if inflate is not None and not inflate.eof:
        raise SourceError(Reason.BAD_RESPONSE, "the compressed answer is cut off")
    return bytes(content)


def _named(error: Exception) -> SourceError:
    # Before the causes: refused by the proxy is not refused by the exchange.
    if isinstance(error, httpx.ProxyError | httpcore.ProxyError):
        return SourceError(Reason.PROXY, _words(error))
    if isinstance(error, httpx.TimeoutException | httpcore.TimeoutException):
        return SourceError(Reason.TIMEOUT, f"no answer in time ({type(error).__name__})")
    for kind, reason in (
        (ssl.SSLError, Reason.TLS),
        (socket.gaierror, Reason.DNS),
        (ConnectionRefusedError, Reason.REFUSED),
    ):
        for cause in _chain(error):
            if isinstance(cause, kind):
                return SourceError(reason, _words(cause))
    if isinstance(error, _GARBLED):
        broken = "disconnected" not in str(error)
        return SourceError(Reason.BAD_RESPONSE if broken else Reason.NETWORK, _words(error))
    if isinstance(error, httpx.UnsupportedProtocol | httpcore.UnsupportedProtocol):
        return SourceError(Reason.UNSUPPORTED, _words(error), permanent=True)
    return SourceError(Reason.NETWORK, _words(error))


def _words(error: BaseException) -> str:
    """One line; some errors have no text of their own."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
