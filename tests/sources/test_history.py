"""Histories of Binance: windows, full pages, everything once or an error."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.exchange.binance_history import DAY_MS, WEEK_MS, Rows, collect
from tests.sim.books.orders import Order, Trade
from tests.sim.conftest import Caller
from tests.sim.holdings import AMOUNT, SYMBOL, Venue, trade
from tests.sim.simulator import Simulator
from tests.sources.venues import KINDS, sim_exchange

_BINANCE = ("binance_spot", "binance_usdm")


@given(
    st.lists(st.integers(990, 1070), max_size=60),
    st.integers(1, 80),
    st.integers(2, 9),
    st.booleans(),
)
def test_every_row_once_whichever_rows_a_full_answer_holds(
    times: list[int], window: int, page: int, newest: bool
) -> None:
    """Some endpoints cut off the oldest rows, some the newest, and none says so."""
    rows = [{"time": time, "id": number} for number, time in enumerate(sorted(times))]

    def ask(start: int, end: int) -> Rows:
        assert end - start < window
        inside = [row for row in rows if start <= row["time"] <= end]
        return inside[-page:] if newest else inside[:page]

    first, last = 1000, 1060
    try:
        found: Rows | Reason = collect(ask, first, last, window, page)
    except SourceError as error:
        found = error.reason
    if any(times.count(time) >= page for time in times if first <= time <= last):
        assert found is Reason.TOO_LARGE
    elif found is not Reason.TOO_LARGE or (window > 10 and len(times) < 20):
        assert found == [row for row in rows if first <= row["time"] <= last]


def test_windows_alone_can_be_too_many() -> None:
    """Years of windows are refused before the first request."""

    def ask(start: int, end: int) -> Rows:
        raise AssertionError(f"asked for {start} to {end}")

    with pytest.raises(SourceError) as caught:
        collect(ask, 0, 400 * DAY_MS, DAY_MS)
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_start_in_the_future_is_an_empty_history() -> None:
    """A clock that is ahead asks for nothing."""
    assert collect(lambda _start, _end: [{}], 10, 9, DAY_MS) == []


def _add(simulator: Simulator, kind: Venue, count: int, *, days: float) -> float:
    """Spread filled orders over so many days up to now; return when the first was made."""
    world = simulator.world
    books = world.usdm if kind == "binance_usdm" else world.spot
    now = world.clocks.exchange_ms()
    for index in range(count):
        made = now - int((count - index) * days * DAY_MS / count)
        number = books.orders.next_id()
        books.orders.add(
            Order(
                order_id=number,
                client_order_id=f"tb2-{index}",
                symbol="BTCUSDT",
                side="SELL",
                kind="LIMIT",
                time_in_force="GTC",
                quantity=Decimal("0.01"),
                price=Decimal(1000),
                time=made,
                update_time=made,
                status="FILLED",
                executed=Decimal("0.01"),
            )
        )
        books.orders.trades.append(
            Trade(
                trade_id=number,
                order_id=number,
                symbol="BTCUSDT",
                side="SELL",
                price=Decimal(1000),
                quantity=Decimal("0.01"),
                commission=Decimal("0.01"),
                commission_asset="USDT",
                realized=Decimal(0),
                maker=True,
                time=made,
            )
        )
    return (now - int(days * DAY_MS)) / 1000


@pytest.mark.parametrize("kind", _BINANCE)
@pytest.mark.parametrize(("count", "days"), [(60, 20.0), (2300, 0.5)])
def test_a_history_over_windows_and_pages_is_complete(
    simulator: Simulator, kind: Venue, count: int, days: float
) -> None:
    """Longer than one window in time, or longer than one page in rows."""
    since = _add(simulator, kind, count, days=days)
    with sim_exchange(simulator, kind) as exchange:
        # A moment earlier: the error of the clock may leave out what was made at that very one.
        orders = exchange.orders("BTCUSDT", since - 1)
        fills = exchange.fills("BTCUSDT", since - 1)
        later = exchange.orders("BTCUSDT", since + days * 43_200)
    names = [f"tb2-{index}" for index in range(count)]
    assert [order.client_order_id for order in orders] == names
    assert [fill.order_id for fill in fills] == [order.order_id for order in orders]
    half = [order.client_order_id for order in later]
    assert 0 < len(half) <= count // 2 + 1
    assert half == names[-len(half) :]
    assert {fill.side for fill in fills} == {"SELL"}
    assert orders[0].created == pytest.approx(since, abs=0.002)


@pytest.mark.parametrize("kind", _BINANCE)
def test_one_order_in_any_status(simulator: Simulator, kind: Venue) -> None:
    """A finished order is found by either id; an unknown one is MISSING."""
    trade(simulator.world, kind, "BTCUSDT", Decimal("0.01"))
    books = simulator.world.usdm if kind == "binance_usdm" else simulator.world.spot
    (made,) = books.orders.of("BTCUSDT")
    with sim_exchange(simulator, kind) as exchange:
        by_id = exchange.order("BTCUSDT", order_id=str(made.order_id))
        by_name = exchange.order("BTCUSDT", client_order_id=made.client_order_id)
        assert by_id == by_name
        assert (by_id.status, by_id.executed) == ("FILLED", Decimal("0.01"))
        with pytest.raises(SourceError) as caught:
            exchange.order("BTCUSDT", order_id="1")
        assert caught.value.reason is Reason.MISSING
        with pytest.raises(SourceError) as caught:
            exchange.order("BTCUSDT")
        assert caught.value.reason is Reason.INVALID


def test_stops_are_in_lists_histories_and_single_reads(simulator: Simulator) -> None:
    """A protective stop lives in the algo service and must not be overlooked anywhere."""
    caller, before = Caller(simulator), simulator.world.clocks.exchange_seconds()
    with caller.http:
        caller.call(
            "POST",
            "/fapi/v1/algoOrder",
            algoType="CONDITIONAL",
            symbol="BTCUSDT",
            side="SELL",
            type="STOP_MARKET",
            quantity="0.010",
            triggerPrice="500",
            reduceOnly="true",
            clientAlgoId="tb2-stop",
        ).raise_for_status()
    since = simulator.world.clocks.exchange_seconds() - 60
    with sim_exchange(simulator, "binance_usdm") as exchange:
        (resting,) = exchange.open_orders()
        (past,) = exchange.orders("BTCUSDT", since)
        single = exchange.order("BTCUSDT", client_order_id="tb2-stop")
    assert resting == past == single
    assert (resting.kind, resting.reduce_only, resting.price) == ("algo", True, Decimal(500))
    assert resting.created is not None
    assert before - 0.01 < resting.created <= since + 60


def test_income_of_futures(simulator: Simulator) -> None:
    """Funding and fees move money without an order."""
    world = simulator.world
    now = world.clocks.exchange_ms()
    world.usdm.earn("FUNDING_FEE", "BTCUSDT", Decimal("-0.5"), now - 10 * DAY_MS)
    world.usdm.earn("TRANSFER", "", Decimal(100), now - 1000)
    with sim_exchange(simulator, "binance_usdm") as exchange:
        income = exchange.income((now - 2 * WEEK_MS) / 1000)
    assert [(item.kind, item.amount, item.asset) for item in income] == [
        ("FUNDING_FEE", Decimal("-0.5"), "USDT"),
        ("TRANSFER", Decimal(100), "USDT"),
    ]
    assert income[0].time == pytest.approx(now / 1000 - 864_000, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ahead", [7200.0, -7200.0])
def test_a_history_reaches_back_as_far_by_a_wrong_clock(
    simulator: Simulator, kind: Venue, ahead: float
) -> None:
    """Whoever asks counts back from the local clock; an empty history would look like proof."""
    simulator.world.clocks.local = ahead
    trade(simulator.world, kind, SYMBOL[kind], AMOUNT[kind])
    with sim_exchange(simulator, kind) as exchange:
        assert len(exchange.orders(SYMBOL[kind], time.time() - 60)) == 1
        assert len(exchange.fills(SYMBOL[kind], time.time() - 60)) == 1
        assert exchange.fills(SYMBOL[kind], time.time() + 5) == ()


def test_spot_has_no_income(simulator: Simulator) -> None:
    """Its fees are in the fills."""
    with sim_exchange(simulator, "binance_spot") as exchange:
        assert exchange.income(0) == ()
