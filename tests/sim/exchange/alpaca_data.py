"""The broker's market data host: latest trades, quotes and bars.

A symbol's latest trade is as old as the world says; prices stand still while a market is shut.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.sim.books.alpaca_assets import ASSETS
from tests.sim.exchange.alpaca_api import StockCall, StockRoute
from tests.sim.exchange.alpaca_errors import AlpacaError
from tests.sim.exchange.alpaca_text import moment

_CENT = Decimal("0.01")
_EXCHANGE = "V"


def _symbols(call: StockCall, kind: str) -> list[str]:
    named = [symbol for symbol in (call.values.get("symbols") or "").split(",") if symbol]
    if not named:
        raise AlpacaError(400, None, "symbols is required")
    # A symbol that is not known is left out of the answer, without a word.
    return [s for s in named if s in ASSETS and ASSETS[s].kind == kind]


def _latest(kind: str, name: str, show: Callable[[StockCall, str], Any]) -> Callable[..., Any]:
    def answer(call: StockCall) -> Any:
        return {name: {symbol: show(call, symbol) for symbol in _symbols(call, kind)}}

    return answer


def _seen(call: StockCall, symbol: str) -> int:
    books = call.books
    newest = call.now if books.trades_now(symbol) else books.flags.closed_since
    return min(newest, call.world.market_data.last_trade_ms(symbol, call.now))


def _trade(call: StockCall, symbol: str) -> dict[str, Any]:
    return {
        "t": moment(_seen(call, symbol)),
        "x": _EXCHANGE,
        "p": float(call.books.prices.of(symbol)),
        "s": 100,
        "c": ["@"],
        "i": 1,
        "z": "C",
    }


def _crypto_trade(call: StockCall, symbol: str) -> dict[str, Any]:
    price = float(call.books.prices.of(symbol))
    return {"t": moment(_seen(call, symbol)), "p": price, "s": 0.01, "i": 1, "tks": "B"}


def _quote(call: StockCall, symbol: str) -> dict[str, Any]:
    price = call.books.prices.of(symbol)
    return {
        "t": moment(_seen(call, symbol)),
        "ax": _EXCHANGE,
        "ap": float(price + _CENT),
        "as": 2,
        "bx": _EXCHANGE,
        "bp": float(price - _CENT),
        "bs": 3,
        "c": ["R"],
        "z": "C",
    }


def _bar(call: StockCall, symbol: str) -> dict[str, Any]:
    price = float(call.books.prices.of(symbol))
    begin = _seen(call, symbol) // 60_000 * 60_000
    figures = {"o": price, "h": price, "l": price, "c": price, "vw": price}
    return {"t": moment(begin), **figures, "v": 1000, "n": 10}


def _bars(call: StockCall) -> Any:
    named = _symbols(call, "us_equity")
    return {"bars": {symbol: [_bar(call, symbol)] for symbol in named}, "next_page_token": None}


ROUTES = (
    StockRoute("GET", "/v2/stocks/trades/latest", _latest("us_equity", "trades", _trade)),
    StockRoute("GET", "/v2/stocks/quotes/latest", _latest("us_equity", "quotes", _quote)),
    StockRoute("GET", "/v2/stocks/bars/latest", _latest("us_equity", "bars", _bar)),
    StockRoute("GET", "/v2/stocks/bars", _bars),
    StockRoute(
        "GET",
        "/v1beta3/crypto/us/latest/trades",
        _latest("crypto", "trades", _crypto_trade),
        public=True,
    ),
)
