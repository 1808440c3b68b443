"""Binance's rules, fees, status and account flags; fields of the wrong kind."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from exporter.errors import Reason, SourceError
from exporter.readings import Fee, SymbolRules
from tests.sim.simulator import Simulator
from tests.sources.replies import reply
from tests.sources.venues import bodies, sim_exchange, spot, usdm

_BINANCE = ("binance_spot", "binance_usdm")
_POSITION = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "1"}
_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 1,
    "clientOrderId": "tb2-1",
    "status": "NEW",
    "side": "BUY",
    "origQty": "1",
    "executedQty": "0",
    "price": "0.00",
    "stopPrice": "99.5",
    "time": 1_795_500_000_000,
    "updateTime": 0,
}


@pytest.mark.parametrize("kind", _BINANCE)
def test_rules_by_symbol_and_all(simulator: Simulator, kind: str) -> None:
    """Steps and minima from the filters; a symbol that is not listed is left out."""
    simulator.world.symbol_status["ETHUSDT"] = "BREAK"
    with sim_exchange(simulator, kind) as exchange:
        every = {rules.symbol: rules for rules in exchange.rules()}
        for symbols in (("BTCUSDT",), ("BTCUSDT", "ETHUSDT"), ("ETHUSDT", "NONEUSDT"), ("NONE",)):
            known = [symbol for symbol in symbols if symbol in every]
            found = exchange.rules(symbols)
            assert sorted(rules.symbol for rules in found) == sorted(known)
            assert all(rules == every[rules.symbol] for rules in found)
    bitcoin = every["BTCUSDT"]
    assert (bitcoin.base_asset, bitcoin.quote_asset) == ("BTC", "USDT")
    assert bitcoin.tradable
    assert not every["ETHUSDT"].tradable
    for figure in (bitcoin.step_size, bitcoin.tick_size, bitcoin.min_quantity):
        assert 0 < figure < 1
    assert bitcoin.min_notional > 0


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], ("0", "0", "0", "0")),
        (
            [
                {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.002"},
                {"filterType": "MIN_NOTIONAL", "notional": "100"},
            ],
            ("0.10", "0.001", "0.002", "100"),
        ),
        ([{"filterType": "NOTIONAL", "minNotional": "5"}], ("0", "0", "0", "5")),
        ([{"filterType": "MIN_NOTIONAL", "minNotional": "10"}], ("0", "0", "0", "10")),
    ],
)
def test_filters_of_each_generation(
    filters: list[dict[str, str]], expected: tuple[str, ...]
) -> None:
    """The least amount has had three names; what a venue does not have is zero."""
    symbol = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "filters": filters,
    }
    client = usdm(bodies({"/fapi/v1/exchangeInfo": {"rateLimits": [], "symbols": [symbol]}}))
    tick, step, quantity, notional = map(Decimal, expected)
    assert client.rules() == (
        SymbolRules("BTCUSDT", "TRADING", "BTC", "USDT", tick, step, quantity, notional),
    )


@pytest.mark.parametrize("kind", _BINANCE)
@pytest.mark.parametrize("sapi", [True, False])
def test_fees_of_the_symbols_asked_for(simulator: Simulator, kind: str, sapi: bool) -> None:
    """As ratios; test venues without sapi have them elsewhere."""
    changes: dict[str, Any] = {} if sapi else {"sapi_base_url": None}
    with sim_exchange(simulator, kind, **changes) as exchange:
        fees = exchange.fees(("ETHUSDT",))
    (fee,) = fees
    assert isinstance(fee, Fee)
    assert fee.symbol == "ETHUSDT"
    assert Decimal(0) < fee.maker <= fee.taker < Decimal("0.01")


@pytest.mark.parametrize("client", [spot, usdm])
@pytest.mark.parametrize(
    ("body", "maintenance"),
    [({"status": 0, "msg": "normal"}, False), ({"status": 1, "msg": "system_maintenance"}, True)],
)
def test_the_status_page_says_maintenance(
    client: Callable[..., Any], body: dict[str, Any], maintenance: bool
) -> None:
    """The venue's own word."""
    status = client(bodies({"/sapi/v1/system/status": body})).status()
    assert status.maintenance is maintenance
    assert status.message == body["msg"]


@pytest.mark.parametrize("value", [2, "0", None, True, [0]])
def test_a_status_that_is_none_is_a_bad_response(value: Any) -> None:
    """An unknown status is not "no maintenance"."""
    client = usdm(bodies({"/sapi/v1/system/status": {"status": value}}))
    with pytest.raises(SourceError) as caught:
        client.status()
    assert caught.value.reason is Reason.BAD_RESPONSE


def test_without_a_status_page_a_ping_decides() -> None:
    """Test venues have none; -1016 is the exchange's own word for shutting down."""
    assert not usdm(bodies({"/fapi/v1/ping": {}}), sapi=False).status().maintenance
    closing = reply({"code": -1016, "msg": "This service is no longer available."}, 503)
    assert usdm(lambda _: closing, sapi=False).status().maintenance


@pytest.mark.parametrize(
    ("change", "words"),
    [({"canTrade": False}, "canTrade is false"), ({"canTrade": True}, ""), ({}, None)],
)
def test_an_account_that_may_not_trade(change: dict[str, Any], words: str | None) -> None:
    """In the venue's words; unknown if it does not say."""
    answers = {
        "/api/v3/account": {"balances": [], **change},
        "/api/v3/openOrders": [],
        "/fapi/v3/positionRisk": [],
        "/fapi/v1/openOrders": [],
        "/fapi/v1/openAlgoOrders": [],
        "/fapi/v1/accountConfig": change,
    }
    assert spot(bodies(answers)).account().trading_blocked == words
    assert usdm(bodies(answers)).account().trading_blocked == words


def test_a_host_without_account_configuration_is_asked_for_it_once() -> None:
    """Older test venues lack the endpoint; that does not make the account unreadable."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path.endswith("accountConfig"):
            return reply({"code": -5000, "msg": "Path is invalid"}, 404)
        if request.url.path.endswith("/time"):
            return bodies({})(request)
        return reply([])

    client = usdm(answer)
    for _ in range(3):
        assert client.account().trading_blocked is None
    assert asked.count("/fapi/v1/accountConfig") == 1


def test_a_passing_refusal_does_not_hide_a_block_for_good() -> None:
    """What another day's error said is no reason never to ask again."""
    refused = True

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("accountConfig"):
            return (
                reply({"code": -4000, "msg": "?"}, 400) if refused else reply({"canTrade": False})
            )
        return bodies({})(request) if request.url.path.endswith("/time") else reply([])

    client = usdm(answer)
    assert client.account().trading_blocked is None
    refused = False
    assert client.account().trading_blocked == "canTrade is false"


def test_an_unlisted_symbol_does_not_cost_a_request_for_each_other() -> None:
    """Each weighs 20, and the list is read every few seconds; a new listing shows all the same."""
    names = [f"S{index:02}USDT" for index in range(50)]
    listed, asked = set(names) - {"S07USDT", "S31USDT"}, 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        wanted = json.loads(request.url.params["symbols"])
        if not listed.issuperset(wanted):
            return reply({"code": -1121, "msg": "Invalid symbol."}, 400)
        plain = {"status": "TRADING", "baseAsset": "S", "quoteAsset": "USDT", "filters": []}
        return reply({"rateLimits": [], "symbols": [{"symbol": name, **plain} for name in wanted]})

    client = spot(answer)
    assert {rule.symbol for rule in client.rules(names)} == listed
    assert asked < 30
    asked = 0
    assert {rule.symbol for rule in client.rules(names)} == listed
    assert asked == 2
    listed.update(names)
    client.rules(names)
    assert {rule.symbol for rule in client.rules(names)} == listed
    asked = 0
    client.rules(names)
    assert asked == 1


def test_markets_that_never_close_and_have_streams() -> None:
    """No hours, and trades are not asked for."""
    for client in (spot(bodies({})), usdm(bodies({}))):
        assert client.hours() is None
        with pytest.raises(SourceError) as caught:
            client.last_trades(("BTCUSDT",))
        assert caught.value.reason is Reason.UNSUPPORTED


def test_an_order_that_waits_for_a_price_has_that_price() -> None:
    """A stop has no limit price; a time of zero is no time."""
    (order,) = spot(bodies({"/api/v3/openOrders": [_ORDER]})).open_orders()
    assert order.price == Decimal("99.5")
    assert order.created == 1_795_500_000.0
    assert order.updated is None


@pytest.mark.parametrize(
    "change",
    [
        {"positionAmt": "NaN"},
        {"positionAmt": None},
        {"positionAmt": True},
        {"positionAmt": "1,5"},
        {"positionSide": "UP"},
        {"positionSide": None},
        {"symbol": None},
        {"symbol": ["BTCUSDT"]},
    ],
)
def test_a_position_that_is_not_understood_is_a_bad_response(change: dict[str, Any]) -> None:
    """It must not be left out or read as zero."""
    with pytest.raises(SourceError) as caught:
        usdm(bodies({"/fapi/v3/positionRisk": [{**_POSITION, **change}]})).positions()
    assert caught.value.reason is Reason.BAD_RESPONSE


@pytest.mark.parametrize(
    "change",
    [
        {"origQty": None},
        {"executedQty": "Infinity"},
        {"price": "x"},
        {"time": "1795500000000"},
        {"time": 1795500000},
        {"updateTime": -5},
        {"orderId": 1.5},
        {"status": None},
        {"symbol": "S" * 300},
    ],
)
@pytest.mark.parametrize(
    ("client", "path"), [(spot, "/api/v3/openOrders"), (usdm, "/fapi/v1/openOrders")]
)
def test_an_order_that_is_not_understood_is_a_bad_response(
    client: Callable[..., Any], path: str, change: dict[str, Any]
) -> None:
    """An order that is left out looks like no order."""
    answers = {path: [{**_ORDER, **change}], "/fapi/v1/openAlgoOrders": []}
    with pytest.raises(SourceError) as caught:
        client(bodies(answers)).open_orders()
    assert caught.value.reason is Reason.BAD_RESPONSE
