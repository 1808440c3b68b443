"""sapi: system and key status, fees, and what ccxt asks for when it loads markets."""

from typing import Any

from tests.sim.books.prices import SYMBOLS
from tests.sim.books.spot import COMMISSION
from tests.sim.exchange import info
from tests.sim.exchange.api import Access, Call, Route, Routes
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import optional_symbol


def _status(call: Call) -> Any:
    status = call.world.system_status
    return {"status": status, "msg": "system_maintenance" if status else "normal"}


def _trading_status(_: Call) -> Any:
    return {
        "data": {
            "isLocked": False,
            "plannedRecoverTime": 0,
            "triggerCondition": {"GCR": 150, "IFER": 150, "UFR": 300},
            "updateTime": 0,
        }
    }


def _restrictions(call: Call) -> Any:
    key = call.world.keys[call.role]
    trade = key.trades_at(call.now)
    expiry = {} if key.expires is None else {"tradingAuthorityExpirationTime": key.expires}
    return {
        "ipRestrict": key.ip_restrict,
        "createTime": key.created,
        "enableReading": True,
        "enableWithdrawals": key.can_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": trade,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": trade,
        **expiry,
    }


def _fees(call: Call) -> Any:
    named, rate = optional_symbol(call), amount(COMMISSION, 3)
    return [
        {"symbol": s, "makerCommission": rate, "takerCommission": rate}
        for s in SYMBOLS
        if named in (None, s)
    ]


ROUTES: Routes = {
    ("GET", "/sapi/v1/system/status"): Route(_status),
    ("GET", "/sapi/v1/account/status"): Route(lambda _: {"data": "Normal"}, Access.READ),
    ("GET", "/sapi/v1/account/apiTradingStatus"): Route(_trading_status, Access.READ),
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(_restrictions, Access.READ),
    ("GET", "/sapi/v1/asset/tradeFee"): Route(_fees, Access.READ),
    ("GET", "/sapi/v1/capital/config/getall"): Route(lambda _: [], Access.READ, 10),
    ("GET", "/sapi/v1/margin/allPairs"): Route(lambda _: [], Access.KEY),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(lambda _: [], Access.KEY),
    ("GET", "/dapi/v1/exchangeInfo"): Route(lambda call: info.coin_futures(call.now)),
}
