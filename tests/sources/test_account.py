"""Account reads of every venue against the simulator: complete, signed, on the right side."""

from decimal import Decimal
from typing import Any

import pytest

from exporter.errors import Reason, SourceError
from exporter.readings import Position
from exporter.secrets import ApiKey, Secret
from tests.sim.holdings import AMOUNT, SYMBOL, Venue, trade
from tests.sim.resting import rest_partly
from tests.sim.simulator import Simulator
from tests.sources.venues import KINDS, sim_exchange, sim_key

_MARKETS = {"binance_spot": "spot", "binance_usdm": "usdm", "alpaca": "us_equity"}


@pytest.mark.parametrize("kind", ["binance_usdm", "alpaca"])
def test_an_empty_account_is_empty_only_after_every_query(
    simulator: Simulator, kind: Venue
) -> None:
    """Flat means that the venue said so."""
    with sim_exchange(simulator, kind) as exchange:
        account = exchange.account()
    assert account.positions == ()
    assert account.open_orders == ()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", ["binance_usdm", "alpaca"])
def test_a_position_is_signed(simulator: Simulator, kind: Venue, sign: int) -> None:
    """Short is negative at every venue, however it writes that."""
    trade(simulator.world, kind, SYMBOL[kind], sign * AMOUNT[kind])
    with sim_exchange(simulator, kind) as exchange:
        positions = exchange.positions()
        assert exchange.account().positions == positions
    assert positions == (Position(_MARKETS[kind], SYMBOL[kind], "BOTH", sign * AMOUNT[kind]),)


def test_hedge_legs_keep_their_side(simulator: Simulator) -> None:
    """The legs of one symbol are two positions and never netted."""
    books = simulator.world.usdm
    books.dual = True
    for leg, quantity in (("LONG", "0.004"), ("SHORT", "-0.003")):
        books.set_position("BTCUSDT", Decimal(quantity), simulator.world.clocks.exchange_ms(), leg)
    with sim_exchange(simulator, "binance_usdm") as exchange:
        held = {position.side: position.quantity for position in exchange.positions()}
    assert held == {"LONG": Decimal("0.004"), "SHORT": Decimal("-0.003")}


def test_spot_holds_free_plus_locked(simulator: Simulator) -> None:
    """What backs a resting order is still held."""
    with sim_exchange(simulator, "binance_spot") as exchange:
        before = {position.symbol: position.quantity for position in exchange.positions()}
        rest_partly(simulator.world, "binance_spot", "BTCUSDT", 0.5, 0)
        account = exchange.account()
    assert simulator.world.spot.balances["USDT"].locked > 0
    assert {p.symbol: p.quantity for p in account.positions} == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_partly_filled_order_with_price_and_age(simulator: Simulator, kind: Venue) -> None:
    """What partial fills are judged by: status, what is filled, price, and since when."""
    before = simulator.world.clocks.exchange_ms()
    filled, _ = rest_partly(simulator.world, kind, SYMBOL[kind], 0.4, 90_000)
    after = simulator.world.clocks.exchange_ms()
    with sim_exchange(simulator, kind) as exchange:
        (order,) = exchange.open_orders()
        assert exchange.account().open_orders == (order,)
    assert (order.market, order.symbol, order.side) == (_MARKETS[kind], SYMBOL[kind], "BUY")
    assert order.status == "PARTIALLY_FILLED"
    assert order.kind == "regular"
    assert order.executed == filled
    assert order.quantity > filled > 0
    assert order.price > 0
    assert order.client_order_id.startswith("tb2-")
    assert order.created is not None
    assert before <= round(order.created * 1000) + 90_000 <= after
    assert order.updated == order.created


@pytest.mark.parametrize("kind", KINDS)
def test_a_blocked_account_shows_and_clears(simulator: Simulator, kind: Venue) -> None:
    """A key that may only read does not make the account look blocked."""
    world = simulator.world
    with sim_exchange(simulator, kind) as exchange:
        assert exchange.account().trading_blocked == ""
        world.may_trade, world.alpaca.flags.suspended_by_user = False, True
        assert exchange.account().trading_blocked
        world.may_trade, world.alpaca.flags.suspended_by_user = True, False
        assert exchange.account().trading_blocked == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_works(simulator: Simulator, kind: Venue) -> None:
    """The smallest signed request passes, and what the key may do is read."""
    with sim_exchange(simulator, kind) as exchange:
        exchange.check_key()
        restrictions = exchange.restrictions()
    if kind == "alpaca":
        assert restrictions.can_trade is True
        assert restrictions.can_withdraw is None
    else:
        assert restrictions.can_trade is False
        assert restrictions.can_withdraw is False
        assert restrictions.ip_restricted is True
        assert restrictions.created == simulator.world.keys["exporter"].created / 1000
    assert restrictions.expiry is None


@pytest.mark.parametrize(
    ("kind", "key", "secret", "reason"),
    [
        ("binance_spot", None, "wrong", Reason.SIGNATURE),
        ("binance_usdm", None, "wrong", Reason.SIGNATURE),
        ("binance_spot", "x" * 64, None, Reason.KEY_REJECTED),
        ("binance_usdm", "x" * 64, None, Reason.KEY_REJECTED),
        ("binance_usdm", "short", None, Reason.KEY_FORMAT),
        ("alpaca", "x" * 20, None, Reason.KEY_REJECTED),
        ("alpaca", None, "wrong", Reason.KEY_REJECTED),
        ("alpaca", "two\nlines", None, Reason.KEY_FORMAT),
        ("binance_spot", "ключ", None, Reason.KEY_FORMAT),
    ],
)
def test_a_wrong_key_says_what_is_wrong(
    simulator: Simulator, kind: str, key: str | None, secret: str | None, reason: Reason
) -> None:
    """Bad format, bad signature and a rejected key are told apart, and nothing is given away."""
    right = sim_key(simulator, kind)
    wrong = ApiKey(
        right.key if key is None else Secret(key),
        right.secret if secret is None else Secret(secret),
    )
    with sim_exchange(simulator, kind, key=wrong) as exchange:
        for ask in (exchange.check_key, exchange.account):
            with pytest.raises(SourceError) as caught:
                ask()
            assert caught.value.reason is reason
            assert caught.value.permanent
            for hidden in (right.secret.reveal(), wrong.key.reveal(), repr(wrong.key.reveal())):
                assert hidden not in str(caught.value)


@pytest.mark.parametrize("kind", ["binance_spot", "binance_usdm"])
@pytest.mark.parametrize("ahead", [3.0, -20.0, 3600.0, -86400.0])
def test_drift_does_not_blind_account_reads(
    simulator: Simulator, kind: Venue, ahead: float
) -> None:
    """The bot's requests fail with -1021 now; ours must not, or nobody sees what happens."""
    simulator.world.clocks.local = ahead
    with sim_exchange(simulator, kind) as exchange:
        exchange.account()


@pytest.mark.parametrize("ahead", [3.0, -20.0])
def test_a_clock_that_moves_between_two_reads_is_measured_again(
    simulator: Simulator, ahead: float
) -> None:
    """The stored time is dropped on the first -1021 and the read repeated once."""
    with sim_exchange(simulator, "binance_usdm") as exchange:
        exchange.account()
        simulator.world.clocks.local = ahead
        exchange.account()


@pytest.mark.parametrize("kind", ["binance_spot", "binance_usdm"])
def test_without_a_key_only_the_account_is_out_of_reach(simulator: Simulator, kind: Venue) -> None:
    """Clock, ping, status and rules need none."""
    with sim_exchange(simulator, kind, key=None) as exchange:
        exchange.ping()
        assert not exchange.status().maintenance
        reading = exchange.clock(5)
        assert abs(reading.offset_seconds) <= reading.error_bound_seconds + 0.1
        assert exchange.rules(("BTCUSDT",))
        with pytest.raises(SourceError) as caught:
            exchange.account()
    assert caught.value.reason is Reason.NO_CREDENTIALS


def test_the_broker_tells_nothing_without_a_key(simulator: Simulator) -> None:
    """Not even the time: there is no public endpoint."""
    with sim_exchange(simulator, "alpaca", key=None) as exchange:
        asks: tuple[Any, ...] = (exchange.ping, exchange.status, exchange.positions)
        for ask in asks:
            with pytest.raises(SourceError) as caught:
                ask()
            assert caught.value.reason is Reason.NO_CREDENTIALS


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_only_pass_asks_nothing_but_gets(simulator: Simulator, kind: Venue) -> None:
    """The simulator has seen no other method after every question was asked."""
    since = simulator.world.clocks.exchange_seconds() - 3600
    symbol = SYMBOL[kind]
    with sim_exchange(simulator, kind) as exchange:
        exchange.account()
        exchange.rules((symbol,))
        exchange.orders(symbol, since)
        exchange.fills(symbol, since)
        exchange.income(since)
        exchange.restrictions()
        exchange.hours()
    assert simulator.world.requests
    assert {endpoint.split()[0] for _, endpoint in simulator.world.requests} == {"GET"}
