"""Spot: market, account, orders and trades."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.sim.books.orders import Order, Trade
from tests.sim.books.prices import SYMBOLS
from tests.sim.books.spot import COMMISSION, TICK
from tests.sim.exchange import info
from tests.sim.exchange.api import Access, Call, Route, Routes, by_symbol
from tests.sim.exchange.errors import ApiError
from tests.sim.exchange.history import DAY_MS, page
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import new_order, optional_symbol, symbol_of

_ZERO = Decimal(0)


def show(order: Order) -> dict[str, Any]:
    """An order as queries print it."""
    expired = {} if order.expiry_reason is None else {"expiryReason": order.expiry_reason}
    return {
        **placed(order),
        **expired,
        "stopPrice": amount(order.stop, 8),
        "icebergQty": "0.00000000",
        "time": order.time,
        "updateTime": order.update_time,
        "isWorking": not order.stop and order.status != "PENDING_NEW",
    }


def placed(order: Order) -> dict[str, Any]:
    """What the answer to a placed order and a query have in common."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "price": amount(order.price, 8),
        "origQty": amount(order.quantity, 8),
        "executedQty": amount(order.executed, 8),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": amount(order.quote, 8),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "side": order.side,
        "workingTime": order.time,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def _place(call: Call) -> Any:
    books = call.world.spot
    tif = frozenset({"GTC", "IOC", "FOK"})
    if call.world.symbol_status.get(symbol_of(call), "TRADING") != "TRADING":
        raise ApiError(400, -2010, "Market is closed.")
    order = new_order(call, order_id=books.orders.next_id(), allowed_tif=tif)
    books.place(order, call.now)
    fills = [
        {
            "price": amount(trade.price, 8),
            "qty": amount(trade.quantity, 8),
            "commission": amount(trade.commission, 8),
            "commissionAsset": trade.commission_asset,
            "tradeId": trade.trade_id,
        }
        for trade in books.orders.traded(order.symbol, order.order_id)
    ]
    shown = {**placed(order), "transactTime": call.now, "fills": fills}
    kind = call.values.get("newOrderRespType", "FULL")
    if kind == "ACK":
        names = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
        return {name: shown[name] for name in names}
    if kind == "RESULT":
        del shown["fills"]
    return shown


def _find(call: Call, code: int, message: str) -> Order:
    client_id = call.values.get("origClientOrderId")
    order_id = call.optional_int("orderId")
    if order_id is None and not client_id:
        message = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        raise ApiError(400, -1102, message)
    order = call.world.spot.orders.find(symbol_of(call), order_id, client_id)
    if order is None:
        raise ApiError(400, code, message)
    return order


def _get(call: Call) -> Any:
    return show(_find(call, -2013, "Order does not exist."))


def _cancelled(call: Call, order: Order) -> dict[str, Any]:
    call.world.spot.cancel(order, call.now)
    return {
        **placed(order),
        "origClientOrderId": order.client_order_id,
        "clientOrderId": call.client_id("newClientOrderId"),
        "transactTime": call.now,
    }


def _cancel(call: Call) -> Any:
    return _cancelled(call, _find(call, -2011, "Unknown order sent."))


def _cancel_all(call: Call) -> Any:
    resting = call.world.spot.orders.open(symbol_of(call))
    if not resting:
        raise ApiError(400, -2011, "Unknown order sent.")
    return [_cancelled(call, order) for order in resting]


def _open(call: Call) -> Any:
    return [show(order) for order in call.world.spot.orders.open(optional_symbol(call))]


def _all(call: Call) -> Any:
    shown = page(
        call,
        call.world.spot.orders.of(symbol_of(call)),
        time=lambda order: order.time,
        number=lambda order: order.order_id,
        period_ms=DAY_MS,
        from_id="orderId",
    )
    return [show(order) for order in shown]


def _trades(call: Call) -> Any:
    shown = page(
        call,
        call.world.spot.orders.traded(symbol_of(call), call.optional_int("orderId")),
        time=lambda trade: trade.time,
        number=lambda trade: trade.trade_id,
        period_ms=DAY_MS,
        from_id="fromId",
    )
    return [_show_trade(trade) for trade in shown]


def _show_trade(trade: Trade) -> dict[str, Any]:
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": amount(trade.price, 8),
        "qty": amount(trade.quantity, 8),
        "quoteQty": amount(trade.quantity * trade.price, 8),
        "commission": amount(trade.commission, 8),
        "commissionAsset": trade.commission_asset,
        "time": trade.time,
        "isBuyer": trade.side == "BUY",
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def _account(call: Call) -> Any:
    rate, zero = amount(COMMISSION, 8), amount(_ZERO, 8)
    hide, key = call.flag("omitZeroBalances"), call.world.keys[call.role]
    balances = [
        {"asset": asset, "free": amount(b.free, 8), "locked": amount(b.locked, 8)}
        for asset, b in call.world.spot.balances.items()
        if b.free or b.locked or not hide
    ]
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": zero, "seller": zero},
        "canTrade": call.world.may_trade,
        "canWithdraw": key.can_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.now,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": 354_937_868,
    }


def _price(call: Call) -> Any:
    symbol = optional_symbol(call)
    listed = [
        {"symbol": s, "price": amount(call.world.spot.prices.of(s), 8)}
        for s in SYMBOLS
        if symbol in (None, s)
    ]
    return listed if symbol is None else listed[0]


def _book_ticker(call: Call) -> Any:
    symbol = optional_symbol(call)
    listed = [
        {
            "symbol": s,
            "bidPrice": amount(call.world.spot.prices.of(s) - TICK, 8),
            "bidQty": "1.00000000",
            "askPrice": amount(call.world.spot.prices.of(s) + TICK, 8),
            "askQty": "1.00000000",
        }
        for s in SYMBOLS
        if symbol in (None, s)
    ]
    return listed if symbol is None else listed[0]


def _info(call: Call) -> Any:
    symbols = [symbol] if (symbol := optional_symbol(call)) else list(SYMBOLS)
    if call.values.get("symbols"):
        try:
            symbols = json.loads(call.values["symbols"])
        except ValueError:
            raise ApiError(400, -1100, "Illegal characters found in parameter 'symbols'.") from None
        if not isinstance(symbols, list) or not set(symbols) <= set(SYMBOLS):
            raise ApiError(400, -1121, "Invalid symbol.")
    return info.spot_info(call.world, symbols)


def _commission(call: Call) -> Any:
    rate, zero = amount(COMMISSION, 8), amount(_ZERO, 8)
    return {
        "symbol": symbol_of(call),
        "standardCommission": {"maker": rate, "taker": rate, "buyer": zero, "seller": zero},
        "specialCommission": {"maker": zero, "taker": zero, "buyer": zero, "seller": zero},
        "taxCommission": {"maker": zero, "taker": zero, "buyer": zero, "seller": zero},
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }


def _one_order(values: Mapping[str, str]) -> int:
    return 5 if values.get("orderId") else 20


ROUTES: Routes = {
    ("GET", "/api/v3/ping"): Route(lambda _: {}),
    ("GET", "/api/v3/time"): Route(lambda call: {"serverTime": call.now}),
    ("GET", "/api/v3/exchangeInfo"): Route(_info, weight=20),
    ("GET", "/api/v3/ticker/price"): Route(_price, weight=by_symbol(2, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): Route(_book_ticker, weight=by_symbol(2, 4)),
    ("GET", "/api/v3/account/commission"): Route(_commission, Access.READ, 20),
    ("GET", "/api/v3/account"): Route(_account, Access.READ, 20),
    ("POST", "/api/v3/order"): Route(_place, Access.TRADE, 0),
    ("GET", "/api/v3/order"): Route(_get, Access.READ, 4),
    ("DELETE", "/api/v3/order"): Route(_cancel, Access.TRADE, 0),
    ("GET", "/api/v3/openOrders"): Route(_open, Access.READ, by_symbol(6, 80)),
    ("DELETE", "/api/v3/openOrders"): Route(_cancel_all, Access.TRADE, 0),
    ("GET", "/api/v3/allOrders"): Route(_all, Access.READ, 20),
    ("GET", "/api/v3/myTrades"): Route(_trades, Access.READ, _one_order),
}
