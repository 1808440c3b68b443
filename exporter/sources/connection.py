"""HTTP connections on which nothing outlasts the deadline of its request.

A timeout for each single read is no bound: a server that sends one byte now and
then, or a name that no resolver answers for, could hold a thread for hours.
"""

import functools
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from exporter.sources.proxy import ProxySettings

# When the running request ends, by time.monotonic(); each thread has its own.
deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))

_CONNECTIONS = 4
_KEEPALIVE_SECONDS = 5.0


def open_client(
    *, timeout: float, proxy: ProxySettings | None = None, tls: ssl.SSLContext | None = None
) -> httpx.Client:
    """Return a client that goes the bot's way, follows nothing and unpacks nothing.

    Args:
        timeout: seconds for each step; ``transport.fetch`` bounds the whole.
        proxy: the bot's own.
        tls: whom to trust, if not the usual authorities.
    """
    return httpx.Client(
        transport=_Transport(proxy, tls or tls_context()),
        timeout=timeout,
        trust_env=False,  # the bot's proxy is configured; the exporter's own means nothing
        follow_redirects=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "tradewarden-exporter"},
    )


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the one TLS context: a copy of all root certificates for each client adds up."""
    return httpx.create_ssl_context()


class _Transport(httpx.BaseTransport):
    """One pool of direct connections and one through the proxy, chosen by host."""

    def __init__(self, proxy: ProxySettings | None, tls: ssl.SSLContext) -> None:
        self._proxy = proxy
        self._direct = httpcore.ConnectionPool(network_backend=_Network(), **_limits(tls))
        self._proxied = None if proxy is None else _proxy_pool(proxy, tls)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpcore's errors."""
        url = request.url
        response = self._pool(url).handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._direct.close()
        if self._proxied is not None:
            self._proxied.close()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        host = url.netloc.decode("ascii", "replace")
        if self._proxied is None or self._proxy is None or self._proxy.for_host(host) is None:
            return self._direct
        return self._proxied


def _limits(tls: ssl.SSLContext) -> dict[str, Any]:
    return {
        "ssl_context": tls,
        "max_connections": _CONNECTIONS,
        "max_keepalive_connections": _CONNECTIONS,
        "keepalive_expiry": _KEEPALIVE_SECONDS,
    }


def _proxy_pool(settings: ProxySettings, tls: ssl.SSLContext) -> httpcore.ConnectionPool:
    proxy = httpx.Proxy(settings.url.reveal())
    return httpcore.HTTPProxy(
        proxy_url=httpcore.URL(
            scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=b"/"
        ),
        proxy_auth=proxy.raw_auth,
        proxy_ssl_context=tls if proxy.url.scheme == "https" else None,
        network_backend=_Network(settings.name),
        **_limits(tls),
    )


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Network(httpcore.NetworkBackend):
    """Connects within the deadline; a failure on the way to a proxy is the proxy's."""

    def __init__(self, proxy: str | None = None) -> None:
        self._inner = httpcore.SyncBackend()
        self._proxy = proxy

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            return self._connect(host, port, timeout, local_address, socket_options)
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            if self._proxy is None:
                raise
            raise httpcore.ProxyError(f"{self._proxy}: {_words(error)}") from error

    def _connect(
        self,
        host: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        addresses = _resolve(host, port, _left(timeout, httpcore.ConnectTimeout))
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for index, address in enumerate(addresses):
            # A share each: one dead address must not use up the time of a living one.
            share = _left(timeout, httpcore.ConnectTimeout) / (len(addresses) - index)
            try:
                stream = self._inner.connect_tcp(address, port, share, local_address, options)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _Stream(stream, self._proxy)
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes share the request's deadline."""

    def __init__(self, inner: httpcore.NetworkStream, proxy: str | None = None) -> None:
        self._inner = inner
        self._proxy = proxy
        self._opening = False  # CONNECT was sent and the way through is not open yet

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            data = self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            if not self._opening:
                raise
            raise httpcore.ProxyError(f"{self._proxy}: {_words(error)}") from error
        if not data and self._opening:
            raise httpcore.ProxyError(f"{self._proxy} hung up")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            self._opening = self._proxy is not None and buffer.startswith(b"CONNECT ")
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        # Before a CONNECT it is the TLS of an https:// proxy itself, afterwards the exchange's.
        to_proxy = self._proxy is not None and not self._opening
        try:
            secured = self._inner.start_tls(ssl_context, server_hostname, left)
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            if not to_proxy:
                raise
            raise httpcore.ProxyError(f"{self._proxy}: {_words(error)}") from error
        return _Stream(secured, self._proxy if to_proxy else None)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float:
    left = min(float("inf") if timeout is None else timeout, deadline.get() - time.monotonic())
    if left <= 0:
        raise expired("the request's time is over")
    return left


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _resolve(host: str, port: int, timeout: float) -> list[str]:
    """Look a name up in a thread that may be left behind: a resolver knows no deadline."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except OSError as error:
            answers.put(error)
        except UnicodeError:
            answers.put(socket.gaierror(socket.EAI_NONAME, f"{host[:80]} is no host name"))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        answer = socket.gaierror(socket.EAI_AGAIN, f"no resolver answered for {host} in time")
    if not isinstance(answer, OSError):
        return answer
    try:
        raise answer
    except OSError as error:
        # Raised in here, because the pool drops an error's cause and keeps its context.
        raise httpcore.ConnectError(str(error)) from error
