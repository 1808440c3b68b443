"""Binance USD-M futures, read only."""

from decimal import Decimal
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

MARKET = "usdm"
TIME_PATH = "/fapi/v1/time"
_PING_PATH = "/fapi/v1/ping"
_SIDES = ("BOTH", "LONG", "SHORT")


class BinanceUsdm:
    """What the exporter may ask a USD-M futures account."""

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
        """Read positions and all resting orders, the algo service's included.

        A symbol without a position is absent from the answer; that means flat only
        because every query of this pass succeeded.
        """
        client = self._client
        positions = client.get("account", "/fapi/v3/positionRisk", signed=True)
        orders = client.get("account", "/fapi/v1/openOrders", signed=True)
        # Stops live in the algo service since 2025-12 and are in no other list.
        algo = client.get("account", "/fapi/v1/openAlgoOrders", signed=True)
        return AccountReading(
            positions=tuple(
                position
                for item in fields.objects(positions, "positionRisk")
                if (position := _position(item)).quantity
            ),
            open_orders=(
                *(_order(item) for item in fields.objects(orders, "openOrders")),
                *(_algo_order(item) for item in fields.objects(algo, "openAlgoOrders")),
            ),
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _position(item: dict[str, Any]) -> Position:
    side = fields.text(item, "positionSide")
    if side not in _SIDES:
        raise SourceError(Reason.BAD_RESPONSE, f"positionSide is {side[:40]!r}")
    quantity = fields.decimal(item, "positionAmt")
    return Position(MARKET, fields.text(item, "symbol"), side, quantity)


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
        reduce_only=fields.flag(item, "reduceOnly") or fields.flag(item, "closePosition"),
    )


def _algo_order(item: dict[str, Any]) -> OpenOrder:
    return OpenOrder(
        market=MARKET,
        symbol=fields.text(item, "symbol"),
        order_id=fields.text(item, "algoId"),
        client_order_id=fields.text(item, "clientAlgoId"),
        status=fields.text(item, "algoStatus"),
        kind="algo",
        side=fields.text(item, "side"),
        # A close-position stop has no quantity of its own.
        quantity=fields.decimal(item, "quantity", missing=Decimal(0)),
        executed=Decimal(0),
        reduce_only=fields.flag(item, "reduceOnly") or fields.flag(item, "closePosition"),
    )
