"""USD-M futures: market, account and positions."""

from decimal import Decimal
from typing import Any

from tests.sim.books.prices import SYMBOLS
from tests.sim.books.usdm import LEVERAGE
from tests.sim.exchange import info, usdm_algo, usdm_orders
from tests.sim.exchange.api import Access, Call, Route, Routes
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import optional_symbol
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


def _margins(world: World, symbol: str) -> dict[str, Any]:
    position = world.usdm.positions[symbol]
    notional = position.quantity * world.usdm.prices.of(symbol)
    orders = world.usdm.orders.open(symbol)
    reserved = sum((o.remaining * o.price for o in orders), Decimal(0)) / LEVERAGE
    initial = abs(notional) / LEVERAGE
    return {
        "symbol": symbol,
        "positionSide": "BOTH",
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


def _risk(world: World, symbol: str) -> dict[str, Any]:
    position = world.usdm.positions[symbol]
    return {
        **_margins(world, symbol),
        "entryPrice": amount(position.entry, 5),
        "breakEvenPrice": amount(position.entry, 5),
        "markPrice": amount(world.usdm.prices.of(symbol), 8),
        "unRealizedProfit": amount(world.usdm.unrealized(symbol), 8),
        "liquidationPrice": "0",
        "marginAsset": "USDT",
        "adl": 1,
    }


def _risk_v3(call: Call) -> Any:
    world, named = call.world, optional_symbol(call)
    return [
        _risk(world, symbol)
        for symbol in SYMBOLS
        if named in (None, symbol)
        and (world.usdm.positions[symbol].quantity or world.usdm.orders.open(symbol))
    ]


def _risk_v2(call: Call) -> Any:
    named = optional_symbol(call)
    extra = {
        "leverage": str(LEVERAGE),
        "marginType": "cross",
        "isAutoAddMargin": "false",
        "maxNotionalValue": "100000000",
    }
    return [_risk(call.world, s) | extra for s in SYMBOLS if named in (None, s)]


def _totals(call: Call) -> dict[str, str]:
    books = call.world.usdm
    profit = sum((books.unrealized(symbol) for symbol in SYMBOLS), Decimal(0))
    margin = books.margin()
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
    world = call.world
    rows = []
    for symbol in SYMBOLS:
        if world.usdm.positions[symbol].quantity or world.usdm.orders.open(symbol):
            profit = amount(world.usdm.unrealized(symbol), 8)
            rows.append({**_margins(world, symbol), "unrealizedProfit": profit})
    return {**_account(call), "positions": rows}


def _account_v2(call: Call) -> Any:
    world = call.world
    rows = []
    for symbol in SYMBOLS:
        extra = {
            "unrealizedProfit": amount(world.usdm.unrealized(symbol), 8),
            "leverage": str(LEVERAGE),
            "isolated": False,
            "entryPrice": amount(world.usdm.positions[symbol].entry, 5),
            "breakEvenPrice": amount(world.usdm.positions[symbol].entry, 5),
            "maxNotional": "100000000",
        }
        rows.append(_margins(world, symbol) | extra)
    flags = {
        "feeTier": 0,
        "feeBurn": True,
        "canTrade": True,
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


ROUTES: Routes = {
    ("GET", "/fapi/v1/ping"): Route(lambda _: {}),
    ("GET", "/fapi/v1/time"): Route(lambda call: {"serverTime": call.now}),
    ("GET", "/fapi/v1/exchangeInfo"): Route(lambda call: info.futures(call.now)),
    ("GET", "/fapi/v1/ticker/price"): Route(_price),
    ("GET", "/fapi/v2/ticker/price"): Route(_price),
    ("GET", "/fapi/v2/account"): Route(_account_v2, Access.READ, 5),
    ("GET", "/fapi/v3/account"): Route(_account_v3, Access.READ, 5),
    ("GET", "/fapi/v2/positionRisk"): Route(_risk_v2, Access.READ, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(_risk_v3, Access.READ, 5),
    ("GET", "/fapi/v2/balance"): Route(_balance, Access.READ, 5),
    ("GET", "/fapi/v3/balance"): Route(_balance, Access.READ, 5),
    ("GET", "/fapi/v1/positionSide/dual"): Route(
        lambda _: {"dualSidePosition": False}, Access.READ, 30
    ),
    ("GET", "/fapi/v1/multiAssetsMargin"): Route(
        lambda _: {"multiAssetsMargin": False}, Access.READ, 30
    ),
    ("GET", "/fapi/v1/leverageBracket"): Route(_brackets, Access.READ),
    **usdm_orders.ROUTES,
    **usdm_algo.ROUTES,
}
