"""What the simulated bot's log and metrics say when the world goes wrong."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sim.conftest import LiveBot, until
from tests.sim.injecting import end, inject
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator
from tests.stack.programs import free_port


@pytest.fixture
def listener(
    simulator: Simulator, control: httpx.Client, tmp_path: Path
) -> Iterator[tuple[LiveBot, str]]:
    """A bot that listens to a stream and serves metrics, and the address of those."""
    port = free_port()
    root = install_bot(tmp_path / "bot", simulator.ready, stream=True, metrics_port=port)
    control.post("/bot", json={"name": "alpha", "root": str(root)}).raise_for_status()
    bot = LiveBot(root, simulator)
    bot.start()
    try:
        until(lambda: "WebSocket connected: btcusdt@bookTicker" in bot.log, "the stream")
        yield bot, f"http://127.0.0.1:{port}/metrics"
    finally:
        bot.stop_all()


@pytest.mark.parametrize(
    ("kind", "phrases"),
    [
        ("refused", ["ERROR Connection refused: ", "WARNING WebSocket disconnected: "]),
        ("hang", ["ERROR Request timed out: ", "WARNING Stale market data: "]),
        ("reset", ["ERROR Connection lost: ", "WARNING WebSocket disconnected: "]),
        ("stream_silent", ["WARNING Stale market data: btcusdt@bookTicker"]),
    ],
)
def test_a_broken_network_is_in_the_log(
    listener: tuple[LiveBot, str], control: httpx.Client, kind: str, phrases: list[str]
) -> None:
    """In the runbook's words; afterwards it trades and listens again."""
    bot, _ = listener
    inject(control, "network_disconnection", kind=kind)
    for phrase in phrases:
        until(lambda: phrase in bot.log, phrase)  # noqa: B023
    until(lambda: "Stale market data" in bot.log, "stale market data")
    end(control, "network_disconnection")
    orders = bot.orders
    until(lambda: bot.orders > orders, "trading again")
    until(lambda: "Market data flows again" in bot.log, "market data again")


def test_maintenance_is_in_the_log(listener: tuple[LiveBot, str], control: httpx.Client) -> None:
    """503 from the API, the stream's shutdown announced."""
    bot, _ = listener
    inject(control, "exchange_maintenance", kind="full")
    until(lambda: "ERROR HTTP 503 Service Unavailable: " in bot.log, "503")
    until(lambda: "Exchange announces shutdown" in bot.log, "the announcement")
    until(lambda: "WebSocket disconnected" in bot.log, "the end of the stream")
    end(control, "exchange_maintenance")
    orders = bot.orders
    until(lambda: bot.orders > orders, "trading again")


@pytest.mark.parametrize(
    ("kind", "phrase"),
    [
        ("rejected", "ERROR Invalid API key: Invalid API-key, IP, or permissions"),
        ("key_format", "ERROR Invalid API key: API-key format invalid. (code -2014)"),
        ("unknown", "ERROR Invalid API key: Invalid Api-Key ID. (code -2008)"),
        ("signature", "ERROR Signature verification failed: "),
        ("expired", "ERROR Invalid API key: "),
    ],
)
def test_a_bad_key_is_in_the_log_and_trips_the_bot(
    bot: LiveBot, control: httpx.Client, kind: str, phrase: str
) -> None:
    """Errors in a row engage its kill switch, as too many errors always do."""
    bot.start()
    until(lambda: "Filled" in bot.log, "a trade")
    inject(control, "api_key", kind=kind)
    until(lambda: phrase in bot.log, phrase)
    until(lambda: "Kill switch triggered: 5 consecutive errors" in bot.log, "the trip")


def test_its_own_metrics_tell_of_life_and_market_data(
    listener: tuple[LiveBot, str], control: httpx.Client
) -> None:
    """Both times move, and market data's stands still while the stream is silent."""
    _, url = listener

    def read(name: str) -> float:
        text = httpx.get(url, timeout=30).text
        found = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.]+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    heartbeat, data = "bot_heartbeat_timestamp_seconds", "bot_market_data_timestamp_seconds"
    for name in (heartbeat, data):
        first = until(lambda: read(name), name)  # noqa: B023
        until(lambda: read(name) > first, f"{name} moves")  # noqa: B023
    inject(control, "network_disconnection", kind="stream_silent")
    until(lambda: (at := read(data)) and _steps(read, heartbeat, 4) and read(data) == at, "silence")
    assert 'stream="btcusdt@bookTicker"' in httpx.get(url, timeout=30).text


def _steps(read: object, name: str, count: int) -> bool:
    assert callable(read)
    for _ in range(count):
        before = read(name)
        until(lambda: read(name) > before, "a step")  # noqa: B023
    return True
