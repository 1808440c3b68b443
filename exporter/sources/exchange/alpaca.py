"""Alpaca, read only: US equities and crypto at one broker."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.readings import (
    AccountReading,
    ClockReading,
    ExchangeStatus,
    Fee,
    Fill,
    Income,
    KeyRestrictions,
    LatencySample,
    MarketHours,
    OpenOrder,
    Position,
    RateLimit,
    SymbolRules,
)
from exporter.sources.exchange import alpaca_account, fields
from exporter.sources.exchange.alpaca_account import plain
from exporter.sources.exchange.alpaca_assets import AlpacaAssets
from exporter.sources.exchange.alpaca_client import AlpacaClient, segment
from exporter.sources.exchange.alpaca_history import read_activities, read_orders
from exporter.sources.exchange.alpaca_links import AlpacaLinks
from exporter.sources.exchange.rate_limits import host_of
from exporter.sources.exchange.server_clock import ServerClock

_CLOCK_PATH, _ACCOUNT_PATH = "/v2/clock", "/v2/account"
_ACTIVITIES_PATH = "/v2/account/activities"
_RESOLUTION_SECONDS = 0.000001
# Of 200 requests a minute that the key has, perhaps together with the bot.
_MOST_SAMPLES = 3
# One answer serves whoever asks next in the same round.
_RECENT_SECONDS = 2.0


class Alpaca:
    """What the exporter may ask the broker.

    Args:
        client: speaks to the broker.
        base_url: where; for people.
        symbols: what the bot trades; crypto alone never closes.
        wall: the local clock under test, in Unix seconds.
        monotonic: what durations are measured by.
    """

    def __init__(
        self,
        client: AlpacaClient,
        base_url: str,
        *,
        symbols: Collection[str] = (),
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._client = client
        self._assets = AlpacaAssets(client)
        self._links = AlpacaLinks(client)
        self._symbols = tuple(symbols)
        self._monotonic = monotonic
        self._recent: tuple[float, dict[str, Any]] | None = None
        self._clock = ServerClock(
            host_of(base_url),
            self._server_time,
            resolution=_RESOLUTION_SECONDS,
            wall=wall,
            monotonic=monotonic,
        )

    def clock(self, samples: int) -> ClockReading:
        """Measure the local clock against the broker's, by few samples: its limit is low."""
        return self._clock.measure(min(samples, _MOST_SAMPLES))

    def ping(self) -> LatencySample:
        """Time one smallest request."""
        started = self._monotonic()
        self._ask_clock("ping")
        return LatencySample("ping", self._monotonic() - started)

    def status(self) -> ExchangeStatus:
        """Ask whether the broker answers: it publishes no status that a program may read."""
        try:
            self._recent_clock("status")
        except SourceError as error:
            if error.reason is Reason.MAINTENANCE:
                return ExchangeStatus(maintenance=True, message=error.detail)
            raise
        return ExchangeStatus(maintenance=False, message="no status page; the clock answers")

    def hours(self) -> MarketHours | None:
        """Return the stock market's hours; None if the bot trades nothing but crypto."""
        if self._symbols and all(self._assets.pair(symbol) for symbol in self._symbols):
            return None
        body = self._recent_clock("status")
        if "is_open" not in body:
            raise SourceError(Reason.BAD_RESPONSE, "is_open is missing")
        return MarketHours(
            is_open=fields.flag(body, "is_open"),
            next_open=fields.known(fields.stamp(body, "next_open"), "next_open"),
            next_close=fields.known(fields.stamp(body, "next_close"), "next_close"),
        )

    def account(self) -> AccountReading:
        """Read positions, all open orders, and whether the account may trade."""
        return AccountReading(
            positions=self.positions(),
            open_orders=self.open_orders(),
            trading_blocked=alpaca_account.blocked(self._account("account")),
        )

    def positions(self) -> tuple[Position, ...]:
        """Read all positions, signed by their side."""
        body = fields.objects(self._client.get("positions", "/v2/positions"), "positions")
        decoded = (alpaca_account.position(item) for item in body)
        return tuple(position for position in decoded if position.quantity)

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Read all open orders, each leg of an order as one of its own."""
        rows = read_orders(self._client, "open_orders", {"status": "open"})
        return self._links.link(rows)

    def rules(self, symbols: Collection[str] = ()) -> tuple[SymbolRules, ...]:
        """Read the instruments' rules; a symbol that the broker does not know is left out."""
        return self._assets.rules(symbols)

    def fees(self, symbols: Collection[str]) -> tuple[Fee, ...]:
        """Refuse: the broker publishes no rates, and none is not zero."""
        raise SourceError(
            Reason.UNSUPPORTED,
            f"Alpaca publishes no fees for {len(symbols)} symbols",
            permanent=True,
        )

    def restrictions(self) -> KeyRestrictions:
        """Return whether the account may trade; of the key itself the broker says nothing."""
        return KeyRestrictions(
            can_trade=not alpaca_account.blocked(self._account("key")),
            can_withdraw=None,
            ip_restricted=None,
            created=None,
            expiry=None,
        )

    def check_key(self) -> None:
        """Make one request that needs the key."""
        self._account("key")

    def order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> OpenOrder:
        """Read one order in any status."""
        if order_id is not None:
            body = self._client.get("history", f"/v2/orders/{segment(order_id)}")
        elif client_order_id is not None:
            query = {"client_order_id": client_order_id}
            body = self._client.get("history", "/v2/orders:by_client_order_id", query)
        else:
            raise SourceError(Reason.INVALID, "an order is asked for without an id", permanent=True)
        (found,) = self._links.link([fields.mapping(body, "order")])
        if found.symbol != plain(symbol):
            raise SourceError(Reason.MISSING, f"that order is for {found.symbol!r}, not {symbol}")
        return found

    def orders(self, symbol: str, since: float) -> tuple[OpenOrder, ...]:
        """Read all orders submitted since then."""
        named = self._assets.pair(symbol) or symbol
        query, begin = {"status": "all", "symbols": named}, self._clock.at(since)
        rows = read_orders(self._client, "history", query, begin)
        return tuple(found for found in self._links.link(rows) if found.symbol == plain(symbol))

    def fills(self, symbol: str, since: float) -> tuple[Fill, ...]:
        """Read all executions since then."""
        path, begin = f"{_ACTIVITIES_PATH}/FILL", self._clock.at(since)
        rows = read_activities(self._client, path, {}, begin)
        decoded = (alpaca_account.fill(item) for item in rows)
        return tuple(found for found in decoded if found.symbol == plain(symbol))

    def income(self, since: float) -> tuple[Income, ...]:
        """Read dividends, interest, fees and transfers since then."""
        query, begin = {"category": "non_trade_activity"}, self._clock.at(since)
        rows = read_activities(self._client, _ACTIVITIES_PATH, query, begin)
        return tuple(
            alpaca_account.income(item) for item in rows if item.get("activity_type") != "FILL"
        )

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Return what the newest answers said of the requests that this key has used."""
        return self._client.rate_limits()

    def last_trades(self, symbols: Collection[str]) -> Mapping[str, float]:
        """Return when each symbol last traded; one without a trade is left out."""
        pairs = {symbol: self._assets.pair(symbol) for symbol in symbols}
        stocks = {symbol: symbol for symbol, pair in pairs.items() if pair is None}
        crypto = {pair: symbol for symbol, pair in pairs.items() if pair is not None}
        return {
            **self._latest("/v2/stocks/trades/latest", stocks),
            **self._latest("/v1beta3/crypto/us/latest/trades", crypto),
        }

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _latest(self, path: str, symbols: dict[str, str]) -> dict[str, float]:
        if not symbols:
            return {}
        body = fields.mapping(self._client.get_data(path, {"symbols": ",".join(symbols)}), path)
        trades = fields.mapping(body.get("trades"), "trades")
        return {
            symbols[name]: fields.known(fields.stamp(fields.mapping(trade, name), "t"), "t")
            for name, trade in trades.items()
            if name in symbols
        }

    def _account(self, endpoint: str) -> dict[str, Any]:
        return fields.mapping(self._client.get(endpoint, _ACCOUNT_PATH), "account")

    def _server_time(self) -> float:
        body = self._ask_clock("time")
        return fields.known(fields.stamp(body, "timestamp"), "timestamp")

    def _recent_clock(self, endpoint: str) -> dict[str, Any]:
        if self._recent is not None and self._monotonic() - self._recent[0] < _RECENT_SECONDS:
            return self._recent[1]
        return self._ask_clock(endpoint)

    def _ask_clock(self, endpoint: str) -> dict[str, Any]:
        self._recent = None
        body = fields.mapping(self._client.get(endpoint, _CLOCK_PATH), "clock")
        self._recent = (self._monotonic(), body)
        return body
