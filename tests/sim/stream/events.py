"""The events of public streams, by market and stream name."""

import random
import re
from decimal import Decimal
from typing import Any

from tests.sim.books.prices import SYMBOLS, Prices
from tests.sim.exchange.text import amount

_NAME = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>trade|aggTrade|bookTicker|miniTicker|markPrice|kline)"
    r"(?:_(?P<interval>[0-9]+[smhdwM])|@1s)?"
)
_ALL_TICKERS = "!miniTicker@arr"
_MINUTE_MS = 60_000
_HALF_SPREAD = Decimal("0.05")


class Events:
    """Make the next event of a stream; its price wanders closely around the book's."""

    def __init__(self, market: str, prices: Prices) -> None:
        self._futures = market == "usdm"
        self._prices = prices
        self._random = random.Random(f"stream {market}")
        self._count = 0

    def next(self, stream: str, now: int) -> Any | None:
        """The event, or None for a name that is no stream here: nothing ever comes of one."""
        if stream == _ALL_TICKERS:
            return [self._ticker(symbol, now) for symbol in SYMBOLS]
        found = _NAME.fullmatch(stream)
        if found is None or found["symbol"].upper() not in SYMBOLS:
            return None
        if (found["kind"] == "kline") is not (found["interval"] is not None):
            return None
        if found["kind"] == "markPrice" and not self._futures:
            return None
        symbol = found["symbol"].upper()
        make = {
            "trade": self._trade,
            "aggTrade": self._trade,
            "bookTicker": self._book,
            "miniTicker": self._ticker,
            "markPrice": self._mark,
        }.get(found["kind"])
        event = self._kline(symbol, found["interval"], now) if make is None else make(symbol, now)
        return event if found["kind"] != "aggTrade" else self._aggregated(event)

    def _price(self, symbol: str) -> Decimal:
        self._count += 1
        jitter = Decimal(self._random.randint(-50, 50)) / 10
        return self._prices.of(symbol) + jitter

    def _text(self, value: Decimal) -> str:
        return amount(value, 2 if self._futures else 8)

    def _trade(self, symbol: str, now: int) -> dict[str, Any]:
        price = self._text(self._price(symbol))
        head = {"e": "trade", "E": now, "T": now, "s": symbol, "t": self._count}
        tail = {"X": "MARKET", "m": True} if self._futures else {"m": True, "M": True}
        return {**head, "p": price, "q": self._text(Decimal("0.01")), **tail}

    @staticmethod
    def _aggregated(trade: dict[str, Any]) -> dict[str, Any]:
        number = trade.pop("t")
        trade.pop("X", None)
        return {**trade, "e": "aggTrade", "a": number, "f": number, "l": number}

    def _book(self, symbol: str, now: int) -> dict[str, Any]:
        price = self._price(symbol)
        size = self._text(Decimal(1))
        book = {
            "u": self._count,
            "s": symbol,
            "b": self._text(price - _HALF_SPREAD),
            "B": size,
            "a": self._text(price + _HALF_SPREAD),
            "A": size,
        }
        return {"e": "bookTicker", "E": now, "T": now, **book} if self._futures else book

    def _ticker(self, symbol: str, now: int) -> dict[str, Any]:
        price = self._text(self._price(symbol))
        head = {"e": "24hrMiniTicker", "E": now, "s": symbol}
        return {**head, "c": price, "o": price, "h": price, "l": price, "v": "1000", "q": "6000"}

    def _mark(self, symbol: str, now: int) -> dict[str, Any]:
        price = self._text(self._price(symbol))
        settles = (now // 28_800_000 + 1) * 28_800_000
        head = {"e": "markPriceUpdate", "E": now, "s": symbol}
        return {**head, "p": price, "i": price, "P": price, "r": "0.00010000", "T": settles}

    def _kline(self, symbol: str, interval: str, now: int) -> dict[str, Any]:
        price = self._text(self._price(symbol))
        begin = now // _MINUTE_MS * _MINUTE_MS
        bar = {
            "t": begin,
            "T": begin + _MINUTE_MS - 1,
            "s": symbol,
            "i": interval,
            "f": self._count,
            "L": self._count,
            "o": price,
            "c": price,
            "h": price,
            "l": price,
            "v": "10",
            "n": 1,
            "x": False,
            "q": "60",
            "V": "5",
            "Q": "30",
            "B": "0",
        }
        return {"e": "kline", "E": now, "s": symbol, "k": bar}
