"""Alpaca's account, positions, orders and activities as readings (facts §2).

Crypto pairs are spelled with a slash in orders and without one in positions;
readings spell both without. Sides and statuses are upper case, as everywhere.
"""

from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.readings import Fill, Income, OpenOrder, Position
from exporter.sources.exchange import fields

MARKET = "us_equity"
_ZERO = Decimal(0)
_CURRENCY = "USD"
_BLOCKS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
_SIDES = {"buy": "BUY", "sell": "SELL", "sell_short": "SELL"}


def plain(symbol: str) -> str:
    """Return a symbol in the one spelling that readings use."""
    return symbol.replace("/", "")


def blocked(account: dict[str, Any]) -> str:
    """Say in the venue's words why the account may not trade; empty if it may."""
    status = fields.text(account, "status")
    inactive = () if status == "ACTIVE" else (f"status {' '.join(status.split())}",)
    return ", ".join((*inactive, *(name for name in _BLOCKS if fields.flag(account, name))))


def position(item: dict[str, Any]) -> Position:
    """Decode a position; ``side`` says which way it is, whatever the sign of ``qty``."""
    quantity, side = fields.decimal(item, "qty").copy_abs(), fields.text(item, "side")
    if side not in ("long", "short"):
        raise SourceError(Reason.BAD_RESPONSE, f"side is {side[:40]!r}")
    signed = quantity if side == "long" else -quantity
    price = fields.decimal(item, "current_price", missing=_ZERO) or None
    return Position(MARKET, plain(fields.text(item, "symbol")), "BOTH", signed, price)


def order(item: dict[str, Any]) -> OpenOrder:
    """Decode an order."""
    executed = fields.decimal(item, "filled_qty", missing=_ZERO)
    return OpenOrder(
        market=MARKET,
        symbol=plain(fields.text(item, "symbol")),
        order_id=fields.text(item, "id"),
        client_order_id=fields.text(item, "client_order_id"),
        status=fields.text(item, "status").upper(),
        kind="regular",
        side=_side(item),
        # An order for an amount of money has no quantity until it is filled.
        quantity=fields.decimal(item, "qty", missing=executed),
        executed=executed,
        reduce_only=fields.text(item, "position_intent", missing="").endswith("_to_close"),
        price=fields.decimal(item, "limit_price", "stop_price", missing=_ZERO),
        created=fields.stamp(item, "submitted_at", "created_at"),
        updated=fields.stamp(item, "updated_at"),
    )


def fill(item: dict[str, Any]) -> Fill:
    """Decode an execution; fees are charged by the day, as activities of their own."""
    return Fill(
        market=MARKET,
        symbol=plain(fields.text(item, "symbol")),
        order_id=fields.text(item, "order_id"),
        fill_id=fields.text(item, "id"),
        side=_side(item),
        quantity=fields.decimal(item, "qty"),
        price=fields.decimal(item, "price"),
        fee=_ZERO,
        fee_asset=_CURRENCY,
        time=fields.known(fields.stamp(item, "transaction_time"), "transaction_time"),
    )


def income(item: dict[str, Any]) -> Income:
    """Decode an activity that is no trade; most tell only the day."""
    day = fields.text(item, "date", missing="")
    moment = fields.stamp(item, "created_at")
    if moment is None:
        moment = fields.stamp({"date": f"{day}T00:00:00Z"}, "date")
    return Income(
        market=MARKET,
        kind=fields.text(item, "activity_type"),
        symbol=plain(fields.text(item, "symbol", missing="")),
        amount=fields.decimal(item, "net_amount"),
        asset=fields.text(item, "currency", missing=_CURRENCY),
        time=fields.known(moment, "date"),
    )


def _side(item: dict[str, Any]) -> str:
    side = fields.text(item, "side")
    if side not in _SIDES:
        raise SourceError(Reason.BAD_RESPONSE, f"side is {side[:40]!r}")
    return _SIDES[side]
