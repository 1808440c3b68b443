"""No answer of any venue gets anything but a reading or a SourceError out of a client."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import SourceError
from exporter.sources.exchange import Exchange
from tests.sources.replies import reply
from tests.sources.venues import NOW, alpaca, bodies, spot, usdm

_CLIENTS: tuple[Callable[..., Any], ...] = (spot, usdm, alpaca)

# Every name that the clients look for, so that made-up answers get past the first check.
_NAMES = (
    "symbol", "positionSide", "positionAmt", "balances", "asset", "free", "locked",
    "canTrade", "commissionRates", "maker", "taker", "orderId", "clientOrderId", "status",
    "side", "origQty", "executedQty", "price", "stopPrice", "time", "updateTime", "algoId",
    "clientAlgoId", "algoStatus", "quantity", "triggerPrice", "createTime", "reduceOnly",
    "closePosition", "id", "qty", "commission", "commissionAsset", "isBuyer", "incomeType",
    "income", "rateLimits", "rateLimitType", "interval", "intervalNum", "limit", "symbols",
    "filters", "filterType", "stepSize", "minQty", "tickSize", "minNotional", "notional",
    "baseAsset", "quoteAsset", "makerCommission", "takerCommission", "makerCommissionRate",
    "takerCommissionRate", "enableFutures", "enableSpotAndMarginTrading", "enableWithdrawals",
    "ipRestrict", "tradingAuthorityExpirationTime", "serverTime", "msg", "code", "message",
    "timestamp", "is_open", "next_open", "next_close", "trading_blocked", "account_blocked",
    "client_order_id", "filled_qty", "submitted_at", "updated_at", "limit_price",
    "position_intent", "class", "tradable", "fractionable", "price_increment",
    "min_trade_increment", "min_order_size", "activity_type", "net_amount", "date",
    "transaction_time", "order_id", "trades", "t", "orderListId", "listClientOrderId", "orders",
    "actualOrderId", "replaces", "legs", "order_class", "created_at",
)  # fmt: skip
_WORDS = (
    "BTCUSDT", "BTC/USD", "AAPL", "BOTH", "LONG", "long", "short", "buy", "sell", "NEW",
    "ACTIVE", "active", "crypto", "us_equity", "1", "0.5", "-1", "1e400", "NaN", "Infinity",
    "0x10", "REQUEST_WEIGHT", "MINUTE", "LOT_SIZE", "NOTIONAL", "FILL", "2026-11-24",
    "2026-11-24T09:00:00.123456789-05:00", "2026-99-99T99:99:99Z",
)  # fmt: skip

_leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 1_795_500_000_000, 10**30])
    | st.floats(allow_nan=False)
    | st.sampled_from(_WORDS)
    | st.text(max_size=4)
)
_object = st.dictionaries(st.sampled_from(_NAMES), _leaf, max_size=24)
_json = st.recursive(
    _leaf | _object,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=8)
    ),
    max_leaves=12,
)


def _questions(exchange: Exchange) -> Iterator[Callable[[], Any]]:
    """Every question of the protocol."""
    since = NOW - 3600
    yield exchange.ping
    yield exchange.status
    yield lambda: exchange.clock(5)
    yield exchange.account
    yield exchange.positions
    yield exchange.open_orders
    yield exchange.rules
    yield lambda: exchange.rules(("BTCUSDT", "AAPL"))
    yield lambda: exchange.fees(("BTCUSDT",))
    yield exchange.restrictions
    yield exchange.check_key
    yield lambda: exchange.order("BTCUSDT", order_id="1")
    yield lambda: exchange.order("AAPL", client_order_id="?/&#")
    yield lambda: exchange.orders("BTCUSDT", since)
    yield lambda: exchange.fills("BTCUSDT", since)
    yield lambda: exchange.income(since)
    yield exchange.hours
    yield exchange.rate_limits
    yield lambda: exchange.last_trades(("AAPL", "BTCUSD"))


def _ask_everything(client: Callable[..., Any], answer: Callable[..., httpx.Response]) -> None:
    exchange = client(answer)
    for question in _questions(exchange):
        try:
            question()
        except SourceError as error:
            detail = error.detail
            assert "\n" not in detail
            assert len(detail) < 1500


@pytest.mark.parametrize("client", _CLIENTS)
@given(body=_json, status=st.sampled_from([200, 200, 200, 400, 401, 403, 404, 422, 503]))
def test_any_json(client: Callable[..., Any], body: Any, status: int) -> None:
    """The time is right, so that signed questions get as far as their answers."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/time"):
            return bodies({})(request)
        return reply(body, status)

    _ask_everything(client, answer)


@pytest.mark.parametrize("client", _CLIENTS)
@given(
    content=st.binary(max_size=60) | _json.map(lambda body: json.dumps([body]).encode()),
    status=st.integers(200, 599),
    header=st.text("0123456789-;: aGMT", max_size=20),
)
def test_any_bytes_status_and_header(
    client: Callable[..., Any], content: bytes, status: int, header: str
) -> None:
    """Rate limit headers of any content included."""
    names = ("Retry-After", "Date", "X-MBX-USED-WEIGHT-1M", "X-RateLimit-Limit",
             "X-RateLimit-Remaining", "X-RateLimit-Reset")  # fmt: skip
    headers = dict.fromkeys(names, header)
    _ask_everything(client, lambda _: reply(content, status, headers))


@pytest.mark.parametrize("client", _CLIENTS)
@given(since=st.floats(allow_nan=False))
def test_any_start_of_a_history(client: Callable[..., Any], since: float) -> None:
    """Even a time that is none."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(("/time", "/clock")):
            return bodies({})(request)
        return reply({"class": "us_equity"} if "/assets/" in request.url.path else [])

    exchange = client(answer)
    for ask in (exchange.orders, exchange.fills):
        try:
            ask("AAPL", since)
        except SourceError:
            continue
