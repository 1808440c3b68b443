"""Binance's orders and trades as readings (facts §1.5, §1.6)."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from exporter.readings import Fill, Income, OpenOrder
from exporter.sources.exchange import fields
from exporter.sources.exchange.links import NONE, Links, attach

_ZERO = Decimal(0)


def spot_order(item: dict[str, Any]) -> OpenOrder:
    """Decode a spot order."""
    return OpenOrder(
        market="spot",
        symbol=fields.text(item, "symbol"),
        order_id=fields.text(item, "orderId"),
        client_order_id=fields.text(item, "clientOrderId"),
        status=fields.text(item, "status"),
        kind="regular",
        side=fields.text(item, "side"),
        quantity=fields.decimal(item, "origQty"),
        executed=fields.decimal(item, "executedQty"),
        reduce_only=False,
        price=_price(item, "price", "stopPrice"),
        created=fields.milliseconds(item, "time"),
        updated=fields.milliseconds(item, "updateTime"),
    )


def usdm_order(item: dict[str, Any]) -> OpenOrder:
    """Decode a USD-M order of the matching engine."""
    return OpenOrder(
        market="usdm",
        symbol=fields.text(item, "symbol"),
        order_id=fields.text(item, "orderId"),
        client_order_id=fields.text(item, "clientOrderId"),
        status=fields.text(item, "status"),
        kind="regular",
        side=fields.text(item, "side"),
        quantity=fields.decimal(item, "origQty"),
        executed=fields.decimal(item, "executedQty"),
        reduce_only=fields.flag(item, "reduceOnly") or fields.flag(item, "closePosition"),
        price=_price(item, "price", "stopPrice"),
        created=fields.milliseconds(item, "time"),
        updated=fields.milliseconds(item, "updateTime"),
    )


def algo_order(item: dict[str, Any]) -> OpenOrder:
    """Decode a USD-M order of the algo service, where stops live since 2025-12."""
    return OpenOrder(
        market="usdm",
        symbol=fields.text(item, "symbol"),
        order_id=fields.text(item, "algoId"),
        client_order_id=fields.text(item, "clientAlgoId"),
        status=fields.text(item, "algoStatus"),
        kind="algo",
        side=fields.text(item, "side"),
        # A close-position stop has no quantity of its own.
        quantity=fields.decimal(item, "quantity", missing=_ZERO),
        # What it triggers is a regular order, and executes there.
        executed=_ZERO,
        reduce_only=fields.flag(item, "reduceOnly") or fields.flag(item, "closePosition"),
        price=_price(item, "price", "triggerPrice"),
        created=fields.milliseconds(item, "createTime"),
        updated=fields.milliseconds(item, "updateTime"),
    )


def link_triggered(
    regular: Iterable[dict[str, Any]], algo: Collection[dict[str, Any]]
) -> tuple[OpenOrder, ...]:
    """Decode both kinds; a regular order that an algo order has become is linked with it.

    An algo order names it in ``actualOrderId`` (Binance USD-M, "Query Algo Order" and
    "ALGO_UPDATE", field ``ai``). Binance does not document its client id; clients that run live
    match its executions by the ``clientAlgoId``, which it seems to keep (nautilus_trader
    issue 3287, banexg issue 10). So nothing more is asked: the link is for those that do not.
    """
    causes = {
        actual: Links((fields.text(item, "clientAlgoId"),))
        for item in algo
        if (actual := fields.text(item, "actualOrderId", missing="")) not in ("", "0")
    }
    decoded = map(usdm_order, regular)
    return (
        *(attach(order, causes.get(order.order_id, NONE)) for order in decoded),
        *map(algo_order, algo),
    )


def spot_fill(item: dict[str, Any]) -> Fill:
    """Decode a spot trade."""
    return _fill(item, "spot", "BUY" if fields.flag(item, "isBuyer") else "SELL")


def usdm_fill(item: dict[str, Any]) -> Fill:
    """Decode a USD-M trade."""
    return _fill(item, "usdm", fields.text(item, "side"))


def usdm_income(item: dict[str, Any]) -> Income:
    """Decode one line of USD-M income; transfers belong to no symbol."""
    return Income(
        market="usdm",
        kind=fields.text(item, "incomeType"),
        symbol=fields.text(item, "symbol", missing=""),
        amount=fields.decimal(item, "income"),
        asset=fields.text(item, "asset"),
        time=fields.known(fields.milliseconds(item, "time"), "time"),
    )


def _fill(item: dict[str, Any], market: str, side: str) -> Fill:
    return Fill(
        market=market,
        symbol=fields.text(item, "symbol"),
        order_id=fields.text(item, "orderId"),
        fill_id=fields.text(item, "id"),
        side=side,
        quantity=fields.decimal(item, "qty"),
        price=fields.decimal(item, "price"),
        fee=fields.decimal(item, "commission"),
        fee_asset=fields.text(item, "commissionAsset"),
        time=fields.known(fields.milliseconds(item, "time"), "time"),
    )


def _price(item: dict[str, Any], limit: str, trigger: str) -> Decimal:
    """The limit price; where there is none, the price that triggers; zero for a market order."""
    return fields.decimal(item, limit, missing=_ZERO) or fields.decimal(
        item, trigger, missing=_ZERO
    )
