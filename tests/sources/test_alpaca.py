"""The broker: short side, crypto spelling, pages, hours, assets, activities, data."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from exporter.errors import Reason, SourceError
from exporter.readings import Fill, Income, MarketHours, Position
from tests.sim.books.alpaca_orders import StockOrder, order_id
from tests.sim.holdings import trade
from tests.sim.simulator import Simulator
from tests.sources.replies import reply
from tests.sources.venues import NOW, alpaca, bodies, sim_alpaca, sim_exchange

_POSITION = {"symbol": "AAPL", "asset_class": "us_equity", "qty": "5", "side": "long"}
_ORDER = {
    "id": "904837e3-3b76-47ec-b432-046db621571b",
    "client_order_id": "tb2-1",
    "created_at": "2026-11-24T14:30:00.5Z",
    "submitted_at": "2026-11-24T14:30:01.123456789Z",
    "updated_at": "2026-11-24T09:30:02-05:00",
    "symbol": "BTC/USD",
    "qty": "2",
    "filled_qty": "0.5",
    "side": "buy",
    "status": "partially_filled",
    "limit_price": "100.5",
    "stop_price": None,
}


@pytest.mark.parametrize(
    ("quantity", "side", "signed"),
    [("5", "long", "5"), ("5", "short", "-5"), ("-5", "short", "-5"), ("-5", "long", "5")],
)
def test_the_side_decides_and_not_the_sign(quantity: str, side: str, signed: str) -> None:
    """Clients disagree about the sign of a short position's quantity."""
    client = alpaca(bodies({"/v2/positions": [{**_POSITION, "qty": quantity, "side": side}]}))
    assert client.positions() == (Position("us_equity", "AAPL", "BOTH", Decimal(signed)),)


def test_crypto_is_spelled_alike_everywhere(simulator: Simulator) -> None:
    """Positions print BTCUSD and orders BTC/USD; whoever compares them needs one spelling."""
    trade(simulator.world, "alpaca", "BTC/USD", Decimal("0.5"))
    _rest(simulator, "BTC/USD", 1)
    with sim_exchange(simulator, "alpaca") as exchange:
        assert [position.symbol for position in exchange.positions()] == ["BTCUSD"]
        assert [order.symbol for order in exchange.open_orders()] == ["BTCUSD"]
        for spelling in ("BTCUSD", "BTC/USD"):
            assert {order.symbol for order in exchange.orders(spelling, 0)} == {"BTCUSD"}
            assert {fill.symbol for fill in exchange.fills(spelling, 0)} == {"BTCUSD"}
            assert [rules.symbol for rules in exchange.rules((spelling,))] == ["BTCUSD"]
        assert set(exchange.last_trades(("BTCUSD", "AAPL"))) == {"BTCUSD", "AAPL"}


def test_an_order_in_readings_terms() -> None:
    """Text becomes Decimal, RFC 3339 with any offset Unix seconds, words upper case."""
    (order,) = alpaca(bodies({"/v2/orders": [_ORDER]})).open_orders()
    assert order.symbol == "BTCUSD"
    assert (order.status, order.side, order.kind) == ("PARTIALLY_FILLED", "BUY", "regular")
    assert (order.quantity, order.executed) == (Decimal(2), Decimal("0.5"))
    assert order.price == Decimal("100.5")
    assert order.created == pytest.approx(1_795_530_601.123456, abs=1e-5)
    assert order.updated == 1_795_530_602.0


def _rest(simulator: Simulator, symbol: str, count: int, *, apart_ms: int = 1) -> None:
    """Let orders rest, one every so often up to now."""
    books, now = simulator.world.alpaca, simulator.world.clocks.exchange_ms()
    for index in range(count):
        made = now - (count - index) * apart_ms
        order = StockOrder(
            order_id=order_id(),
            client_order_id=f"tb2-{index}",
            symbol=symbol,
            side="buy",
            kind="limit",
            time_in_force="gtc",
            quantity=Decimal(1),
            limit=Decimal(1),
            stop=None,
            time=made,
            update_time=made,
        )
        books.orders[order.order_id] = order


@pytest.mark.parametrize("apart_ms", [1, 0])
def test_more_orders_than_a_page_are_all_read_or_none(simulator: Simulator, apart_ms: int) -> None:
    """A list cut off at 500 would look like a complete one."""
    _rest(simulator, "AAPL", 1203, apart_ms=apart_ms)
    with sim_exchange(simulator, "alpaca") as exchange:
        if apart_ms:
            orders = exchange.open_orders()
            names = {order.client_order_id for order in orders}
            assert names == {f"tb2-{index}" for index in range(1203)}
            assert len(orders) == 1203
            return
        # All at one moment: no page begins where the last one ended.
        with pytest.raises(SourceError) as caught:
            exchange.open_orders()
    assert caught.value.reason is Reason.TOO_LARGE


def test_an_exact_page_is_followed_by_a_look_at_the_next(simulator: Simulator) -> None:
    """A full page may be the last one, which only the next request tells."""
    _rest(simulator, "AAPL", 500)
    with sim_exchange(simulator, "alpaca") as exchange:
        assert len(exchange.open_orders()) == 500


def test_fills_and_income_are_read_page_by_page(simulator: Simulator) -> None:
    """A page of activities is a hundred, and both kinds come from one list."""
    world = simulator.world
    since = world.clocks.exchange_seconds() - 10
    for _ in range(130):
        trade(world, "alpaca", "AAPL", Decimal(1))
    trade(world, "alpaca", "SPY", Decimal(-2))
    world.alpaca.record("DIV", Decimal("1.02"), world.clocks.exchange_ms(), symbol="AAPL")
    with sim_exchange(simulator, "alpaca") as exchange:
        fills = exchange.fills("AAPL", since)
        (short,) = exchange.fills("SPY", since)
        income = exchange.income(since)
    assert len(fills) == 130
    assert len({fill.fill_id for fill in fills}) == 130
    assert isinstance(short, Fill)
    assert (short.side, short.quantity) == ("SELL", Decimal(2))
    assert since + 9.9 < short.time <= world.clocks.exchange_seconds()
    assert [(item.kind, item.amount, item.symbol) for item in income] == [
        ("DIV", Decimal("1.02"), "AAPL")
    ]


def test_an_activity_of_a_day_has_the_days_first_second() -> None:
    """That is all the broker says of most."""
    row = {"activity_type": "FEE", "id": "1", "date": "2026-11-24", "net_amount": "-0.5"}
    client = alpaca(bodies({"/v2/account/activities": [row]}))
    assert client.income(0) == (
        Income("us_equity", "FEE", "", Decimal("-0.5"), "USD", 1_795_478_400.0),
    )


@pytest.mark.parametrize("by", ["id", "client"])
def test_one_order_by_either_id(simulator: Simulator, by: str) -> None:
    """A targeted question before anybody calls an order lost."""
    _rest(simulator, "AAPL", 1)
    name = next(iter(simulator.world.alpaca.orders))
    query = {"order_id": name} if by == "id" else {"client_order_id": "tb2-0"}
    with sim_exchange(simulator, "alpaca") as exchange:
        assert exchange.order("AAPL", **query).order_id == name
        unknown: dict[str, str] = dict.fromkeys(query, "../none")
        for symbol, asked in (("AAPL", unknown), ("SPY", query)):
            with pytest.raises(SourceError) as caught:
                exchange.order(symbol, **asked)
            assert caught.value.reason is Reason.MISSING


@pytest.mark.parametrize("is_open", [True, False])
def test_hours_are_the_stock_markets(simulator: Simulator, is_open: bool) -> None:
    """A closed market is not maintenance, and old prices are not stale then."""
    world = simulator.world
    world.alpaca.set_market(is_open=is_open, now=world.clocks.exchange_ms())
    with sim_exchange(simulator, "alpaca") as exchange:
        hours = exchange.hours()
        assert not exchange.status().maintenance
    assert isinstance(hours, MarketHours)
    assert hours.is_open is is_open
    assert hours.next_open > world.clocks.exchange_seconds()
    if is_open:
        assert hours.next_close < hours.next_open


@pytest.mark.parametrize(
    ("symbols", "closes"), [(("BTCUSD",), False), (("BTCUSD", "AAPL"), True), ((), True)]
)
def test_crypto_alone_never_closes(
    simulator: Simulator, symbols: tuple[str, ...], closes: bool
) -> None:
    """A bot that trades crypto alone has no hours."""
    with sim_exchange(simulator, "alpaca", symbols=symbols) as exchange:
        assert (exchange.hours() is not None) is closes


def test_status_and_hours_share_one_request(simulator: Simulator) -> None:
    """Of two hundred requests a minute the clock may not take a part for each question."""
    with sim_alpaca(simulator, lambda: 0.0) as exchange:
        exchange.ping()
        exchange.status()
        exchange.hours()
    assert simulator.world.requests["exporter", "GET /v2/clock"] == 1


def test_rules_of_assets(simulator: Simulator) -> None:
    """Steps where the broker publishes them; what it does not know is left out."""
    simulator.world.alpaca.flags.inactive.add("SPY")
    with sim_exchange(simulator, "alpaca") as exchange:
        few = {rules.symbol: rules for rules in exchange.rules(("AAPL", "SPY", "BTCUSD", "NONE"))}
        every = {rules.symbol: rules for rules in exchange.rules()}
        many = exchange.rules(("AAPL", "SPY", "BTCUSD", "A1", "A2", "A3"))
    assert {name: rules for name, rules in few.items() if rules.tradable} == every
    assert {rules.symbol: rules for rules in many} == few
    assert few["AAPL"].tradable
    assert not few["SPY"].tradable
    assert (few["BTCUSD"].base_asset, few["BTCUSD"].quote_asset) == ("BTC", "USD")
    assert few["BTCUSD"].step_size == Decimal("0.0001")


def test_fees_are_not_published() -> None:
    """Unknown rates are not rates of zero."""
    with pytest.raises(SourceError) as caught:
        alpaca(bodies({})).fees(("AAPL",))
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"status": "ACCOUNT_CLOSED"}, "status ACCOUNT_CLOSED"),
        ({"trading_blocked": True}, "trading_blocked"),
        ({"account_blocked": True}, "account_blocked"),
        ({"trade_suspended_by_user": True}, "trade_suspended_by_user"),
    ],
)
def test_why_the_account_may_not_trade(change: dict[str, Any], words: str) -> None:
    """Each of four things stops trading, and the words say which."""
    account = {"status": "ACTIVE", "trading_blocked": False, **change}
    client = alpaca(bodies({"/v2/account": account, "/v2/positions": [], "/v2/orders": []}))
    assert client.account().trading_blocked == words
    assert client.restrictions().can_trade is (not words)


@pytest.mark.parametrize(("age", "symbol"), [(0.0, "AAPL"), (3600.0, "AAPL"), (600.0, "BTCUSD")])
def test_the_newest_trade_of_a_symbol(simulator: Simulator, age: float, symbol: str) -> None:
    """From the data host, as Unix time; an unknown symbol is left out."""
    pair = symbol.replace("USD", "/USD")
    made = NOW - age
    text = datetime.fromtimestamp(made, UTC).strftime("%Y-%m-%dT%H:%M:%S.5Z")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v2/assets/"):
            crypto = symbol == "BTCUSD"
            kind = "crypto" if crypto else "us_equity"
            return reply({"class": kind, "symbol": pair if crypto else symbol})
        assert request.url.params["symbols"] in (symbol, pair)
        return reply({"trades": {request.url.params["symbols"]: {"t": text, "p": 1}}})

    assert alpaca(answer).last_trades((symbol,)) == {symbol: made + 0.5}
    with sim_exchange(simulator, "alpaca") as exchange:
        assert set(exchange.last_trades(("NONE", "SPY"))) == {"SPY"}


def test_without_a_data_host_trades_are_not_supported(simulator: Simulator) -> None:
    """Which is not the same as no trades."""
    with (
        sim_exchange(simulator, "alpaca", data_base_url=None) as exchange,
        pytest.raises(SourceError) as caught,
    ):
        exchange.last_trades(("AAPL",))
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("base", ["/v2", "/v2/", "/", ""])
def test_a_base_url_with_or_without_the_version(simulator: Simulator, base: str) -> None:
    """Client libraries differ in what they want configured."""
    url = simulator.ready["alpaca"] + base
    with sim_exchange(simulator, "alpaca", base_url=url) as exchange:
        exchange.check_key()


_Ask = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("path", "body", "ask"),
    [
        ("/v2/positions", [{**_POSITION, "side": "both"}], lambda c: c.positions()),
        ("/v2/positions", [{**_POSITION, "qty": "NaN"}], lambda c: c.positions()),
        ("/v2/positions", [{**_POSITION, "qty": None}], lambda c: c.positions()),
        ("/v2/positions", {"positions": []}, lambda c: c.positions()),
        ("/v2/orders", [{**_ORDER, "side": "hold"}], lambda c: c.open_orders()),
        ("/v2/orders", [{**_ORDER, "submitted_at": "2026-11-24"}], lambda c: c.open_orders()),
        ("/v2/orders", [{**_ORDER, "updated_at": 5}], lambda c: c.open_orders()),
        ("/v2/clock", {"is_open": "true"}, lambda c: c.hours()),
        ("/v2/clock", {"next_open": None}, lambda c: c.hours()),
        ("/v2/clock", {"timestamp": "2026-11-24T09:00:00"}, lambda c: c.clock(5)),
        ("/v2/account", {"status": "ACTIVE", "account_blocked": "no"}, lambda c: c.restrictions()),
        ("/v2/account", [], lambda c: c.check_key()),
    ],
)
def test_a_field_of_the_wrong_kind_is_a_bad_response(path: str, body: Any, ask: _Ask) -> None:
    """What is not understood is neither left out nor read as zero."""
    with pytest.raises(SourceError) as caught:
        ask(alpaca(bodies({path: body})))
    assert caught.value.reason is Reason.BAD_RESPONSE
