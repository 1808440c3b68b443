"""One bounded HTTP exchange, its failures named by cause."""

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from exporter.errors import Reason, SourceError

RESPONSE_LIMIT = 8 << 20


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
    try:
        response = client.send(request, stream=True)
        try:
            content = _read(response, deadline, limit)
        finally:
            response.close()
    except httpx.HTTPError as error:
        raise _named(error) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError(
            Reason.UNSUPPORTED, f"not a usable URL: {error}", permanent=True
        ) from error
    return Response(response.status_code, response.headers, content)


def _read(response: httpx.Response, deadline: float, limit: int) -> bytes:
    content = bytearray()
    # Raw bytes: we never ask for compression, so nothing can inflate here.
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > limit:
            raise SourceError(Reason.TOO_LARGE, f"the answer is larger than {limit} bytes")
        if time.monotonic() > deadline:
            raise SourceError(Reason.TIMEOUT, "the answer did not end in time")
    return bytes(content)


def _named(error: httpx.HTTPError) -> SourceError:
    causes = tuple(_chain(error))
    if isinstance(error, httpx.TimeoutException):
        return SourceError(Reason.TIMEOUT, f"no answer in time ({type(error).__name__})")
    for kind, reason in (
        (ssl.SSLError, Reason.TLS),
        (socket.gaierror, Reason.DNS),
        (ConnectionRefusedError, Reason.REFUSED),
    ):
        for cause in causes:
            if isinstance(cause, kind):
                return SourceError(reason, str(cause)[:200])
    if isinstance(error, httpx.DecodingError | httpx.RemoteProtocolError):
        broken = "disconnected" not in str(error)
        return SourceError(Reason.BAD_RESPONSE if broken else Reason.NETWORK, str(error)[:200])
    if isinstance(error, httpx.UnsupportedProtocol):
        return SourceError(Reason.UNSUPPORTED, str(error)[:200], permanent=True)
    return SourceError(Reason.NETWORK, f"{type(error).__name__}: {error}"[:200])


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
