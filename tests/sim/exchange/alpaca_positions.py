"""The broker's positions: listing and closing them."""

import uuid
from decimal import Decimal
from typing import Any

from tests.sim.books.alpaca_assets import ASSETS, Asset, find_asset
from tests.sim.books.alpaca_orders import StockOrder, order_id
from tests.sim.exchange.alpaca_api import StockCall, StockRoute
from tests.sim.exchange.alpaca_errors import AlpacaError
from tests.sim.exchange.alpaca_orders import acknowledged, cancel_all
from tests.sim.exchange.alpaca_text import money, number


def _show(call: StockCall, asset: Asset) -> dict[str, Any]:
    books, symbol = call.books, asset.symbol
    position, price = books.positions[symbol], books.prices.of(symbol)
    basis = position.quantity * position.entry
    profit = books.market_value(symbol) - basis
    ratio = profit / abs(basis) if basis else Decimal(0)
    available = books.available(symbol).copy_sign(position.quantity)
    return {
        "asset_id": asset.asset_id,
        "symbol": asset.position_symbol,
        "exchange": asset.exchange,
        "asset_class": asset.kind,
        "asset_marginable": asset.kind != "crypto",
        "qty": number(position.quantity),
        "qty_available": number(available),
        "avg_entry_price": number(position.entry.quantize(Decimal("0.000001"))),
        "side": "long" if position.quantity > 0 else "short",
        "market_value": money(books.market_value(symbol)),
        "cost_basis": money(basis),
        "unrealized_pl": money(profit),
        "unrealized_plpc": number(ratio.quantize(Decimal("0.000001"))),
        "unrealized_intraday_pl": money(profit),
        "unrealized_intraday_plpc": number(ratio.quantize(Decimal("0.000001"))),
        "current_price": number(price),
        "lastday_price": number(asset.start),
        "change_today": number((price / asset.start - 1).quantize(Decimal("0.000001"))),
    }


def _list(call: StockCall) -> Any:
    return [
        _show(call, asset)
        for asset in ASSETS.values()
        if call.books.positions[asset.symbol].quantity
    ]


def _held(call: StockCall) -> Asset:
    asset = find_asset(call.names["symbol"])
    if asset is None or not call.books.positions[asset.symbol].quantity:
        raise AlpacaError(404, 40410000, "position does not exist")
    return asset


def _get(call: StockCall) -> Any:
    return _show(call, _held(call))


def _close(call: StockCall, asset: Asset) -> dict[str, Any]:
    books, symbol = call.books, asset.symbol
    quantity = books.positions[symbol].quantity
    if abs(quantity) > books.available(symbol):
        raise AlpacaError(403, 40310000, *books.shortage(symbol, abs(quantity)))
    order = StockOrder(
        order_id=order_id(),
        client_order_id=str(uuid.uuid4()),
        symbol=symbol,
        side="sell" if quantity > 0 else "buy",
        kind="market",
        time_in_force="day",
        quantity=abs(quantity),
        limit=None,
        stop=None,
        time=call.now,
        update_time=call.now,
    )
    return acknowledged(call, order)


def _close_one(call: StockCall) -> Any:
    return _close(call, _held(call))


def _close_all(call: StockCall) -> Any:
    if call.flag("cancel_orders"):
        cancel_all(call)
    answers = []
    for asset in ASSETS.values():
        if not call.books.positions[asset.symbol].quantity:
            continue
        try:
            status, body = 200, _close(call, asset)
        except AlpacaError as error:
            status, body = error.status, error.body
        answers.append({"symbol": asset.position_symbol, "status": status, "body": body})
    return answers


ROUTES = (
    StockRoute("GET", "/v2/positions", _list),
    StockRoute("DELETE", "/v2/positions", _close_all, status=207),
    StockRoute("GET", "/v2/positions/{symbol}", _get),
    StockRoute("DELETE", "/v2/positions/{symbol}", _close_one),
)
