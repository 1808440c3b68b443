"""Binance spot, read only. Spot has balances, not positions: free plus locked."""

from typing import Any

from exporter.errors import Reason, SourceError
from exporter.readings import (
    AccountReading,
    ClockReading,
    ExchangeStatus,
    LatencySample,
    OpenOrder,
    Position,
)
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_status import read_latency, read_status

MARKET = "spot"
TIME_PATH = "/api/v3/time"
_PING_PATH = "/api/v3/ping"


class BinanceSpot:
    """What the exporter may ask a spot account."""

    def __init__(self, client: BinanceClient, sapi_base_url: str | None) -> None:
        self._client = client
        self._sapi_base_url = sapi_base_url

    def clock(self, samples: int) -> ClockReading:
        """Measure the local clock against the exchange's."""
        return self._client.measure_clock(samples)

    def ping(self) -> LatencySample:
        """Time one smallest request."""
        return read_latency(self._client, _PING_PATH)

    def status(self) -> ExchangeStatus:
        """Ask whether the venue is in maintenance."""
        return read_status(self._client, self._sapi_base_url, _PING_PATH)

    def account(self) -> AccountReading:
        """Read balances by asset and all resting orders by symbol."""
        account = self._client.get("account", "/api/v3/account", signed=True)
        orders = self._client.get("account", "/api/v3/openOrders", signed=True)
        if not isinstance(account, dict):
            raise SourceError(Reason.BAD_RESPONSE, "account is not an object")
        return AccountReading(
            positions=tuple(
                position
                for item in fields.objects(account.get("balances"), "balances")
                if (position := _balance(item)).quantity
            ),
            open_orders=tuple(_order(item) for item in fields.objects(orders, "openOrders")),
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _balance(item: dict[str, Any]) -> Position:
    # Locked backs open sell orders and is still held.
    held = fields.decimal(item, "free") + fields.decimal(item, "locked")
    return Position(MARKET, fields.text(item, "asset"), "BOTH", held)


def _order(item: dict[str, Any]) -> OpenOrder:
    return OpenOrder(
        market=MARKET,
        symbol=fields.text(item, "symbol"),
        order_id=fields.text(item, "orderId"),
        client_order_id=fields.text(item, "clientOrderId"),
        status=fields.text(item, "status"),
        kind="regular",
        side=fields.text(item, "side"),
        quantity=fields.decimal(item, "origQty"),
        executed=fields.decimal(item, "executedQty"),
        reduce_only=False,
    )
