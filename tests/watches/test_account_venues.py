"""Positions and orders at each venue: a fault shows after one round and is gone after one."""

from decimal import Decimal

import pytest

from tests.sim import holdings
from tests.sim.faults.partial_fills import PartialFills
from tests.sim.faults.position_mismatch import PositionMismatch
from tests.watches.conftest import Ground

_MISMATCH, _UNKNOWN = 'positions{state="mismatch"}', 'positions{state="unknown"}'


def test_a_mismatch_at_each_venue(ground: Ground) -> None:
    """Somebody trades beside the bot; then the account agrees again."""
    ground.metrics()
    before = ground.metrics()
    assert (before[_MISMATCH], before[_UNKNOWN]) == (0, 0)
    undo = PositionMismatch(venue=ground.kind).inject(ground.simulator.world)
    during = ground.metrics()
    assert (during[_MISMATCH], during[_UNKNOWN]) == (1, 0)
    assert during['position_differences{difference="missing_local"}'] + during[
        'position_differences{difference="size"}'
    ] == pytest.approx(1)
    undo()
    after = ground.metrics()
    assert (after[_MISMATCH], after[_UNKNOWN]) == (0, 0)


def test_a_position_that_is_gone_at_each_venue(ground: Ground) -> None:
    """The bot believes in something that the account does not hold."""
    world = ground.simulator.world
    with world.lock:
        holdings.put(world, ground.kind, ground.symbol, Decimal(2))
    ground.agree()
    assert ground.metrics()['positions{state="match"}'] == 1
    with world.lock:
        holdings.put(world, ground.kind, ground.symbol, Decimal(0))
    during = ground.metrics()
    assert during['position_differences{difference="missing_exchange"}'] == 1
    ground.agree()
    assert ground.metrics()[_MISMATCH] == 0


def test_a_partial_fill_at_each_venue(ground: Ground) -> None:
    """Age and value of what is left, while it rests."""
    oldest = "partially_filled_order_oldest_timestamp_seconds"
    before = ground.metrics()
    assert before["partially_filled_orders"] == 0
    assert oldest not in before
    world = ground.simulator.world
    placed = world.clocks.exchange_ms() / 1000 - 600
    undo = PartialFills(venue=ground.kind, age_seconds=600).inject(world)
    placed_by = world.clocks.exchange_ms() / 1000 - 600
    ground.agree()
    during = ground.metrics()
    assert during["partially_filled_orders"] == 1
    assert placed - 1 <= during[oldest] <= placed_by + 1
    assert during["partially_filled_remaining_notional"] > 0
    assert during["foreign_open_orders"] == 0
    undo()
    ground.agree()
    assert ground.metrics()["partially_filled_orders"] == 0


def test_an_order_of_a_stranger_at_each_venue(ground: Ground) -> None:
    """An id that is not the bot's: somebody else has a key."""
    assert ground.metrics()["foreign_open_orders"] == 0
    world = ground.simulator.world
    undo = PartialFills(venue=ground.kind).inject(world)
    for order in (*world.usdm.orders.open(), *world.spot.orders.open()):
        order.client_order_id = "web_1"
    for stock in world.alpaca.open():
        stock.client_order_id = "web_1"
    found = ground.metrics()
    assert found["foreign_open_orders"] == 1
    assert found["partially_filled_orders"] == 0, "it is not the bot's"
    undo()
    assert ground.metrics()["foreign_open_orders"] == 0


def test_orders_are_read_after_the_positions(ground: Ground) -> None:
    """The sandwich: what changed while positions were asked for shows in the orders after."""
    ground.account.round()
    asked = [name for name in ground.endpoints if name != "time"]
    positions = asked.index("account" if ground.kind == "binance_spot" else "positions")
    assert "open_orders" not in asked[:positions]
    assert "open_orders" in asked[positions:]


def test_a_mismatch_fits_into_our_share_of_the_limit(ground: Ground) -> None:
    """Two rounds a minute, the first of which looks several times, as the documented limits go."""
    ground.metrics()
    PositionMismatch(venue=ground.kind).inject(ground.simulator.world)
    assert ground.metrics()[_MISMATCH] == 1
    assert ground.metrics()[_MISMATCH] == 1
    assert ground.account.account.health().failures == {}


@pytest.mark.parametrize("ground", ["binance_usdm"], indirect=True)
def test_hedge_legs_at_the_exchange(ground: Ground) -> None:
    """A file with numbers only cannot be compared with them: unknown, and counted."""
    world = ground.simulator.world
    with world.lock:
        world.usdm.dual = True
        holdings.put(world, "binance_usdm", "BTCUSDT", Decimal(2), "LONG")
        holdings.put(world, "binance_usdm", "BTCUSDT", Decimal(-1), "SHORT")
    found = ground.metrics()
    assert (found[_UNKNOWN], found[_MISMATCH]) == (2, 0)
