"""An unmodified python-binance listens to the simulated streams."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.sim.simulator import Simulator

pytestmark = pytest.mark.filterwarnings(
    # Its import uses a deprecated name of websockets.
    "ignore:websockets:DeprecationWarning",
)
_DEADLINE = 60


def _run(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    # Not asyncio.run(): it would take away the loop that another test's client has been given.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _first(simulator: Simulator, open_socket: Callable[[Any], Any], count: int) -> list[Any]:
    # Imported late: its import warns, and only tests may ignore that.
    from binance import AsyncClient, BinanceSocketManager  # noqa: PLC0415

    client = AsyncClient("", "")
    try:
        manager = BinanceSocketManager(client)
        manager.STREAM_URL = f"{simulator.ready['stream']}/"
        manager.FSTREAM_URL = f"{simulator.ready['stream_usdm']}/"
        async with open_socket(manager) as socket:
            return [await asyncio.wait_for(socket.recv(), _DEADLINE) for _ in range(count)]
    finally:
        await client.close_connection()


@pytest.mark.parametrize(
    ("open_socket", "fields"),
    [
        (lambda m: m.trade_socket("BTCUSDT"), {"e": "trade", "s": "BTCUSDT"}),
        (lambda m: m.aggtrade_socket("BTCUSDT"), {"e": "aggTrade", "s": "BTCUSDT"}),
        (lambda m: m.symbol_book_ticker_socket("ETHUSDT"), {"s": "ETHUSDT"}),
        (lambda m: m.symbol_miniticker_socket("BTCUSDT"), {"e": "24hrMiniTicker"}),
        (lambda m: m.kline_socket("BTCUSDT", "1m"), {"e": "kline", "s": "BTCUSDT"}),
    ],
    ids=["trade", "aggTrade", "bookTicker", "miniTicker", "kline"],
)
def test_spot_streams(
    simulator: Simulator, open_socket: Callable[[Any], Any], fields: dict[str, str]
) -> None:
    """Raw events of each kind, several of them."""
    events = _run(_first(simulator, open_socket, 3))
    assert all(event.items() >= fields.items() for event in events)


@pytest.mark.parametrize(
    ("open_socket", "stream", "kind"),
    [
        (
            lambda m: m.symbol_mark_price_socket("BTCUSDT"),
            "btcusdt@markPrice@1s",
            "markPriceUpdate",
        ),
        (lambda m: m.aggtrade_futures_socket("BTCUSDT"), "btcusdt@aggTrade", "aggTrade"),
        (lambda m: m.symbol_ticker_futures_socket("BTCUSDT"), "btcusdt@bookTicker", "bookTicker"),
    ],
    ids=["markPrice", "aggTrade", "bookTicker"],
)
def test_futures_streams(
    simulator: Simulator, open_socket: Callable[[Any], Any], stream: str, kind: str
) -> None:
    """Combined events, each under the path that the exchange routes it to."""
    events = _run(_first(simulator, open_socket, 3))
    assert all(event["stream"] == stream for event in events)
    assert all(event["data"]["e"] == kind for event in events)


def test_several_streams_over_one_socket(simulator: Simulator) -> None:
    """A combined spot socket names the stream of each event."""
    names = ["btcusdt@trade", "ethusdt@miniTicker"]
    events = _run(_first(simulator, lambda m: m.multiplex_socket(names), 6))
    assert {event["stream"] for event in events} == set(names)


def test_a_lost_stream_reaches_the_library_s_user_as_an_error(simulator: Simulator) -> None:
    """The server goes away in the middle: the library says so, and reconnects when it is back."""

    async def listen() -> list[Any]:
        from binance import AsyncClient, BinanceSocketManager  # noqa: PLC0415

        client = AsyncClient("", "")
        manager = BinanceSocketManager(client)
        manager.STREAM_URL = f"{simulator.ready['stream']}/"
        async with manager.trade_socket("BTCUSDT") as socket:
            first = await asyncio.wait_for(socket.recv(), _DEADLINE)
            await asyncio.to_thread(simulator.stream.shut)
            while (lost := await asyncio.wait_for(socket.recv(), _DEADLINE))["e"] != "error":
                pass
            await asyncio.to_thread(simulator.stream.open)
            while (again := await asyncio.wait_for(socket.recv(), _DEADLINE))["e"] == "error":
                pass
        await client.close_connection()
        return [first, lost, again]

    first, lost, again = _run(listen())
    assert (first["e"], lost["e"], again["e"]) == ("trade", "error", "trade")
    assert lost["type"] in {"ConnectionClosedError", "BinanceWebsocketClosed"}
