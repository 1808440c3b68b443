"""Network failures by cause, against sockets that really behave like that."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from exporter.errors import Reason, SourceError
from exporter.sources import transport


@contextlib.contextmanager
def _server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept one connection and behave; yields the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


def _fetch(url: str, *, timeout: float = 20, limit: int = 1000) -> transport.Response:
    with httpx.Client(timeout=timeout) as client:
        return transport.fetch(client, client.build_request("GET", url), timeout, limit)


def _failure(url: str, **options: float) -> Reason:
    with pytest.raises(SourceError) as caught:
        _fetch(url, **options)  # type: ignore[arg-type]
    return caught.value.reason


def test_a_closed_port_is_refused() -> None:
    """Nothing listens there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert _failure(f"http://127.0.0.1:{port}") is Reason.REFUSED


def _wait(done: threading.Event) -> None:
    done.wait(60)


def test_a_silent_server_is_a_timeout() -> None:
    """It accepts and says nothing."""
    done = threading.Event()
    with _server(lambda _: _wait(done)) as url:
        assert _failure(url, timeout=0.5) is Reason.TIMEOUT
        done.set()


def test_a_server_that_drips_is_a_timeout() -> None:
    """Bytes that keep coming do not buy more time than the whole request has."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b" ")
            time.sleep(0.05)

    with _server(drip) as url:
        started = time.monotonic()
        assert _failure(url, timeout=0.5) is Reason.TIMEOUT
        assert time.monotonic() - started < 30


def test_an_endless_answer_is_too_large() -> None:
    """Reading stops at the limit."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)

    with _server(flood) as url:
        assert _failure(url) is Reason.TOO_LARGE


def test_a_broken_off_answer_is_no_answer() -> None:
    """Less than was announced is not taken for the whole."""

    def cut(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}")

    with _server(cut) as url:
        assert _failure(url) in (Reason.BAD_RESPONSE, Reason.NETWORK)


def test_what_is_not_http_is_a_bad_response() -> None:
    """Another protocol on the port."""
    with _server(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")) as url:
        assert _failure(url) is Reason.BAD_RESPONSE


def test_a_server_that_hangs_up_is_a_network_failure() -> None:
    """It read the request and closed."""
    with _server(lambda _: None) as url:
        assert _failure(url) is Reason.NETWORK


def test_no_tls_where_tls_is_expected() -> None:
    """A plain answer to a TLS handshake."""
    with _server(lambda connection: connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")) as url:
        assert _failure(url.replace("http", "https")) is Reason.TLS


def test_a_name_that_does_not_resolve() -> None:
    """The resolver's error is found under the client library's."""

    def fail(request: httpx.Request) -> httpx.Response:
        cause = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        raise httpx.ConnectError("no", request=request) from cause

    with (
        httpx.Client(transport=httpx.MockTransport(fail)) as client,
        pytest.raises(SourceError) as caught,
    ):
        transport.fetch(client, client.build_request("GET", "http://x.test"), 20)
    assert caught.value.reason is Reason.DNS


def test_compression_that_was_not_asked_for_is_not_undone() -> None:
    """A small body cannot become a large one."""
    body = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    with _server(lambda connection: connection.sendall(body)) as url:
        assert _fetch(url).content == b"abc"


def _packed(body: bytes, limit: int = 1000) -> bytes:
    """Ask for a compressed answer and be given ``body`` as one."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with (
        _server(lambda connection: connection.sendall(head.encode() + body)) as url,
        httpx.Client(timeout=20) as client,
    ):
        request = client.build_request("GET", url, headers=transport.PACKED)
        return transport.fetch(client, request, 20, limit).content


def test_compression_that_was_asked_for_is_undone() -> None:
    """Long lists cost a twentieth of the traffic."""
    assert _packed(gzip.compress(b"x" * 1000)) == b"x" * 1000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(b"x" * 1001), Reason.TOO_LARGE),
        (gzip.compress(b"x" * 10_000_000), Reason.TOO_LARGE),
        (gzip.compress(b"x" * 100)[:-9], Reason.BAD_RESPONSE),
        (b"no gzip at all", Reason.BAD_RESPONSE),
    ],
    ids=["one byte over", "a bomb", "cut off", "something else"],
)
def test_compressed_answers_are_bounded_and_complete(body: bytes, reason: Reason) -> None:
    """The limit is for what comes out."""
    with pytest.raises(SourceError) as caught:
        _packed(body)
    assert caught.value.reason is reason
