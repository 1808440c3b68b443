"""What both Binance markets answer alike: clock, ping, system status, key, limits."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.readings import (
    ClockReading,
    ExchangeStatus,
    KeyRestrictions,
    LatencySample,
    MarketHours,
    RateLimit,
)
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_key import explain, read_restrictions

_STATUS_PATH = "/sapi/v1/system/status"


class BinanceMarket:
    """What the exporter may ask any Binance market.

    Args:
        client: speaks to the market.
        ping_path: its smallest request.
        permission: what a key needs in order to trade there, as apiRestrictions names it.
    """

    def __init__(self, client: BinanceClient, *, ping_path: str, permission: str) -> None:
        self._client = client
        self._ping_path = ping_path
        self._permission = permission

    def clock(self, samples: int) -> ClockReading:
        """Measure the local clock against the exchange's."""
        return self._client.measure_clock(samples)

    def ping(self) -> LatencySample:
        """Time one smallest request."""
        started = time.perf_counter()
        self._client.get("ping", self._ping_path)
        return LatencySample("ping", time.perf_counter() - started)

    def status(self) -> ExchangeStatus:
        """Ask the venue's status page; test venues have none, so there a ping decides."""
        try:
            if not self._client.has_sapi:
                self._client.get("ping", self._ping_path)
                return ExchangeStatus(maintenance=False, message="no status page; ping answers")
            body = self._client.get("status", _STATUS_PATH)
        except SourceError as error:
            if error.reason is Reason.MAINTENANCE:
                return ExchangeStatus(maintenance=True, message=error.detail)
            raise
        status = body.get("status") if isinstance(body, dict) else None
        if isinstance(status, bool) or status not in (0, 1):
            raise SourceError(Reason.BAD_RESPONSE, f"system status is {str(status)[:40]!r}")
        return ExchangeStatus(maintenance=status == 1, message=str(body.get("msg", ""))[:200])

    def restrictions(self) -> KeyRestrictions:
        """Ask what the key may do."""
        return read_restrictions(self._client, self._permission)

    def hours(self) -> MarketHours | None:
        """None: the market never closes."""
        return None

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Return what the newest answers said of the weight that this IP has used."""
        return self._client.rate_limits()

    def last_trades(self, symbols: Collection[str]) -> Mapping[str, float]:
        """Refuse: public streams say it better."""
        raise SourceError(
            Reason.UNSUPPORTED, f"no trades are asked for {len(symbols)} symbols", permanent=True
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check(self, path: str, *, weight: int) -> None:
        """Make one signed request and say as exactly as possible what is wrong with the key."""
        try:
            self._client.get("key", path, signed=True, weight=weight)
        except SourceError as error:
            raise explain(self._client, error, self._permission) from None

    def _resting(self, path: str, *, weight: int) -> list[dict[str, Any]]:
        body = self._client.get("open_orders", path, signed=True, weight=weight)
        return fields.objects(body, path)


def blocked(account: dict[str, Any]) -> str | None:
    """Say why the account may not trade; empty if it may, None if that is not said."""
    if "canTrade" not in account:
        return None
    return "" if fields.flag(account, "canTrade") else "canTrade is false"


def order_query(
    symbol: str, order_id: str | None, client_order_id: str | None, names: tuple[str, str]
) -> dict[str, str]:
    """Return the parameters that name one order by either id.

    Raises:
        SourceError: INVALID, if neither id is given.
    """
    for name, value in zip(names, (order_id, client_order_id), strict=True):
        if value is not None:
            return {"symbol": symbol, name: value}
    raise SourceError(Reason.INVALID, "an order is asked for without an id", permanent=True)
