"""The exchange as the exporter sees it: read only, one protocol, one file per venue."""

from collections.abc import Callable
from typing import Protocol

from exporter.config import ClockReference, Venue
from exporter.errors import Reason, SourceError
from exporter.readings import AccountReading, ClockReading, ExchangeStatus, LatencySample
from exporter.secrets import ApiKey
from exporter.sources.exchange import binance_spot, binance_usdm
from exporter.sources.exchange.binance import BinanceClient, Request
from exporter.sources.exchange.binance_spot import BinanceSpot
from exporter.sources.exchange.binance_usdm import BinanceUsdm

__all__ = ["Clock", "Exchange", "Request", "open_clock", "open_exchange"]

_TIME_PATHS = {
    "binance_spot": binance_spot.TIME_PATH,
    "binance_usdm": binance_usdm.TIME_PATH,
}


class Clock(Protocol):
    """A venue whose server time can be asked without a key."""

    def clock(self, samples: int) -> ClockReading:
        """Measure the local clock's offset; positive means it is ahead."""

    def close(self) -> None:
        """Close the connection."""


class Exchange(Clock, Protocol):
    """A venue with an account. Every method raises SourceError."""

    def ping(self) -> LatencySample:
        """Time one smallest request."""

    def status(self) -> ExchangeStatus:
        """Ask whether the venue is in maintenance."""

    def account(self) -> AccountReading:
        """Read positions and all open orders, complete or not at all."""


def open_exchange(
    venue: Venue,
    key: ApiKey | None,
    *,
    timeout: float,
    observe: Callable[[Request], None] | None = None,
) -> Exchange:
    """Return a client for the venue; without a key only the account is out of reach.

    Raises:
        SourceError: UNSUPPORTED for a kind of venue that has no client yet.
    """
    client = _client(venue.kind, venue.base_url, key, timeout, observe)
    if venue.kind == "binance_usdm":
        return BinanceUsdm(client, venue.sapi_base_url)
    return BinanceSpot(client, venue.sapi_base_url)


def open_clock(reference: ClockReference, *, timeout: float) -> Clock:
    """Return a client for a second exchange's clock.

    Raises:
        SourceError: UNSUPPORTED for a kind of venue that has no client yet.
    """
    client = _client(reference.kind, reference.base_url, None, timeout, None)
    return (
        BinanceUsdm(client, None) if reference.kind == "binance_usdm" else BinanceSpot(client, None)
    )


def _client(
    kind: str,
    base_url: str,
    key: ApiKey | None,
    timeout: float,
    observe: Callable[[Request], None] | None,
) -> BinanceClient:
    if kind not in _TIME_PATHS:
        raise SourceError(Reason.UNSUPPORTED, f"{kind} has no client yet", permanent=True)
    return BinanceClient(
        base_url, key, timeout=timeout, time_path=_TIME_PATHS[kind], observe=observe
    )
