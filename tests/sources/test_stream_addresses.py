"""Where each venue streams, and to which streams we listen."""

from typing import Any

import msgspec
import pytest

from exporter.config import Venue
from exporter.sources.exchange.stream_addresses import stream_address


def _url(kind: str, base_url: str, **venue: Any) -> str | None:
    plain = {"kind": kind, "base_url": base_url, "symbols": ["BTCUSDT", "ETHUSDT"], **venue}
    address = stream_address(msgspec.convert(plain, Venue))
    return None if address is None else address.url


_SPOT = "/stream?streams=btcusdt@miniTicker/ethusdt@miniTicker"
_USDM = "/stream?streams=btcusdt@markPrice/ethusdt@markPrice"


@pytest.mark.parametrize(
    ("kind", "base_url", "expected"),
    [
        ("binance_spot", "https://api.binance.com", f"wss://stream.binance.com:443{_SPOT}"),
        ("binance_spot", "https://API1.binance.com/", f"wss://stream.binance.com:443{_SPOT}"),
        (
            "binance_spot",
            "https://testnet.binance.vision",
            f"wss://stream.testnet.binance.vision{_SPOT}",
        ),
        ("binance_usdm", "https://fapi.binance.com", f"wss://fstream.binance.com/market{_USDM}"),
        (
            "binance_usdm",
            "https://demo-fapi.binance.com",
            f"wss://fstream.binancefuture.com{_USDM}",
        ),
        ("binance_usdm", "http://127.0.0.1:9842", None),
        ("alpaca", "https://api.alpaca.markets", None),
    ],
)
def test_known_hosts(kind: str, base_url: str, expected: str | None) -> None:
    """Live and test hosts have streams of their own; a host that nobody knows has none."""
    assert _url(kind, base_url) == expected


@pytest.mark.parametrize("tail", ["", "/", "/ws", "/stream", "/ws/"])
def test_a_configured_address_goes_first(tail: str) -> None:
    """However it is copied from the exchange's documentation."""
    url = _url(
        "binance_spot", "https://api.binance.com", stream_url=f"wss://proxy.local:9443{tail}"
    )
    assert url == f"wss://proxy.local:9443{_SPOT}"


def test_nothing_to_listen_to() -> None:
    """Without symbols there is no stream, and Alpaca's one connection is the bot's."""
    assert _url("binance_spot", "https://api.binance.com", symbols=[]) is None
    assert _url("alpaca", "https://api.alpaca.markets", stream_url="wss://x.local") is None


def test_each_stream_knows_its_symbol() -> None:
    """As its data names it."""
    venue = msgspec.convert(
        {"kind": "binance_usdm", "base_url": "https://fapi.binance.com", "symbols": ["btcusdt"]},
        Venue,
    )
    address = stream_address(venue)
    assert address is not None
    assert address.symbols == {"btcusdt@markPrice": "BTCUSDT"}
