"""How old market data is, from servers that stream, fall silent, refuse and go away."""

import itertools
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter.errors import Reason
from exporter.readings import StreamReading
from exporter.sources.exchange.stream_addresses import StreamAddress
from exporter.sources.streams import StreamProbe
from tests.sources.network_probes import Authority
from tests.sources.network_servers import (
    Behaviour,
    ConnectProxy,
    answering,
    babble,
    closed_port,
    reset,
    serve,
    silent,
)
from tests.sources.stream_servers import data, repeating, saying, streaming

_BTC, _ETH = "btcusdt@markPrice", "ethusdt@markPrice"
_SYMBOLS = {_BTC: "BTCUSDT", _ETH: "ETHUSDT"}
_TICK = repeating(data(_BTC, "BTCUSDT"))
_Listen = Callable[..., StreamProbe]
_SHUTDOWN = '{"e":"serverShutdown","E":1}'


@dataclass(frozen=True)
class _Through:
    """Proxy settings that lead everything through one proxy."""

    url: str

    def for_host(self, _: str) -> str:
        """Always the same."""
        return self.url


@dataclass(frozen=True)
class _Door:
    """Behaves like another server, and remembers when it was knocked at, before it answers."""

    inside: Behaviour
    knocks: list[float] = field(default_factory=list)

    def __call__(self, connection: socket.socket) -> None:
        self.knocks.append(time.monotonic())
        self.inside(connection)


@pytest.fixture
def listen() -> Iterator[_Listen]:
    """Start probes that are quick to try again; stopped afterwards, in time."""
    probes: list[StreamProbe] = []

    def start(url: str, **options: Any) -> StreamProbe:
        quick: dict[str, Any] = {"timeout": 60, "longest_pause": 1.0, "rng": random.Random(1)}
        address = StreamAddress(f"{url}/stream?streams={'/'.join(_SYMBOLS)}", _SYMBOLS)
        probes.append(StreamProbe(address, **(quick | options)))
        probes[-1].start()
        return probes[-1]

    yield start
    for probe in probes:
        started = time.monotonic()
        probe.stop()
        assert time.monotonic() - started < 20


def _until(probe: StreamProbe, what: Callable[[StreamReading], Any]) -> StreamReading:
    """Wait until the first stream's reading is so, and return it."""
    deadline = time.monotonic() + 30
    while not what(reading := probe.readings()[0]):
        assert time.monotonic() < deadline, reading
        time.sleep(0.01)
    return reading


def test_the_time_of_the_last_message(listen: _Listen) -> None:
    """Of each stream by itself; one that says nothing has none."""
    with streaming(_TICK) as server:
        probe = listen(server.url, wall=lambda: 1_795_500_000.0)
        reading = _until(probe, lambda r: r.last_message)
        assert reading.last_message == 1_795_500_000.0
        assert reading.connected
        assert reading.reconnects == 0
        assert not reading.failures
        other = probe.readings()[1]
        assert (other.stream, other.last_message, other.connected) == (_ETH, None, True)
        assert server.paths == [f"/stream?streams={_BTC}/{_ETH}"]


def test_only_data_counts(listen: _Listen) -> None:
    """An acknowledgement, somebody else's stream, nonsense and an open socket are no data."""
    noise = ('{"result":null,"id":1}', data("xrpusdt@markPrice", "XRPUSDT"), "not json", b"\xff")
    empty = f'{{"stream":"{_BTC}","data":{{}}}}'
    other = data(_BTC, "ETHUSDT")
    deep = "[" * 100_000
    with streaming(saying(*noise, empty, other, "[]", deep)) as server:
        reading = _until(listen(server.url), lambda r: r.failures.get(Reason.BAD_RESPONSE) == 7)
        assert reading.connected
        assert reading.last_message is None
        assert reading.failures == {Reason.BAD_RESPONSE: 7}
        assert "no event" in reading.detail


def test_a_refusal_is_told(listen: _Listen) -> None:
    """In the exchange's words."""
    message = '{"error":{"code":2,"msg":"Invalid request: too many streams"},"id":1}'
    with streaming(saying(message)) as server:
        reading = _until(listen(server.url), lambda r: r.failures)
        assert reading.failures == {Reason.REJECTED: 1}
        assert "too many streams" in reading.detail


def test_a_silent_socket_is_left(listen: _Listen) -> None:
    """Its age goes on growing, and a new connection is tried."""
    with streaming(saying(data(_BTC, "BTCUSDT")), _TICK) as server:
        probe = listen(server.url, silence=1.0)
        reading = _until(probe, lambda r: r.reconnects and r.connected)
        assert reading.failures == {Reason.TIMEOUT: reading.reconnects}


def test_the_daily_end_is_no_failure(listen: _Listen) -> None:
    """The exchange closes in order; we come back."""
    with streaming(lambda connection: connection.close(), _TICK) as server:
        reading = _until(listen(server.url), lambda r: r.last_message)
        assert reading.reconnects == 1
        assert not reading.failures


def test_a_torn_connection_is_a_failure(listen: _Listen) -> None:
    """And made anew."""
    with streaming(lambda connection: connection.socket.close(), _TICK) as server:
        reading = _until(listen(server.url), lambda r: r.last_message)
        assert reading.reconnects == 1
        assert reading.failures == {Reason.NETWORK: 1}


def test_an_announced_shutdown(listen: _Listen) -> None:
    """We leave at once; it counts as closing until data comes again."""
    calm = threading.Event()

    def after(connection: Any) -> None:
        calm.wait(60)
        _TICK(connection)

    with streaming(saying(data(_BTC, "BTCUSDT"), _SHUTDOWN), after) as server:
        probe = listen(server.url)
        reading = _until(probe, lambda r: r.reconnects == 1 and r.connected)
        assert reading.closing
        assert "announces" in reading.detail
        assert not reading.failures
        calm.set()
        assert _until(probe, lambda r: not r.closing).detail == ""


def test_an_end_without_a_return(listen: _Listen) -> None:
    """After the announcement nobody lets us in again: lost, until somebody does."""
    with socket.socket() as ours:  # between the two servers nobody else gets the port
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
        with streaming(saying(data(_BTC, "BTCUSDT"), _SHUTDOWN), port=port) as server:
            probe = listen(server.url)
            assert not _until(probe, lambda r: r.closing).failures
            assert not probe.is_lost()
        _until(probe, lambda r: r.failures.get(Reason.REFUSED, 0) >= 2)
        assert probe.is_lost()
        assert probe.problem() is not None
        with streaming(_TICK, port=port):
            _until(probe, lambda r: not r.closing)
        assert not probe.is_lost()


def test_a_message_that_is_too_large(listen: _Listen) -> None:
    """It is not read to its end."""
    with streaming(saying("x" * 300_000), _TICK) as server:
        reading = _until(listen(server.url), lambda r: r.last_message)
        assert reading.failures == {Reason.TOO_LARGE: 1}


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (answering(503, b"<html>", "text/html"), Reason.SERVER_ERROR),
        (answering(403, b"<html>", "text/html"), Reason.FIREWALL),
        (answering(451, b"{}"), Reason.RESTRICTED_LOCATION),
        (answering(429, b"{}", head="Retry-After: 0\r\n"), Reason.RATE_LIMITED),
        (answering(418, b"{}", head="Retry-After: 0\r\n"), Reason.BANNED),
        (answering(404, b"{}"), Reason.HTTP_STATUS),
        (answering(200, b"{}"), Reason.HTTP_STATUS),
        (silent, Reason.TIMEOUT),
        (reset, Reason.NETWORK),
        (babble, Reason.BAD_RESPONSE),
    ],
)
def test_a_door_that_stays_shut(listen: _Listen, behave: Any, reason: Reason) -> None:
    """Each with its reason; we try again."""
    with serve(behave) as port:
        probe = listen(f"ws://127.0.0.1:{port}", timeout=1.0 if behave is silent else 60)
        reading = _until(probe, lambda r: sum(r.failures.values()) > 1)
    assert set(reading.failures) == {reason}
    assert not reading.connected
    assert reading.last_message is None


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (418, "Retry-After: 2\r\n", 2.0),
        (429, "Retry-After: 2\r\n", 2.0),
        (418, "", 120.0),
        (429, "Retry-After: soon\r\n", 60.0),
    ],
)
def test_a_ban_is_not_knocked_at(listen: _Listen, status: int, header: str, seconds: float) -> None:
    """Each attempt during a ban lengthens it: none before its end, however short our pauses."""
    door = _Door(answering(status, b"{}", head=header))
    with serve(door) as port:
        probe = listen(f"ws://127.0.0.1:{port}")
        if seconds <= 2.0:
            _until(probe, lambda r: sum(r.failures.values()) > 1)
            assert door.knocks[1] - door.knocks[0] >= seconds
        else:
            _until(probe, lambda r: r.failures)
            while time.monotonic() - door.knocks[0] < 3.0:  # our longest pause is one second
                assert len(door.knocks) == 1
                time.sleep(0.05)


def test_a_proxys_password_is_never_told(listen: _Listen) -> None:
    """A name without a password is no proxy for the library, whose error repeats the URL."""
    through = _Through("http://t0ken-of-the-proxy@127.0.0.1:9")
    reading = _until(listen("ws://127.0.0.1:9", read_proxy=lambda: through), lambda r: r.failures)
    assert set(reading.failures) == {Reason.PROXY}
    assert "t0ken" not in reading.detail


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (lambda: "stream.invalid", Reason.DNS),
        (lambda: f"127.0.0.1:{closed_port()}", Reason.REFUSED),
        (lambda: "127.0.0.1:99999", Reason.UNSUPPORTED),
    ],
    ids=["no such name", "nobody listens", "no such port"],
)
def test_nothing_to_connect_to(listen: _Listen, place: Callable[[], str], reason: Reason) -> None:
    """No name, no listener, no address."""
    assert set(_until(listen(f"ws://{place()}"), lambda r: r.failures).failures) == {reason}


def test_certificates_are_verified(listen: _Listen) -> None:
    """One that nobody vouches for is refused; with the right authority it is not."""
    authority = Authority()
    with streaming(_TICK, context=authority.server_context("127.0.0.1")) as server:
        assert Reason.TLS in _until(listen(server.url), lambda r: r.failures).failures
        assert _until(listen(server.url, context=authority.client), lambda r: r.last_message)


def test_through_the_proxy(listen: _Listen) -> None:
    """In a tunnel, as the bot's own stream."""
    proxy = ConnectProxy()
    with serve(proxy) as at, streaming(_TICK) as server:
        probe = listen(server.url, read_proxy=lambda: _Through(f"http://127.0.0.1:{at}"))
        _until(probe, lambda r: r.last_message)
        assert proxy.seen == [f"CONNECT {server.url.removeprefix('ws://')}"]
        probe.stop()


@pytest.mark.parametrize("status", [None, 403])
def test_a_proxy_that_does_not_help(listen: _Listen, status: int | None) -> None:
    """Dead or unwilling: the failure is the proxy's."""
    with serve(ConnectProxy(status=status or 500)) as at:
        port = closed_port() if status is None else at
        probe = listen("ws://127.0.0.1:9", read_proxy=lambda: _Through(f"http://127.0.0.1:{port}"))
        assert set(_until(probe, lambda r: r.failures).failures) == {Reason.PROXY}


def test_pauses_grow(listen: _Listen) -> None:
    """A dead exchange is not stormed: no more than one attempt in each half of longest_pause."""
    door = _Door(reset)
    with serve(door) as port:
        probe = listen(f"ws://127.0.0.1:{port}", longest_pause=4.0)
        _until(probe, lambda r: sum(r.failures.values()) >= 4)
    pauses = [after - before for before, after in itertools.pairwise(door.knocks[:4])]
    assert all(pause >= least for pause, least in zip(pauses, (0.25, 0.5, 1.0), strict=True))
