"""USD-M futures: market, account and positions."""

from decimal import Decimal
from typing import Any

from tests.sim.books.orders import Order
from tests.sim.books.prices import SYMBOLS
from tests.sim.books.usdm import LEVERAGE, MAKER, TAKER, FuturesPosition
from tests.sim.exchange import info, usdm_algo, usdm_history, usdm_orders
from tests.sim.exchange.api import Access, Call, Route, Routes, by_symbol
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import optional_symbol, symbol_of
from tests.sim.world import World

_MAINTENANCE = Decimal("0.004")


def _price(call: Call) -> Any:
    symbol = optional_symbol(call)
    listed = [
        {"symbol": s, "price": amount(call.world.usdm.prices.of(s), 2), "time": call.now}
        for s in SYMBOLS
        if symbol in (None, s)
    ]
    return listed if symbol is None else listed[0]


def _margins(world: World, position: FuturesPosition) -> dict[str, Any]:
    notional = position.quantity * world.usdm.prices.of(position.symbol)
    orders = _resting(world, position)
    reserved = sum((o.remaining * o.price for o in orders), Decimal(0)) / LEVERAGE
    initial = abs(notional) / LEVERAGE
    return {
        "symbol": position.symbol,
        "positionSide": position.side,
        "positionAmt": amount(position.quantity, 3),
        "isolatedMargin": "0.00000000",
        "isolatedWallet": "0",
        "notional": amount(notional, 8),
        "initialMargin": amount(initial + reserved, 8),
        "maintMargin": amount(abs(notional) * _MAINTENANCE, 8),
        "positionInitialMargin": amount(initial, 8),
        "openOrderInitialMargin": amount(reserved, 8),
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": position.update_time,
    }


def _resting(world: World, position: FuturesPosition) -> list[Order]:
    resting = world.usdm.orders.open(position.symbol)
    return [order for order in resting if order.position_side == position.side]


def _listed(call: Call, *, every: bool) -> list[FuturesPosition]:
    """The positions of an answer: every one, or those that are held or have resting orders."""
    world, named = call.world, optional_symbol(call)
    return [
        position
        for symbol in SYMBOLS
        if named in (None, symbol)
        for position in world.usdm.held(symbol)
        if every or position.quantity or _resting(world, position)
    ]


def _risk(world: World, position: FuturesPosition) -> dict[str, Any]:
    return {
        **_margins(world, position),
        "entryPrice": amount(position.entry, 5),
        "breakEvenPrice": amount(position.entry, 5),
        "markPrice": amount(world.usdm.prices.of(position.symbol), 8),
        "unRealizedProfit": amount(world.usdm.unrealized(position), 8),
        "liquidationPrice": "0",
        "marginAsset": "USDT",
        "adl": 1,
    }


def _risk_v3(call: Call) -> Any:
    return [_risk(call.world, position) for position in _listed(call, every=False)]


def _risk_v2(call: Call) -> Any:
    extra = {
        "leverage": str(LEVERAGE),
        "marginType": "cross",
        "isAutoAddMargin": "false",
        "maxNotionalValue": "100000000",
    }
    return [_risk(call.world, position) | extra for position in _listed(call, every=True)]


def _totals(call: Call) -> dict[str, str]:
    books = call.world.usdm
    profit, margin = books.profit(), books.margin()
    balance = books.wallet + profit
    return {
        "initialMargin": amount(margin, 8),
        "maintMargin": amount(margin * LEVERAGE * _MAINTENANCE, 8),
        "walletBalance": amount(books.wallet, 8),
        "unrealizedProfit": amount(profit, 8),
        "marginBalance": amount(balance, 8),
        "positionInitialMargin": amount(margin, 8),
        "openOrderInitialMargin": "0.00000000",
        "crossWalletBalance": amount(books.wallet, 8),
        "crossUnPnl": amount(profit, 8),
        "availableBalance": amount(balance - margin, 8),
        "maxWithdrawAmount": amount(balance - margin, 8),
    }


def _account(call: Call) -> dict[str, Any]:
    totals = _totals(call)
    summary = {
        "total" + name[0].upper() + name[1:]: value
        for name, value in totals.items()
        if name not in {"availableBalance", "maxWithdrawAmount"}
    }
    summary |= {name: totals[name] for name in ("availableBalance", "maxWithdrawAmount")}
    asset = {"asset": "USDT", **totals, "updateTime": call.now}
    return {**summary, "assets": [asset]}


def _account_v3(call: Call) -> Any:
    world, rows = call.world, []
    for position in _listed(call, every=False):
        profit = amount(world.usdm.unrealized(position), 8)
        rows.append({**_margins(world, position), "unrealizedProfit": profit})
    return {**_account(call), "positions": rows}


def _account_v2(call: Call) -> Any:
    world, rows = call.world, []
    for position in _listed(call, every=True):
        extra = {
            "unrealizedProfit": amount(world.usdm.unrealized(position), 8),
            "leverage": str(LEVERAGE),
            "isolated": False,
            "entryPrice": amount(position.entry, 5),
            "breakEvenPrice": amount(position.entry, 5),
            "maxNotional": "100000000",
        }
        rows.append(_margins(world, position) | extra)
    flags = {
        "feeTier": 0,
        "feeBurn": True,
        "canTrade": call.world.may_trade,
        "canDeposit": True,
        "canWithdraw": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }
    return {**flags, **_account(call), "positions": rows}


def _balance(call: Call) -> Any:
    totals = _totals(call)
    return [
        {
            "accountAlias": "SgsR",
            "asset": "USDT",
            "balance": totals["walletBalance"],
            "crossWalletBalance": totals["crossWalletBalance"],
            "crossUnPnl": totals["crossUnPnl"],
            "availableBalance": totals["availableBalance"],
            "maxWithdrawAmount": totals["maxWithdrawAmount"],
            "marginAvailable": True,
            "updateTime": call.now,
        }
    ]


def _brackets(call: Call) -> Any:
    named = optional_symbol(call)
    bracket = {
        "bracket": 1,
        "initialLeverage": 125,
        "notionalCap": 50_000_000,
        "notionalFloor": 0,
        "maintMarginRatio": float(_MAINTENANCE),
        "cum": 0.0,
    }
    return [{"symbol": s, "brackets": [bracket]} for s in SYMBOLS if named in (None, s)]


def _configuration(call: Call) -> Any:
    return {
        "feeTier": 0,
        "canTrade": call.world.may_trade,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": call.world.usdm.dual,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def _commission(call: Call) -> Any:
    return {
        "symbol": symbol_of(call),
        "makerCommissionRate": amount(MAKER, 6),
        "takerCommissionRate": amount(TAKER, 6),
        "rpiCommissionRate": "0.000050",
    }


ROUTES: Routes = {
    ("GET", "/fapi/v1/ping"): Route(lambda _: {}),
    ("GET", "/fapi/v1/time"): Route(lambda call: {"serverTime": call.now}),
    ("GET", "/fapi/v1/exchangeInfo"): Route(lambda call: info.futures(call.world)),
    ("GET", "/fapi/v1/ticker/price"): Route(_price, weight=by_symbol(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Route(_price, weight=by_symbol(1, 2)),
    ("GET", "/fapi/v2/account"): Route(_account_v2, Access.READ, 5),
    ("GET", "/fapi/v3/account"): Route(_account_v3, Access.READ, 5),
    ("GET", "/fapi/v1/accountConfig"): Route(_configuration, Access.READ, 5),
    ("GET", "/fapi/v2/positionRisk"): Route(_risk_v2, Access.READ, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(_risk_v3, Access.READ, 5),
    ("GET", "/fapi/v2/balance"): Route(_balance, Access.READ, 5),
    ("GET", "/fapi/v3/balance"): Route(_balance, Access.READ, 5),
    ("GET", "/fapi/v1/positionSide/dual"): Route(
        lambda call: {"dualSidePosition": call.world.usdm.dual}, Access.READ, 30
    ),
    ("GET", "/fapi/v1/multiAssetsMargin"): Route(
        lambda _: {"multiAssetsMargin": False}, Access.READ, 30
    ),
    ("GET", "/fapi/v1/leverageBracket"): Route(_brackets, Access.READ),
    ("GET", "/fapi/v1/commissionRate"): Route(_commission, Access.READ, 20),
    **usdm_orders.ROUTES,
    **usdm_history.ROUTES,
    **usdm_algo.ROUTES,
}
