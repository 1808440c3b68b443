"""The simulated streams as a client sees them: names, commands, limits, doors."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.sim.conftest import DEADLINE, until
from tests.sim.simulator import Simulator
from tests.sim.stream.server import StreamServer
from tests.sim.world import World


def _receive(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=DEADLINE))


def _ask(client: ClientConnection, message: object) -> Any:
    """Send a command; return its answer, past the events in between."""
    client.send(message if isinstance(message, str) else json.dumps(message))
    while "id" not in (answer := _receive(client)):
        pass
    return answer


def _chatter(client: ClientConnection) -> None:
    """Send all at once: asked one after the other, a busy machine would be slow enough."""
    for number in range(50):
        client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    for _ in range(50):
        _receive(client)


def _silent(client: ClientConnection) -> bool:
    with pytest.raises(TimeoutError):
        client.recv(timeout=0.6)
    return True


@pytest.fixture
def client(simulator: Simulator) -> Iterator[ClientConnection]:
    """A spot connection without a stream."""
    with connect(f"{simulator.stream.url}/ws") as connection:
        yield connection


def test_prices_tick_several_times_a_second(simulator: Simulator) -> None:
    """A raw stream; times are the exchange's, prices close to the book's."""
    simulator.world.clocks.exchange = 50.0
    with connect(f"{simulator.stream.url}/ws/btcusdt@trade") as client:
        events = [_receive(client) for _ in range(10)]
    assert len({event["p"] for event in events}) > 3
    assert all(abs(float(event["p"]) - 60_000) <= 5 for event in events)
    assert events[-1]["E"] / 1000 - time.time() == pytest.approx(-50, abs=20)
    # A busy machine may be late with some of them, but not with each.
    times = [event["E"] for event in events]
    assert min(later - sooner for sooner, later in itertools.pairwise(times)) < 500


def test_streams_are_subscribed_listed_and_left(client: ClientConnection) -> None:
    """Each command is answered under its id."""
    names = ["btcusdt@trade", "ethusdt@bookTicker"]
    assert _ask(client, {"method": "SUBSCRIBE", "params": names, "id": 1}) == {
        "result": None,
        "id": 1,
    }
    assert _ask(client, {"method": "LIST_SUBSCRIPTIONS", "id": "x"}) == {"result": names, "id": "x"}
    until(lambda: _receive(client).get("e") == "trade", "a trade")
    assert _ask(client, {"method": "UNSUBSCRIBE", "params": names, "id": 2})["result"] is None
    assert _silent(client)


@pytest.mark.parametrize(
    ("message", "number", "code"),
    [
        ("{", None, 3),
        ({"method": "LEAVE", "id": 5}, 5, 2),
        ({"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 6}, 6, 2),
        ({"method": "SUBSCRIBE", "params": [f"x{n}@trade" for n in range(1025)], "id": 7}, 7, 2),
    ],
)
def test_a_wrong_command_is_answered_with_an_error(
    client: ClientConnection, message: object, number: int | None, code: int
) -> None:
    """The connection goes on."""
    answer = _ask(client, message)
    assert (answer["id"], answer["error"]["code"]) == (number, code)
    assert _ask(client, {"method": "LIST_SUBSCRIPTIONS", "id": 9})["result"] == []


@pytest.mark.parametrize("name", ["BTCUSDT@trade", "nope@trade", "btcusdt@kline", "btcusdt@odd"])
def test_of_a_name_that_is_no_stream_nothing_ever_comes(simulator: Simulator, name: str) -> None:
    """Upper-case symbols are such names; the connection is accepted all the same."""
    with connect(f"{simulator.stream.url}/ws/{name}") as client:
        assert _silent(client)


@pytest.mark.parametrize(
    ("path", "flows"),
    [
        ("ws/btcusdt@bookTicker", True),
        ("ws/btcusdt@aggTrade", True),
        ("public/ws/btcusdt@bookTicker", True),
        ("public/ws/btcusdt@aggTrade", False),
        ("market/ws/btcusdt@bookTicker", False),
        ("market/stream?streams=btcusdt@markPrice", True),
    ],
)
def test_futures_streams_are_routed(simulator: Simulator, path: str, *, flows: bool) -> None:
    """Books come under /public, the rest under /market, and all of it where it used to be."""
    with connect(f"{simulator.stream_usdm.url}/{path}") as client:
        if flows:
            _receive(client)
        else:
            assert _silent(client)


@pytest.mark.parametrize("path", ["", "api", "public/ws/btcusdt@trade"])
def test_other_paths_are_not_found(simulator: Simulator, path: str) -> None:
    """Spot knows no /public."""
    with pytest.raises(InvalidStatus) as refused, connect(f"{simulator.stream.url}/{path}"):
        pass
    assert refused.value.response.status_code == 404


def test_who_sends_too_much_is_disconnected(client: ClientConnection) -> None:
    """More than five messages in a second end a spot connection."""
    with pytest.raises(ConnectionClosed) as ended:
        _chatter(client)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1008


def test_a_slow_reader_delays_nobody(simulator: Simulator) -> None:
    """One client asks for more than it ever reads; another gets its events all the same."""
    names = [f"btcusdt@kline_{n}m" for n in range(1000)]
    with connect(f"{simulator.stream.url}/stream", max_queue=1, close_timeout=0.1) as slow:
        slow.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        assert until(lambda: simulator.stream.dropped, "more than the sockets hold")
        url = f"{simulator.stream.url}/ws/btcusdt@trade"
        with connect(url, open_timeout=DEADLINE) as client:
            assert len([_receive(client) for _ in range(10)]) == 10


def test_the_server_pings(simulator: Simulator) -> None:
    """A client that does not answer pings is found out; one that does stays."""
    server = StreamServer(0, World(), "spot", ping_seconds=0.1)
    server.start()
    try:
        with connect(f"{server.url}/ws", ping_interval=None) as client:
            until(lambda: server.connections == 1, "the connection")
            assert _silent(client)
            assert _ask(client, {"method": "LIST_SUBSCRIPTIONS", "id": 1})["result"] == []
    finally:
        server.stop()


@pytest.mark.parametrize("site", ["exchange", "alpaca", "stream", "stream_usdm"])
def test_a_door_that_is_shut_refuses_and_opens_again(simulator: Simulator, site: str) -> None:
    """Connections end and are refused; the same address works when it is open again."""
    url = simulator.ready[site].replace("ws://", "http://")
    path = {"exchange": "/api/v3/ping", "alpaca": "/v2/clock"}.get(site, "/")
    door = simulator.world.doors[site]
    with httpx.Client(base_url=url, timeout=30) as client:
        before = client.get(path).status_code
        door.shut()
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                httpx.get(url)
        door.shut()
        door.open()
        door.open()
        assert client.get(path).status_code == before


def test_a_shut_door_keeps_its_port() -> None:
    """Nobody else gets the port meanwhile."""
    with Simulator() as simulator:
        for site in ("exchange", "stream"):
            simulator.world.doors[site].shut()
            port = int(simulator.ready[site].rsplit(":", 1)[1])
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
