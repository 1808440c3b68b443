"""The broker's account, clock, assets and activities."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.sim.books.alpaca import MULTIPLIER, Activity
from tests.sim.books.alpaca_assets import ASSETS, Asset, find_asset
from tests.sim.books.alpaca_orders import Fill
from tests.sim.exchange.alpaca_api import StockCall, StockRoute
from tests.sim.exchange.alpaca_errors import AlpacaError
from tests.sim.exchange.alpaca_text import NEW_YORK, milliseconds_of, moment, money, number

_ACCOUNT_ID = "e6fe16f3-64a4-4921-8928-cadf02f92f98"
_NUMBER = "PA3T0NQDWIQV"
_CREATED = 1_767_225_600_000
_MAINTENANCE = Decimal("0.3")
_PAGE = 100
# Whether fills belong to a category, and whether the rest does.
_CATEGORIES = {
    None: {True, False},
    "": {True, False},
    "trade_activity": {True},
    "non_trade_activity": {False},
}
_KINDS = frozenset({"FILL", "CFEE", "CSD", "CSW", "DIV", "FEE", "INT", "JNLC", "SPLIT", "MISC"})


def _clock(call: StockCall) -> Any:
    now = call.world.clocks.exchange_seconds()
    whole = datetime.fromtimestamp(int(now), NEW_YORK)
    nanoseconds = int(now % 1 * 1_000_000_000)
    opening = whole.replace(hour=9, minute=30, second=0, microsecond=0) + timedelta(days=1)
    closing = opening.replace(hour=16, minute=0)
    if call.books.flags.market_open:
        closing = whole.replace(microsecond=0) + timedelta(hours=1)
    return {
        "timestamp": f"{whole:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}-05:00",
        "is_open": call.books.flags.market_open,
        "next_open": opening.isoformat(),
        "next_close": closing.isoformat(),
    }


def _account(call: StockCall) -> Any:
    books, flags = call.books, call.books.flags
    values = [books.market_value(symbol) for symbol in ASSETS]
    long = sum((v for v in values if v > 0), Decimal(0))
    short = sum((v for v in values if v < 0), Decimal(0))
    exposed = long - short
    equity, power = money(books.equity()), money(books.buying_power())
    return {
        "id": _ACCOUNT_ID,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": _NUMBER,
        "status": flags.status,
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "effective_buying_power": power,
        "non_marginable_buying_power": money(max(books.cash, Decimal(0))),
        "cash": money(books.cash),
        "accrued_fees": "0",
        "portfolio_value": equity,
        "trading_blocked": flags.trading_blocked,
        "transfers_blocked": flags.transfers_blocked,
        "account_blocked": flags.account_blocked,
        "created_at": moment(_CREATED),
        "trade_suspended_by_user": flags.suspended_by_user,
        "multiplier": str(MULTIPLIER),
        "shorting_enabled": not flags.no_shorting,
        "equity": equity,
        "last_equity": equity,
        "long_market_value": money(long),
        "short_market_value": money(short),
        "position_market_value": money(exposed),
        "initial_margin": money(exposed / MULTIPLIER),
        "maintenance_margin": money(exposed * _MAINTENANCE),
        "last_maintenance_margin": "0",
        "sma": "0",
    }


def _configurations(call: StockCall) -> Any:
    return {
        "fractional_trading": True,
        "max_margin_multiplier": str(MULTIPLIER),
        "no_shorting": call.books.flags.no_shorting,
        "suspend_trade": call.books.flags.suspended_by_user,
        "trade_confirm_email": "all",
        "ptp_no_exception_entry": False,
        "max_options_trading_level": None,
    }


def _configure(call: StockCall) -> Any:
    flags = call.books.flags
    for name in ("suspend_trade", "no_shorting"):
        if not isinstance(call.body.get(name, False), bool):
            raise AlpacaError(422, 42210000, f"invalid {name}")
    flags.suspended_by_user = call.body.get("suspend_trade", flags.suspended_by_user)
    flags.no_shorting = call.body.get("no_shorting", flags.no_shorting)
    return _configurations(call)


def _show_asset(call: StockCall, asset: Asset) -> dict[str, Any]:
    active = asset.symbol not in call.books.flags.inactive
    crypto = asset.kind == "crypto"
    shown: dict[str, Any] = {
        "id": asset.asset_id,
        "class": asset.kind,
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": asset.name,
        "status": "active" if active else "inactive",
        "tradable": active,
        "marginable": not crypto,
        "maintenance_margin_requirement": 100 if crypto else 30,
        "shortable": asset.shortable,
        "easy_to_borrow": asset.shortable,
        "fractionable": True,
        "attributes": [],
    }
    if crypto:
        shown |= {
            "min_order_size": number(asset.step),
            "min_trade_increment": number(asset.step),
            "price_increment": number(asset.tick),
        }
    return shown


def _assets(call: StockCall) -> Any:
    wanted = call.values.get("asset_class") or "us_equity"
    status = call.values.get("status")
    shown = [_show_asset(call, asset) for asset in ASSETS.values() if asset.kind == wanted]
    return [asset for asset in shown if status in (None, "", "all", asset["status"])]


def _asset(call: StockCall) -> Any:
    asset = find_asset(call.names["symbol"])
    if asset is None:
        raise AlpacaError(404, 40410000, f"asset not found for {call.names['symbol']}")
    return _show_asset(call, asset)


def _show_fill(number_of: int, fill: Fill) -> dict[str, Any]:
    order = fill.order
    return {
        "id": f"{moment_id(fill.time)}::{order.order_id[:-12]}{number_of:012d}",
        "activity_type": "FILL",
        "transaction_time": moment(fill.time),
        "type": "fill" if fill.leaves == 0 else "partial_fill",
        "price": number(fill.price),
        "qty": number(fill.quantity),
        "side": "sell_short" if fill.short else order.side,
        "symbol": order.symbol,
        "leaves_qty": number(fill.leaves),
        "order_id": order.order_id,
        "cum_qty": number(fill.cumulative),
        "order_status": "filled" if fill.leaves == 0 else "partially_filled",
    }


def _show_activity(activity: Activity) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": f"{moment_id(activity.time)}::{activity.activity_id}",
        "activity_type": activity.kind,
        "date": moment(activity.time)[:10],
        "net_amount": number(activity.amount),
        "description": "",
        "status": "executed",
    }
    if activity.symbol is not None:
        shown["symbol"] = activity.symbol.replace("/", "")
    if activity.quantity is not None:
        shown["qty"] = number(activity.quantity)
    return shown


def moment_id(milliseconds: int) -> str:
    """The first half of an activity's id: its time as seventeen digits."""
    digits = "".join(c for c in moment(milliseconds) if c.isdecimal())
    return digits[:17]


def _activities(call: StockCall) -> Any:
    named = call.names.get("kind") or call.values.get("activity_types") or ""
    category = call.values.get("category")
    if category not in _CATEGORIES or (category and named):
        raise AlpacaError(422, 40010001, "invalid category, or one beside activity types")
    kinds = {kind for kind in named.split(",") if kind}
    for kind in kinds - _KINDS:
        raise AlpacaError(422, 40010001, f"invalid activity type: {kind}")
    books = call.books
    listed = [(fill.time, _show_fill(n, fill)) for n, fill in enumerate(books.fills)]
    listed += [(activity.time, _show_activity(activity)) for activity in books.activities]
    after, until = call.values.get("after"), call.values.get("until")
    begin = milliseconds_of(after, "after") if after else 0
    end = milliseconds_of(until, "until") if until else call.now + 1
    rows = [
        row
        for time, row in listed
        if begin < time < end
        and (not kinds or row["activity_type"] in kinds)
        and (row["activity_type"] == "FILL") in _CATEGORIES[category]
    ]
    ascending = call.values.get("direction", "desc") == "asc"
    rows.sort(key=lambda row: row["id"], reverse=not ascending)
    token = call.values.get("page_token")
    if token:
        rows = [row for row in rows if (row["id"] > token) == ascending and row["id"] != token]
    return rows[: call.count("page_size", _PAGE, _PAGE)]


ROUTES = (
    StockRoute("GET", "/v2/clock", _clock),
    StockRoute("GET", "/v2/account", _account),
    StockRoute("GET", "/v2/account/configurations", _configurations),
    StockRoute("PATCH", "/v2/account/configurations", _configure),
    StockRoute("GET", "/v2/account/activities", _activities),
    StockRoute("GET", "/v2/account/activities/{kind}", _activities),
    StockRoute("GET", "/v2/assets", _assets),
    StockRoute("GET", "/v2/assets/{symbol}", _asset),
)
