"""USD-M futures: what has been: orders, trades and income."""

from typing import Any

from tests.sim.books.orders import Trade
from tests.sim.books.usdm import Income
from tests.sim.exchange.api import Access, Call, Route, Routes
from tests.sim.exchange.errors import ApiError
from tests.sim.exchange.history import WEEK_MS, page
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import optional_symbol, show, symbol_of


def _orders(call: Call) -> Any:
    return [
        show(order)
        for order in page(
            call,
            call.world.usdm.orders.of(symbol_of(call)),
            time=lambda order: order.time,
            number=lambda order: order.order_id,
            period_ms=WEEK_MS,
            from_id="orderId",
        )
    ]


def _trades(call: Call) -> Any:
    if call.values.get("fromId") and (call.values.get("startTime") or call.values.get("endTime")):
        raise ApiError(400, -1128, "Combination of optional parameters invalid.")
    traded = call.world.usdm.orders.traded(symbol_of(call), call.optional_int("orderId"))
    return [
        _show_trade(trade)
        for trade in page(
            call,
            traded,
            time=lambda trade: trade.time,
            number=lambda trade: trade.trade_id,
            period_ms=WEEK_MS,
            from_id="fromId",
        )
    ]


def _show_trade(trade: Trade) -> dict[str, Any]:
    return {
        "buyer": trade.side == "BUY",
        "commission": amount(trade.commission, 8),
        "commissionAsset": trade.commission_asset,
        "id": trade.trade_id,
        "maker": trade.maker,
        "orderId": trade.order_id,
        "price": amount(trade.price, 2),
        "qty": amount(trade.quantity, 3),
        "quoteQty": amount(trade.quantity * trade.price, 5),
        "realizedPnl": amount(trade.realized, 8),
        "side": trade.side,
        "positionSide": trade.position_side,
        "symbol": trade.symbol,
        "time": trade.time,
    }


def _income(call: Call) -> Any:
    symbol, kind = optional_symbol(call), call.values.get("incomeType")
    begin, end = call.optional_int("startTime"), call.optional_int("endTime")
    if begin is None and end is None:
        begin = call.now - WEEK_MS
    limit = call.optional_int("limit") or 100
    if limit > 1000:
        raise ApiError(400, -1130, "Data sent for parameter 'limit' is not valid.")
    rows = [
        income
        for income in call.world.usdm.incomes
        if symbol in (None, income.symbol)
        and kind in (None, "", income.kind)
        and (begin or 0) <= income.time <= (call.now if end is None else end)
    ]
    skipped = ((call.optional_int("page") or 1) - 1) * limit
    return [_show_income(income) for income in rows[skipped : skipped + limit]]


def _show_income(income: Income) -> dict[str, Any]:
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": amount(income.amount, 8),
        "asset": "USDT",
        "info": income.kind,
        "time": income.time,
        "tranId": income.number,
        "tradeId": income.trade_id,
    }


ROUTES: Routes = {
    ("GET", "/fapi/v1/allOrders"): Route(_orders, Access.READ, 5),
    ("GET", "/fapi/v1/userTrades"): Route(_trades, Access.READ, 5),
    ("GET", "/fapi/v1/income"): Route(_income, Access.READ, 30),
}
