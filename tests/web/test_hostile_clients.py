"""Whoever is silent, slow or rude costs nobody else anything."""

import contextlib
import selectors
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from exporter.scrape import TIMEOUT_HEADER
from tests.web.conftest import TLS, Certificates, Connect, Serve
from tests.web.served import CONFIG, PATIENCE_SECONDS, Served, wait_for

_TIME = f"{TIMEOUT_HEADER}: 60"  # enough for a busy machine's collectors
_ASKS = f"GET /metrics HTTP/1.1\r\nHost: x\r\n{_TIME}\r\n\r\n".encode() * 20
_SILENT = 200
_OTHERS = 25
_CROWD = 400  # more than there are places


class Crowd:
    """Raw connections that are kept open."""

    def __init__(self, served: Served) -> None:
        host, _, port = served.url.partition("://")[2].rpartition(":")
        self._address = (host, int(port))
        self._sockets: list[socket.socket] = []

    def join(self, data: bytes = b"", number: int = 1) -> list[socket.socket]:
        """Connect so many times, and send this over each."""
        made = []
        for _ in range(number):
            sock = socket.create_connection(self._address, timeout=PATIENCE_SECONDS)
            # A small window: an answer that is not read is stuck at the server.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            if data:
                sock.sendall(data)
            made.append(sock)
        self._sockets += made
        return made

    def join_and_ignore(self, context: ssl.SSLContext, data: bytes, number: int) -> None:
        """Shake hands so many times, ask, and read nothing of the answer."""
        for sock in self.join(number=number):
            self._sockets.remove(sock)
            secure = context.wrap_socket(sock, server_hostname="localhost")
            secure.sendall(data)
            self._sockets.append(secure)

    def open(self) -> int:
        """How many of them the server has not ended."""
        with selectors.DefaultSelector() as selector:
            for sock in self._sockets:
                selector.register(sock, selectors.EVENT_READ)
            readable = {key.fd for key, _ in selector.select(0)}
        ended = sum(sock.fileno() in readable and _is_ended(sock) for sock in self._sockets)
        return len(self._sockets) - ended

    def leave(self) -> None:
        """Close all."""
        for sock in self._sockets:
            sock.close()


def _is_ended(sock: socket.socket) -> bool:
    if isinstance(sock, ssl.SSLSocket):  # what is readable is the answer, and cannot be peeked at
        return False
    with contextlib.suppress(OSError):
        return not sock.recv(1, socket.MSG_PEEK)
    return True


@pytest.fixture
def crowd() -> Iterator[Callable[[Served], Crowd]]:
    """Gather a crowd before a server; it leaves in the end."""
    crowds: list[Crowd] = []

    def gather(served: Served) -> Crowd:
        crowds.append(Crowd(served))
        return crowds[-1]

    yield gather
    for each in crowds:
        each.leave()


def _hello() -> bytes:
    """The first message of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    half = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def _scrape(client: httpx.Client) -> None:
    name, _, seconds = _TIME.partition(": ")
    assert "tradingbot_info" in client.get("/metrics", headers={name: seconds}).text


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_the_stalled_delay_nobody(
    serve: Serve,
    connect: Connect,
    crowd: Callable[[Served], Crowd],
    certificates: Certificates,
    *,
    secure: bool,
) -> None:
    """Silent ones, half requests, half handshakes, unread answers: all still there, no effect."""
    web_config = certificates.directory / "web.yml"
    web_config.write_text(TLS if secure else "")
    served = serve(f"--web.config.file={web_config}")
    client, trust = connect(served, verify=certificates.client()), certificates.client()
    stalled = crowd(served)
    if secure:
        hello = _hello()
        stalled.join_and_ignore(certificates.client(), _ASKS, 5)
        stalled.join(hello[:40], _OTHERS)
        stalled.join(hello, _OTHERS)
    else:
        stalled.join(_ASKS, _OTHERS)
        stalled.join(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ", _OTHERS)
    # Last, since the server bears them for ten seconds and a busy machine needs some.
    stalled.join(number=_SILENT)
    for number in range(5):
        _scrape(client)
        with httpx.Client(
            base_url=served.url, verify=trust, timeout=PATIENCE_SECONDS, trust_env=False
        ) as fresh:
            _scrape(fresh)
        if number == 0:  # both were answered before any of the silent ones was given up
            assert stalled.open() >= _SILENT
    assert "level=error" not in served.log


def test_more_clients_than_places_keep_nobody_out(
    serve: Serve, connect: Connect, crowd: Callable[[Served], Crowd]
) -> None:
    """Who has waited longest without an answer gives way."""
    served = serve()
    client = connect(served)
    many = crowd(served)
    many.join(number=_CROWD)
    for number in range(3):
        with httpx.Client(base_url=served.url, timeout=PATIENCE_SECONDS, trust_env=False) as fresh:
            _scrape(fresh)
        if number == 0:  # answered before the crowd was given up, as it is after ten seconds
            left = wait_for("the longest waiting to be dropped", lambda: _fewer_than_all(many))
            assert left > 100
    with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
        _scrape(client)  # its kept connection may have been among the dropped
    _scrape(client)


def _fewer_than_all(many: Crowd) -> int | None:
    left = many.open()
    return left if left < _CROWD - 100 else None


def test_unread_answers_do_not_pile_up(
    serve: Serve, connect: Connect, crowd: Callable[[Served], Crowd]
) -> None:
    """A thousand requests sent at once are answered as they are read, not ahead."""
    served = serve()
    client = connect(served)
    client.get("/metrics")

    def resident() -> int:
        statm = Path(f"/proc/{served.process.pid}/statm").read_text().split()
        return int(statm[1]) * 4096

    before = resident()
    crowd(served).join(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000, 20)
    for _ in range(10):
        _scrape(client)
    assert resident() - before < 30 << 20


def _exchange(crowd: Crowd, data: bytes) -> bytes:
    """Send something and read until the server has ended the connection."""
    (sock,) = crowd.join(data)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sock.recv(65536):
            received += chunk
    return received


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /-/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (b"GET /metrics?" + b"a=1&" * 200 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://[bad/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET http://elsewhere/-/healthy HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_what_is_no_request_is_refused(
    serve_once: Served, crowd: Callable[[Served], Crowd], data: bytes, status: int
) -> None:
    """With a status, and the connection ends; the server goes on."""
    if status in (200, 404):
        data = data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    if status == 413:
        data += b"x" * 99999
    answer = _exchange(crowd(serve_once), data)
    assert answer.split(b" ", 2)[1] == str(status).encode(), answer
    assert b"Traceback" not in answer
    url = f"{serve_once.url}/-/healthy"
    assert httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False).status_code == 200


@pytest.fixture(scope="module")
def serve_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One exporter for all that it should survive."""
    directory = tmp_path_factory.mktemp("once")
    config = directory / "tradewarden.yml"
    config.write_text(CONFIG.format(root=directory))
    served = Served(config)
    yield served
    log = served.log
    served.stop()
    assert "request failed" not in log
    assert "Task exception" not in log


def test_requests_may_be_sent_ahead(serve_once: Served, crowd: Callable[[Served], Crowd]) -> None:
    """Pipelined ones are answered in order, on one connection."""
    request = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert _exchange(crowd(serve_once), request * 5 + last).count(b"200 OK") == 6


def test_a_body_is_read_and_thrown_away(
    serve_once: Served, crowd: Callable[[Served], Crowd]
) -> None:
    """Also one that waits for permission, or comes in chunks."""
    head = b"POST /-/reload HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    (sock,) = crowd(serve_once).join(head + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
    sock.sendall(b"body")
    assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    assert _exchange(crowd(serve_once), chunked).startswith(b"HTTP/1.1 200 OK")
