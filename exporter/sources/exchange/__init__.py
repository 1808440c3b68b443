"""The exchange as the exporter sees it: read only, one protocol, one client per venue.

Quantities and prices are ``Decimal`` from the venue's own text, times Unix seconds
of the venue's clock, sides and statuses upper case in Binance's words (Alpaca's
``partially_filled`` is PARTIALLY_FILLED). Crypto pairs are spelled without a slash.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from exporter.config import ClockReference, Venue
from exporter.errors import Reason, SourceError
from exporter.readings import (
    AccountReading,
    ClockReading,
    ExchangeStatus,
    Fee,
    Fill,
    Income,
    KeyRestrictions,
    LatencySample,
    MarketHours,
    OpenOrder,
    Position,
    RateLimit,
    SymbolRules,
)
from exporter.secrets import ApiKey
from exporter.sources import connection
from exporter.sources.exchange import binance_spot, binance_usdm
from exporter.sources.exchange.alpaca import Alpaca
from exporter.sources.exchange.alpaca_client import AlpacaClient
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_spot import BinanceSpot
from exporter.sources.exchange.binance_usdm import BinanceUsdm
from exporter.sources.exchange.client import Access, Request
from exporter.sources.exchange.rate_limits import RateBook, host_of
from exporter.sources.proxy import read_proxy

__all__ = [
    "Clock",
    "Exchange",
    "RateBook",
    "Request",
    "host_of",
    "open_clock",
    "open_exchange",
]


class Clock(Protocol):
    """A venue whose server time can be asked without a key."""

    def clock(self, samples: int) -> ClockReading:
        """Measure the local clock's offset; positive means it is ahead."""

    def close(self) -> None:
        """Close the connection."""


class Exchange(Clock, Protocol):
    """A venue with an account. Every method raises SourceError and sends nothing but GETs.

    Lists are complete or fail. A symbol may be spelled with or without a slash. ``since`` is
    by the local clock, whatever that is off by.
    """

    def ping(self) -> LatencySample:
        """Time one smallest request."""

    def status(self) -> ExchangeStatus:
        """Ask whether the venue is in maintenance."""

    def account(self) -> AccountReading:
        """Read positions and all open orders, and whether the account may trade."""

    def positions(self) -> tuple[Position, ...]:
        """Read all positions; flat ones are absent."""

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Read all resting orders, conditional ones included."""

    def rules(self, symbols: Collection[str] = ()) -> tuple[SymbolRules, ...]:
        """Read instruments' rules, all without symbols; unknown symbols are left out."""

    def fees(self, symbols: Collection[str]) -> tuple[Fee, ...]:
        """Read commission rates; UNSUPPORTED where the venue publishes none."""

    def restrictions(self) -> KeyRestrictions:
        """Read what the key may do; UNSUPPORTED where the venue cannot be asked."""

    def check_key(self) -> None:
        """Make one small signed request; the error's reason says what is wrong with the key."""

    def order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> OpenOrder:
        """Read one order in any status by either id; MISSING if the venue does not know it."""

    def orders(self, symbol: str, since: float) -> tuple[OpenOrder, ...]:
        """Read all orders placed since then (Unix seconds); TOO_LARGE if that is too many."""

    def fills(self, symbol: str, since: float) -> tuple[Fill, ...]:
        """Read all executions since then; TOO_LARGE if that is too many."""

    def income(self, since: float) -> tuple[Income, ...]:
        """Read what moved money without a trade since then; TOO_LARGE if that is too much."""

    def hours(self) -> MarketHours | None:
        """Read the market's hours; None for one that never closes."""

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Return what answers of the last minute said of the limits; none before the first."""

    def last_trades(self, symbols: Collection[str]) -> Mapping[str, float]:
        """Read when each symbol last traded, Unix seconds; UNSUPPORTED where streams tell."""


def open_exchange(
    venue: Venue,
    key: ApiKey | None,
    *,
    timeout: float,
    observe: Callable[[Request], None] | None = None,
    limits: RateBook | None = None,
) -> Exchange:
    """Return a client for the venue, which goes through the bot's own proxy.

    Args:
        venue: where.
        key: for the account; without it only what needs none can be asked.
        timeout: seconds for each request as a whole.
        observe: told of each finished request.
        limits: the book shared with other clients, and with it the venue's share of the
            limits; without one only this client's own silences hold it back.

    Raises:
        SourceError: PROXY or UNSUPPORTED, for a proxy or URL that cannot be used.
    """
    access = Access(
        http=connection.open_client(timeout=timeout, proxy=read_proxy(venue)),
        timeout=timeout,
        limits=limits or RateBook(),
        key=key,
        share=None if limits is None else venue.rate_limit_share,
        observe=observe,
    )
    if venue.kind == "alpaca":
        broker = AlpacaClient(venue.base_url, access, data_base_url=venue.data_base_url)
        return Alpaca(broker, venue.base_url, symbols=venue.symbols)
    return _binance(venue.kind, venue.base_url, access, venue.sapi_base_url)


def open_clock(
    reference: ClockReference, *, timeout: float, limits: RateBook | None = None
) -> Clock:
    """Return a client for a second exchange's clock.

    Raises:
        SourceError: UNSUPPORTED for a venue that tells the time only to a key.
    """
    if reference.kind == "alpaca":
        raise SourceError(Reason.UNSUPPORTED, "Alpaca tells its time only to a key", permanent=True)
    http = connection.open_client(timeout=timeout)
    access = Access(http=http, timeout=timeout, limits=limits or RateBook())
    return _binance(reference.kind, reference.base_url, access, None)


def _binance(
    kind: str, base_url: str, access: Access, sapi_base_url: str | None
) -> BinanceSpot | BinanceUsdm:
    if kind == "binance_usdm":
        path = binance_usdm.TIME_PATH
        return BinanceUsdm(
            BinanceClient(base_url, access, time_path=path, sapi_base_url=sapi_base_url)
        )
    path = binance_spot.TIME_PATH
    return BinanceSpot(BinanceClient(base_url, access, time_path=path, sapi_base_url=sapi_base_url))
