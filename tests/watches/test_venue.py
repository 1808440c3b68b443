"""A venue each round: its way, its clock, its symbols, its silence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import exchange_maintenance, network_disconnection
from exporter.errors import Reason
from exporter.readings import NetworkFault, Stage
from tests.collectors.snapshots import samples
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.simulator import Simulator
from tests.sources.bots import write
from tests.sources.network_servers import ConnectProxy, closed_port, serve
from tests.watches.venue_ground import VenueGround


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


_KINDS: tuple[Venue, ...] = ("binance_usdm", "binance_spot", "alpaca")


@pytest.mark.parametrize("kind", _KINDS)
def test_a_venue_that_is_well(make: Callable[..., VenueGround], kind: Venue) -> None:
    """Everything is known after one round."""
    ground = make(kind)
    found = ground.metrics()
    assert found["exchange_reachable"] == 1
    assert found["network_others_reachable"] == 1
    assert found["exchange_maintenance"] == 0
    assert found[f'exchange_symbol_tradable{{symbol="{SYMBOL[kind]}"}}'] == 1
    assert found["market_open"] == 1
    assert any("exchange_rate_limit_used" in name for name in found)
    clock = ground.watch.clock.fresh()
    assert clock is not None
    assert abs(clock.offset_seconds) < 0.2
    assert all(health.up for health in ground.watch.health.values())
    assert {request.reason for request in ground.requests} == {None}


def test_before_the_first_round_nothing_is_claimed(make: Callable[..., VenueGround]) -> None:
    """Neither reachable nor unreachable."""
    ground = make()
    item = ground.snapshot()
    assert "exchange_reachable" not in samples(network_disconnection, item)
    assert "exchange_maintenance" not in samples(exchange_maintenance, item)


_FAULTS = {
    "refused": NetworkFault.REFUSED,
    "hang": NetworkFault.TIMEOUT,
    "reset": NetworkFault.RESET,
    "drop": NetworkFault.RESET,
    "garbage": NetworkFault.UNKNOWN,
    "html": NetworkFault.SERVER,
    "forbidden": NetworkFault.FIREWALL,
    "restricted": NetworkFault.RESTRICTED,
}


@pytest.mark.parametrize(("kind", "fault"), _FAULTS.items())
def test_a_broken_way_shows_in_one_round_and_clears_in_one(
    make: Callable[..., VenueGround], kind: str, fault: NetworkFault
) -> None:
    """By its name, and never as maintenance."""
    ground = make()
    ground.metrics()
    undo = ground.inject("network_disconnection", kind=kind)
    found = ground.metrics()
    assert found["exchange_reachable"] == 0
    assert found[f'network_fault{{fault="{fault.value}"}}'] == 1
    assert found.get("exchange_maintenance", 0) == 0
    assert not ground.watch.health["exchange"].up
    undo()
    found = ground.metrics()
    assert found["exchange_reachable"] == 1
    assert found["exchange_maintenance"] == 0
    assert ground.watch.health["exchange"].up


def test_a_dead_line_is_ours(make: Callable[..., VenueGround]) -> None:
    """When the second host is gone as well; about maintenance nothing is known then."""
    ground = make()
    ground.inject("network_disconnection", kind="refused", scope="internet")
    found = ground.metrics()
    assert found['network_fault{fault="local"}'] == 1
    assert found["network_others_reachable"] == 0
    assert "exchange_maintenance" not in found


def test_a_dead_exchange_is_not_asked_much(make: Callable[..., VenueGround]) -> None:
    """One ping, once more, and the status page: the round stays short."""
    ground = make()
    ground.inject("network_disconnection", kind="hang")
    ground.watch.round()
    assert [request.endpoint for request in ground.requests] == ["ping", "ping", "status"]


@pytest.mark.parametrize("kind", ["banned", "rate_limited"])
def test_silence_is_kept(make: Callable[..., VenueGround], kind: str) -> None:
    """After 418 or 429 the probe stops at the door, and nothing else is asked."""
    ground = make()
    ground.inject("network_disconnection", kind=kind)
    found = ground.metrics()
    assert found["exchange_reachable"] == 1
    assert "exchange_quiet_until_timestamp_seconds" in found
    before = ground.simulator.world.requests.total()
    found = ground.metrics()
    assert ground.simulator.world.requests.total() - before == 1  # the second host's
    assert found["exchange_reachable"] == 1
    assert ground.watch.network is not None
    assert Stage.HTTP not in {step.stage for step in ground.watch.network.stages}


def test_symbols_of_the_broker_stay_within_our_share(make: Callable[..., VenueGround]) -> None:
    """Each is one of 200 requests a minute: not all of them in every round."""
    ground = make("alpaca", symbols=["AAPL", "SPY", "BTCUSD", "NONE"])
    ground.metrics()
    first = [request.endpoint for request in ground.requests]
    assert first.count("rules") == 4
    found = ground.metrics()
    assert len(ground.requests) - len(first) <= 5
    assert found['exchange_symbol_tradable{symbol="AAPL"}'] == 1
    assert found["exchange_maintenance"] == 0


@pytest.mark.parametrize("dead", [False, True])
def test_the_bots_own_proxy_is_used(make: Callable[..., VenueGround], dead: bool) -> None:
    """By probe and requests alike; its death is its own fault."""
    proxy = ConnectProxy()
    with serve(proxy) as port:
        ground = make(proxy={"url": f"http://127.0.0.1:{closed_port() if dead else port}"})
        found = ground.metrics()
    assert found["exchange_reachable"] == float(not dead)
    assert found[f'network_fault{{fault="{"proxy" if dead else "none"}"}}'] == 1
    assert ('network_stage_duration_seconds{stage="proxy"}' in found) is not dead
    assert any("/fapi/v1/time" in seen for seen in proxy.seen) is not dead


def test_a_refused_key_is_read_again(make: Callable[..., VenueGround], tmp_path: Path) -> None:
    """The broker answers to nothing else; a new key on disk is used in the next round."""
    ground = make("alpaca")
    good = (tmp_path / "key").read_text()
    write(tmp_path, "key", "PK" + "X" * 18)
    assert "exchange_maintenance" not in ground.metrics()
    assert set(ground.watch.health["exchange"].failures) == {Reason.KEY_REJECTED}
    write(tmp_path, "key", good)
    assert ground.metrics()["exchange_maintenance"] == 0
    (tmp_path / "key").unlink()
    ground.watch.close()
    ground.metrics()
    assert Reason.NO_CREDENTIALS in ground.watch.health["exchange"].failures
