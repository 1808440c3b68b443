"""sapi: system and key status, fees, and what ccxt asks for when it loads markets."""

from typing import Any

from tests.sim.books.prices import SYMBOLS
from tests.sim.books.spot import COMMISSION
from tests.sim.exchange import info
from tests.sim.exchange.api import Access, Call, Route, Routes
from tests.sim.exchange.text import amount
from tests.sim.exchange.usdm_orders import optional_symbol

_KEY_CREATED = 1_767_225_600_000


def _restrictions(call: Call) -> Any:
    trade = call.world.keys[call.role].can_trade
    return {
        "ipRestrict": True,
        "createTime": _KEY_CREATED,
        "enableReading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": trade,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": trade,
    }


def _fees(call: Call) -> Any:
    named, rate = optional_symbol(call), amount(COMMISSION, 3)
    return [
        {"symbol": s, "makerCommission": rate, "takerCommission": rate}
        for s in SYMBOLS
        if named in (None, s)
    ]


ROUTES: Routes = {
    ("GET", "/sapi/v1/system/status"): Route(lambda _: {"status": 0, "msg": "normal"}),
    ("GET", "/sapi/v1/account/status"): Route(lambda _: {"data": "Normal"}, Access.READ),
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(_restrictions, Access.READ),
    ("GET", "/sapi/v1/asset/tradeFee"): Route(_fees, Access.READ),
    ("GET", "/sapi/v1/capital/config/getall"): Route(lambda _: [], Access.READ, 10),
    ("GET", "/sapi/v1/margin/allPairs"): Route(lambda _: [], Access.KEY),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(lambda _: [], Access.KEY),
    ("GET", "/dapi/v1/exchangeInfo"): Route(lambda call: info.coin_futures(call.now)),
}
