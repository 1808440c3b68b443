"""Where a venue's public market data streams, and which stream to listen to.

The lightest stream that speaks up even while nobody trades, since each message costs us time:

- spot: ``<symbol>@miniTicker``, once a second (trade, depth and book streams send up to hundreds);
- USD-M: ``<symbol>@markPrice``, every three seconds, trades or not.

Alpaca allows one market-data connection, which is the bot's; there are no streams of ours there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.config import Venue

_STREAMS = {"binance_spot": "miniTicker", "binance_usdm": "markPrice"}
# By the host of the REST API. USD-M's live host serves tickers and prices below /market.
_BASES = {
    "api.binance.com": "wss://stream.binance.com:443",
    "api1.binance.com": "wss://stream.binance.com:443",
    "api2.binance.com": "wss://stream.binance.com:443",
    "api3.binance.com": "wss://stream.binance.com:443",
    "api4.binance.com": "wss://stream.binance.com:443",
    "api-gcp.binance.com": "wss://stream.binance.com:443",
    "api.binance.us": "wss://stream.binance.us:9443",
    "testnet.binance.vision": "wss://stream.testnet.binance.vision",
    "demo-api.binance.com": "wss://demo-stream.binance.com",
    "fapi.binance.com": "wss://fstream.binance.com/market",
    "testnet.binancefuture.com": "wss://fstream.binancefuture.com",
    "demo-fapi.binance.com": "wss://fstream.binancefuture.com",
}


@dataclass(frozen=True)
class StreamAddress:
    """One connection for all symbols; ``symbols`` is each stream's symbol."""

    url: str
    symbols: Mapping[str, str]


def stream_address(venue: Venue) -> StreamAddress | None:
    """Return where to listen for the venue's symbols.

    None if there is nothing to listen to: no symbols, no streams at this kind of venue, or a
    host that we do not know and ``stream_url`` does not name.
    """
    kind = _STREAMS.get(venue.kind)
    host = urlsplit(venue.base_url).hostname or ""
    base = venue.stream_url or _BASES.get(host.lower())
    if kind is None or base is None or not venue.symbols:
        return None
    symbols = {f"{symbol.lower()}@{kind}": symbol.upper() for symbol in venue.symbols}
    # People copy the address of the raw streams; combined ones are beside it.
    root = base.rstrip("/").removesuffix("/ws").removesuffix("/stream")
    return StreamAddress(f"{root}/stream?streams={'/'.join(symbols)}", symbols)
