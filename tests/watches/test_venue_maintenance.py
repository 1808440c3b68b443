"""Maintenance of a venue, by every sign, in one round and out of it in one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.readings import Cause
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.simulator import Simulator
from tests.watches.venue_ground import Streams, VenueGround


@pytest.fixture
def make(tmp_path: Path, simulator: Simulator) -> Iterator[Callable[..., VenueGround]]:
    """Make grounds; their connections are closed afterwards."""
    made: list[VenueGround] = []

    def build(kind: Venue = "binance_usdm", **venue: Any) -> VenueGround:
        made.append(VenueGround(tmp_path, simulator, kind, **venue))
        return made[-1]

    yield build
    for ground in made:
        ground.watch.close()


_SIGNS = {
    "status": {Cause.STATUS},
    "503": {Cause.ERRORS},
    "symbol_break": {Cause.SYMBOL},
}


@pytest.mark.parametrize(("kind", "causes"), _SIGNS.items())
@pytest.mark.parametrize("venue", ["binance_usdm", "binance_spot"])
def test_maintenance_shows_in_one_round_and_clears_in_one(
    make: Callable[..., VenueGround], venue: Venue, kind: str, causes: set[Cause]
) -> None:
    """By each of its signs."""
    ground = make(venue)
    assert ground.metrics()["exchange_maintenance"] == 0
    params = {"symbol": SYMBOL[venue]} if kind == "symbol_break" else {}
    undo = ground.inject("exchange_maintenance", kind=kind, **params)
    found = ground.metrics()
    assert found["exchange_maintenance"] == 1
    for cause in Cause:
        name = f'exchange_maintenance_cause{{cause="{cause.value}"}}'
        assert found[name] == float(cause in causes)
    undo()
    found = ground.metrics()
    assert found["exchange_maintenance"] == 0
    assert found[f'exchange_symbol_tradable{{symbol="{SYMBOL[venue]}"}}'] == 1


@pytest.mark.parametrize("kind", ["503", "symbol_break"])
def test_the_brokers_maintenance(make: Callable[..., VenueGround], kind: str) -> None:
    """It has no status page; its errors and its assets tell."""
    ground = make("alpaca")
    ground.metrics()
    undo = ground.inject("exchange_maintenance", kind=kind)
    assert ground.metrics()["exchange_maintenance"] == 1
    undo()
    assert ground.metrics()["exchange_maintenance"] == 0


def test_without_symbols_errors_are_counted_until_certain(make: Callable[..., VenueGround]) -> None:
    """Pings make up the number."""
    ground = make(symbols=[])
    ground.inject("exchange_maintenance", kind="503")
    assert ground.metrics()["exchange_maintenance"] == 1


def test_a_stream_that_does_not_come_back(make: Callable[..., VenueGround]) -> None:
    """Its announced end alone is routine."""
    ground = make()
    ground.streams.shutdown_announced = True
    assert ground.metrics()["exchange_maintenance"] == 0
    ground.streams.stream_lost = True
    found = ground.metrics()
    assert found['exchange_maintenance_cause{cause="stream"}'] == 1
    ground.streams = Streams()


def test_a_window_is_announced(make: Callable[..., VenueGround]) -> None:
    """On or coming, it makes no maintenance."""
    ground = make(maintenance_windows=["2000-01-01T00:00Z/2999-01-01T00:00Z", "Sun 02:00-02:01"])
    found = ground.metrics()
    assert found["exchange_maintenance_scheduled"] == 1
    assert found["exchange_maintenance"] == 0
    assert found["exchange_maintenance_next_start_timestamp_seconds"] > 1.7e9


def test_a_closed_market_is_no_maintenance(make: Callable[..., VenueGround]) -> None:
    """The broker's hours show as such."""
    ground = make("alpaca")
    world = ground.simulator.world
    with world.lock:
        world.alpaca.set_market(is_open=False, now=world.clocks.exchange_ms())
    found = ground.metrics()
    assert found["market_open"] == 0
    assert found["exchange_maintenance"] == 0
