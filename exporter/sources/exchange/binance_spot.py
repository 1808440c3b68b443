"""Binance spot, read only. Spot has balances, not positions: free plus locked."""

import json
from collections.abc import Collection
from typing import Any

from exporter.errors import SourceError
from exporter.readings import (
    AccountReading,
    Fee,
    Fill,
    Income,
    OpenOrder,
    Position,
    SymbolRules,
)
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_history import DAY_MS, read_history
from exporter.sources.exchange.binance_lists import OrderLists
from exporter.sources.exchange.binance_market import BinanceMarket, blocked, order_query
from exporter.sources.exchange.binance_orders import spot_fill
from exporter.sources.exchange.binance_rules import decode_rules

MARKET = "spot"
TIME_PATH = "/api/v3/time"
_ACCOUNT_PATH = "/api/v3/account"
_RULES_PATH = "/api/v3/exchangeInfo"
_BAD_SYMBOL_CODES = (-1121, -1100)


class BinanceSpot(BinanceMarket):
    """What the exporter may ask a spot account."""

    def __init__(self, client: BinanceClient) -> None:
        super().__init__(client, ping_path="/api/v3/ping", permission="enableSpotAndMarginTrading")
        self._unlisted: list[str] = []
        self._lists = OrderLists(client)

    def account(self) -> AccountReading:
        """Read balances by asset and all resting orders by symbol."""
        account = self._account("account")
        return AccountReading(
            positions=_balances(account),
            open_orders=self.open_orders(),
            trading_blocked=blocked(account),
        )

    def positions(self) -> tuple[Position, ...]:
        """Read what is held of each asset."""
        return _balances(self._account("positions"))

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Read all resting orders of all symbols."""
        rows = self._resting("/api/v3/openOrders", weight=80)
        return self._lists.link_open(rows)

    def rules(self, symbols: Collection[str] = ()) -> tuple[SymbolRules, ...]:
        """Read the instruments' rules; a symbol that the exchange does not know is left out.

        Each request weighs 20, whatever it names, and one unknown symbol fails them all. So the
        unknown ones are remembered, and asked about in turn, one each time.
        """
        if not symbols:
            return self._rules({})
        self._unlisted = [symbol for symbol in self._unlisted if symbol in symbols]
        again = self._unlisted[:1]
        found = self._listed(sorted(set(symbols).difference(self._unlisted)))
        if again:
            found += self._listed(again)
            self._unlisted.remove(again[0])  # still unknown, it has been put at the end, too
        return found

    def fees(self, symbols: Collection[str]) -> tuple[Fee, ...]:
        """Read commission rates; without sapi the account's own rates stand for each symbol."""
        if not self._client.has_sapi:
            rates = fields.mapping(self._account("fees").get("commissionRates"), "commissionRates")
            maker, taker = fields.decimal(rates, "maker"), fields.decimal(rates, "taker")
            return tuple(Fee(symbol, maker, taker) for symbol in symbols)
        body = self._client.get("fees", "/sapi/v1/asset/tradeFee", signed=True)
        names = set(symbols)
        return tuple(
            Fee(
                fields.text(item, "symbol"),
                fields.decimal(item, "makerCommission"),
                fields.decimal(item, "takerCommission"),
            )
            for item in fields.objects(body, "tradeFee")
            if fields.text(item, "symbol") in names
        )

    def check_key(self) -> None:
        """Make one signed request: spot has none that is cheaper without a symbol."""
        self._check(_ACCOUNT_PATH, weight=20)

    def order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> OpenOrder:
        """Read one order in any status."""
        query = order_query(symbol, order_id, client_order_id, ("orderId", "origClientOrderId"))
        body = self._client.get("history", "/api/v3/order", query, signed=True, weight=4)
        return self._lists.link_past([fields.mapping(body, "order")])[0]

    def orders(self, symbol: str, since: float) -> tuple[OpenOrder, ...]:
        """Read all orders placed since then."""
        rows = self._history("/api/v3/allOrders", symbol, since)
        return self._lists.link_past(rows)

    def fills(self, symbol: str, since: float) -> tuple[Fill, ...]:
        """Read all executions since then."""
        rows = self._history("/api/v3/myTrades", symbol, since)
        return tuple(spot_fill(item) for item in rows)

    def income(self, since: float) -> tuple[Income, ...]:  # noqa: ARG002 - the protocol's
        """Nothing: spot pays no funding, and fees are in the fills."""
        return ()

    def _account(self, endpoint: str) -> dict[str, Any]:
        params = {"omitZeroBalances": "true"}
        body = self._client.get(endpoint, _ACCOUNT_PATH, params, signed=True, weight=20)
        return fields.mapping(body, "account")

    def _listed(self, symbols: list[str]) -> tuple[SymbolRules, ...]:
        """Read named symbols' rules; halve the list while an unknown one is among them."""
        if not symbols:
            return ()
        try:
            return self._rules({"symbols": json.dumps(symbols, separators=(",", ":"))})
        except SourceError as error:
            if error.code not in _BAD_SYMBOL_CODES:
                raise
        if len(symbols) == 1:
            self._unlisted += symbols
            return ()
        middle = len(symbols) // 2
        return self._listed(symbols[:middle]) + self._listed(symbols[middle:])

    def _rules(self, params: dict[str, str]) -> tuple[SymbolRules, ...]:
        query = {**params, "showPermissionSets": "false"}
        # Without symbols it is megabytes long.
        answer = self._client.get("rules", _RULES_PATH, query, weight=20, packed=not params)
        body = fields.mapping(answer, "exchangeInfo")
        self._client.learn_limits(body)
        return decode_rules(body, ())

    def _history(self, path: str, symbol: str, since: float) -> list[dict[str, Any]]:
        return read_history(
            self._client, path, {"symbol": symbol}, since=since, window_ms=DAY_MS, weight=20
        )


def _balances(account: dict[str, Any]) -> tuple[Position, ...]:
    return tuple(
        position
        for item in fields.objects(account.get("balances"), "balances")
        if (position := _balance(item)).quantity
    )


def _balance(item: dict[str, Any]) -> Position:
    # Locked backs open sell orders and is still held.
    held = fields.decimal(item, "free") + fields.decimal(item, "locked")
    return Position(MARKET, fields.text(item, "asset"), "BOTH", held)
