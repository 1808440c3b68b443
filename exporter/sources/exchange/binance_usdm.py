"""Binance USD-M futures, read only."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
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
from exporter.sources.exchange.binance_history import WEEK_MS, read_history
from exporter.sources.exchange.binance_market import BinanceMarket, blocked, order_query
from exporter.sources.exchange.binance_orders import (
    algo_order,
    link_triggered,
    usdm_fill,
    usdm_income,
    usdm_order,
)
from exporter.sources.exchange.binance_rules import decode_rules

MARKET = "usdm"
TIME_PATH = "/fapi/v1/time"
_SIDES = ("BOTH", "LONG", "SHORT")
_NO_SUCH_PATH_CODE, _BAD_SYMBOL_CODE = -5000, -1121


class BinanceUsdm(BinanceMarket):
    """What the exporter may ask a USD-M futures account."""

    def __init__(self, client: BinanceClient) -> None:
        super().__init__(client, ping_path="/fapi/v1/ping", permission="enableFutures")
        self._says_blocked = True

    def account(self) -> AccountReading:
        """Read positions and all resting orders, the algo service's included.

        A symbol without a position is absent from the answer; that means flat only
        because every query of this pass succeeded.
        """
        return AccountReading(
            positions=self.positions(),
            open_orders=self.open_orders(),
            trading_blocked=self._trading_blocked(),
        )

    def positions(self) -> tuple[Position, ...]:
        """Read all positions."""
        body = self._client.get("positions", "/fapi/v3/positionRisk", signed=True, weight=5)
        return tuple(
            position
            for item in fields.objects(body, "positionRisk")
            if (position := _position(item)).quantity
        )

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Read all resting orders: stops live in the algo service and are in no other list."""
        regular = self._resting("/fapi/v1/openOrders", weight=40)
        return link_triggered(regular, self._resting("/fapi/v1/openAlgoOrders", weight=40))

    def rules(self, symbols: Collection[str] = ()) -> tuple[SymbolRules, ...]:
        """Read the instruments' rules; a symbol that the exchange does not know is left out."""
        # A megabyte each time: this market takes no symbols to ask for.
        answer = self._client.get("rules", "/fapi/v1/exchangeInfo", packed=True)
        body = fields.mapping(answer, "exchangeInfo")
        self._client.learn_limits(body)
        return decode_rules(body, symbols)

    def fees(self, symbols: Collection[str]) -> tuple[Fee, ...]:
        """Read commission rates, one request of weight 20 for each symbol; not of unknown ones."""
        found = (self._fee(symbol) for symbol in symbols)
        return tuple(fee for fee in found if fee is not None)

    def check_key(self) -> None:
        """Make one small signed request."""
        self._check("/fapi/v3/balance", weight=5)

    def order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> OpenOrder:
        """Read one order in any status, of the algo service if the matching engine has none."""
        query = order_query(symbol, order_id, client_order_id, ("orderId", "origClientOrderId"))
        try:
            body = self._client.get("history", "/fapi/v1/order", query, signed=True)
            return usdm_order(fields.mapping(body, "order"))
        except SourceError as error:
            if error.reason is not Reason.MISSING:
                raise
        query = order_query(symbol, order_id, client_order_id, ("algoId", "clientAlgoId"))
        body = self._client.get("history", "/fapi/v1/algoOrder", query, signed=True)
        return algo_order(fields.mapping(body, "algoOrder"))

    def orders(self, symbol: str, since: float) -> tuple[OpenOrder, ...]:
        """Read all orders placed since then, the algo service's included."""
        params = {"symbol": symbol}
        regular = self._history("/fapi/v1/allOrders", params, since, weight=5)
        algo = self._history("/fapi/v1/allAlgoOrders", params, since, weight=5)
        return link_triggered(regular, algo)

    def fills(self, symbol: str, since: float) -> tuple[Fill, ...]:
        """Read all executions since then."""
        rows = self._history("/fapi/v1/userTrades", {"symbol": symbol}, since, weight=5)
        return tuple(usdm_fill(item) for item in rows)

    def income(self, since: float) -> tuple[Income, ...]:
        """Read funding, fees, realised profit and transfers since then."""
        rows = self._history("/fapi/v1/income", {}, since, weight=30)
        return tuple(usdm_income(item) for item in rows)

    def _fee(self, symbol: str) -> Fee | None:
        path, params = "/fapi/v1/commissionRate", {"symbol": symbol}
        try:
            answer = self._client.get("fees", path, params, signed=True, weight=20)
        except SourceError as error:
            if error.code != _BAD_SYMBOL_CODE:
                raise
            return None
        body = fields.mapping(answer, "commissionRate")
        return Fee(
            symbol,
            fields.decimal(body, "makerCommissionRate"),
            fields.decimal(body, "takerCommissionRate"),
        )

    def _trading_blocked(self) -> str | None:
        """The account's own flag, on hosts that publish it; asked once on those that do not."""
        if not self._says_blocked:
            return None
        try:
            body = self._client.get("account", "/fapi/v1/accountConfig", signed=True, weight=5)
        except SourceError as error:
            if error.reason not in (Reason.REJECTED, Reason.HTTP_STATUS):
                raise
            # Any other refusal may pass, and must not hide a block for good.
            self._says_blocked = error.code != _NO_SUCH_PATH_CODE
            return None
        return blocked(fields.mapping(body, "accountConfig"))

    def _history(
        self, path: str, params: dict[str, str], since: float, *, weight: int
    ) -> list[dict[str, Any]]:
        return read_history(
            self._client, path, params, since=since, window_ms=WEEK_MS, weight=weight
        )


def _position(item: dict[str, Any]) -> Position:
    side = fields.text(item, "positionSide")
    if side not in _SIDES:
        raise SourceError(Reason.BAD_RESPONSE, f"positionSide is {side[:40]!r}")
    quantity = fields.decimal(item, "positionAmt")
    price = fields.decimal(item, "markPrice", missing=Decimal(0)) or None
    return Position(MARKET, fields.text(item, "symbol"), side, quantity, price)
