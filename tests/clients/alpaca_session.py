"""What alpaca-py is made to do; runs in the library's own environment, ``.venv-clients/alpaca``.

``python alpaca_session.py ADDRESSES NAME``: addresses and one key pair as JSON on the command
line, one of the sessions below by name, what it saw as JSON on stdout.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from alpaca.common.exceptions import APIError
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.requests import (
    CryptoLatestTradeRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderClass, OrderSide, QueryOrderStatus, TimeInForce
from alpaca.trading.models import NonTradeActivity, TradeActivity
from alpaca.trading.requests import (
    GetAssetsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
)

_OWNER = UUID(int=1)  # the library's activities are the Broker API's, which name the account
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Session:
    """The library's clients, pointed at the simulator as the library allows."""

    def __init__(self, to: dict[str, str]) -> None:
        pair = to["key"], to["secret"]
        self.trading: Any = TradingClient(*pair, url_override=to["alpaca"])
        self.stocks: Any = StockHistoricalDataClient(*pair, url_override=to["alpaca_data"])
        self.crypto: Any = CryptoHistoricalDataClient(url_override=to["alpaca_data"])

    def market(self, symbol: str, quantity: float, side: OrderSide) -> Any:
        """Send a market order."""
        return self.trading.submit_order(
            MarketOrderRequest(
                symbol=symbol, qty=quantity, side=side, time_in_force=TimeInForce.GTC
            )
        )

    def limit(self, symbol: str, quantity: float, price: float, side: OrderSide, name: str) -> Any:
        """Send a limit order."""
        return self.trading.submit_order(
            LimitOrderRequest(
                symbol=symbol,
                qty=quantity,
                side=side,
                limit_price=price,
                time_in_force=TimeInForce.GTC,
                client_order_id=name,
            )
        )


def market(session: Session) -> Any:
    """Read clock, assets and market data."""
    clock = session.trading.get_clock()
    apple = session.trading.get_asset("AAPL")
    pair = session.trading.get_asset("BTC%2FUSD")
    listed = session.trading.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO))
    named = {"symbol_or_symbols": ["AAPL", "SPY"]}
    trades = session.stocks.get_stock_latest_trade(StockLatestTradeRequest(**named))
    quotes = session.stocks.get_stock_latest_quote(StockLatestQuoteRequest(**named))
    bars = session.stocks.get_stock_bars(StockBarsRequest(timeframe=TimeFrame.Minute, **named))
    coins = session.crypto.get_crypto_latest_trade(
        CryptoLatestTradeRequest(symbol_or_symbols="BTC/USD")
    )
    return {
        "clock": [clock.timestamp.timestamp(), clock.is_open, clock.next_open > clock.timestamp],
        "apple": [apple.asset_class.value, apple.status.value, apple.tradable, apple.fractionable],
        "pair": [pair.symbol, pair.min_order_size, pair.min_trade_increment, pair.price_increment],
        "crypto": [asset.symbol for asset in listed],
        "trades": {s: [t.price, t.timestamp.timestamp()] for s, t in trades.items()},
        "quotes": {s: quote.ask_price > quote.bid_price for s, quote in quotes.items()},
        "bars": [bar.close for bar in bars["AAPL"]],
        "coins": [coins["BTC/USD"].price, coins["BTC/USD"].timestamp.timestamp()],
    }


def account(session: Session) -> Any:
    """Trade both ways, then read account, positions, orders, fills and other activities."""
    trading = session.trading
    answer = session.market("AAPL", 10, OrderSide.BUY)
    session.market("SPY", 4, OrderSide.SELL)
    session.market("BTC/USD", 0.1, OrderSide.BUY)
    session.limit("AAPL", 2, 150, OrderSide.BUY, "resting")
    bracket = trading.submit_order(
        LimitOrderRequest(
            symbol="AAPL",
            qty=1,
            side=OrderSide.BUY,
            limit_price=140,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=250),
            stop_loss=StopLossRequest(stop_price=100),
        )
    )
    by_id = trading.get_order_by_id(bracket.id, GetOrderByIdRequest(nested=True))
    by_name = trading.get_order_by_client_id("resting")
    everything = GetOrdersRequest(
        status=QueryOrderStatus.ALL, after=_LONG_AGO, limit=500, symbols=["AAPL", "SPY", "BTC/USD"]
    )
    flat = trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=False))
    nested = trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True))
    seen = trading.get_account()
    one = trading.get_open_position("SPY")
    fills = trading.get("/account/activities/FILL", {"page_size": 2, "direction": "asc"})
    rest = trading.get(
        "/account/activities/FILL",
        {"page_size": 2, "direction": "asc", "page_token": fills[-1]["id"]},
    )
    others = trading.get(
        "/account/activities", {"category": "non_trade_activity", "after": "2020-01-01"}
    )
    # The broker documents sell_short for activities; the library's model has only an order's sides.
    parsed = [
        TradeActivity(**{**fill, "side": fill["side"].removesuffix("_short")}, account_id=_OWNER)
        for fill in [*fills, *rest]
    ]
    moved = [NonTradeActivity(**other, account_id=_OWNER) for other in others]
    return {
        "answer": [answer.status.value, answer.filled_qty],
        "account": [seen.status.value, seen.currency, seen.trading_blocked, seen.account_blocked],
        "money": [seen.cash, seen.equity, seen.buying_power, seen.short_market_value],
        "positions": [
            [p.symbol, p.side.value, p.qty, p.qty_available, p.asset_class.value]
            for p in trading.get_all_positions()
        ],
        "short": [one.side.value, one.market_value],
        "legs": [[leg.type.value, leg.status.value] for leg in by_id.legs],
        "by_name": [by_name.status.value, by_name.limit_price, by_name.qty],
        "flat": len(flat),
        "nested": [len(nested), sum(len(order.legs or []) for order in nested)],
        "all": sorted(order.status.value for order in trading.get_orders(everything)),
        "fills": [[f.symbol, f.side.value, f.qty, f.type.value] for f in parsed],
        "sides": [fill["side"] for fill in [*fills, *rest]],
        "moved": [[m.activity_type.value, m.net_amount, m.symbol] for m in moved],
    }


def families(session: Session) -> Any:
    """Place a bracket and an OCO, replace a leg; say how their orders name each other."""
    trading = session.trading
    parent = trading.submit_order(
        MarketOrderRequest(
            symbol="AAPL",
            qty=1,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.GTC,
            client_order_id="ours",
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=250),
            stop_loss=StopLossRequest(stop_price=100),
        )
    )
    session.market("SPY", 1, OrderSide.BUY)
    oco = trading.submit_order(
        LimitOrderRequest(
            symbol="SPY",
            qty=1,
            side=OrderSide.SELL,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=600),
            stop_loss=StopLossRequest(stop_price=400),
        )
    )
    everything = {"status": QueryOrderStatus.ALL, "after": _LONG_AGO, "nested": True}
    nested = {order.id: order for order in trading.get_orders(GetOrdersRequest(**everything))}
    profit, stop = nested[parent.id].legs
    new = trading.replace_order_by_id(profit.id, ReplaceOrderRequest(limit_price=260))
    old = trading.get_order_by_id(profit.id)
    opened = GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True)
    return {
        "legs": [
            [leg.type.value, leg.status.value, leg.order_class.value] for leg in (profit, stop)
        ],
        "named": "ours" in {leg.client_order_id for leg in (profit, stop)},
        "oco": [leg.type.value for leg in nested[oco.id].legs],
        "replaced": [new.replaces == old.id, old.replaced_by == new.id, old.status.value],
        "renamed": new.client_order_id != old.client_order_id,
        "open_nested": [order.symbol for order in trading.get_orders(opened)],
    }


def contain(session: Session) -> Any:
    """Cancel, close and suspend, as one does to contain damage."""
    trading = session.trading
    session.market("AAPL", 10, OrderSide.BUY)
    session.limit("AAPL", 6, 250, OrderSide.SELL, "exit")
    stuck = trading.close_all_positions()
    first = session.limit("SPY", 1, 400, OrderSide.BUY, "one")
    trading.cancel_order_by_id(first.id)
    cancelled = trading.cancel_orders()
    session.limit("SPY", 1, 400, OrderSide.BUY, "two")
    closed = trading.close_all_positions(cancel_orders=True)
    session.market("SPY", 3, OrderSide.BUY)
    alone = trading.close_position("SPY")
    configuration = trading.get_account_configurations()
    configuration.suspend_trade = True
    suspended = trading.set_account_configurations(configuration)
    try:
        session.market("AAPL", 1, OrderSide.BUY)
        refusal = None
    except APIError as error:
        refusal = [error.status_code, error.code, error.message]
    return {
        "stuck": [[c.status, c.symbol, c.body.code, c.body.held_for_orders] for c in stuck],
        "first": trading.get_order_by_id(first.id).status.value,
        "cancelled": [c.status for c in cancelled],
        "closed": [[c.status, c.symbol, c.body.status.value] for c in closed],
        "alone": alone.side.value,
        "left": [len(trading.get_all_positions()), len(trading.get_orders())],
        "suspended": [suspended.suspend_trade, trading.get_account().trade_suspended_by_user],
        "refusal": refusal,
    }


def refusals(session: Session) -> Any:
    """Ask for what is refused; say what the library makes of it."""
    asked: dict[str, Callable[[], Any]] = {
        "no position": lambda: session.trading.get_open_position("AAPL"),
        "no order": lambda: session.trading.get_order_by_id(uuid4()),
        "no asset": lambda: session.trading.get_asset("NOPE"),
        "too much": lambda: session.market("SPY", 10_000, OrderSide.BUY),
        "nothing to sell": lambda: session.market("BTC/USD", 1, OrderSide.SELL),
        "no symbol": lambda: session.market("NOPE", 1, OrderSide.BUY),
    }
    return {name: _refusal(ask) for name, ask in asked.items()}


def key(session: Session) -> Any:
    """Make one request with the key at hand."""
    return _refusal(session.trading.get_account)


def _refusal(ask: Callable[[], Any]) -> list[Any] | None:
    try:
        ask()
    except APIError as error:
        return [error.status_code, json.loads(str(error))]
    return None


if __name__ == "__main__":
    sessions = {s.__name__: s for s in (market, account, families, contain, refusals, key)}
    print(json.dumps(sessions[sys.argv[2]](Session(json.loads(sys.argv[1])))))
