"""A venue each round: its way, its clock, its symbols, its silence."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import exchange_maintenance, network_disconnection
from exporter.errors import Reason
from exporter.readings import NetworkFault, Stage
from tests.collectors.snapshots import samples
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.serve import Request, Response
from tests.sim.simulator import Simulator
from tests.sim.world import VENUE_SITES
from tests.sources.bots import write
from tests.sources.network_servers import ConnectProxy, closed_port, serve
from tests.watches.venue_ground import HANGING_TIMEOUT, TIMEOUT, VenueGround


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
    # Both have the same clock; a busy machine makes the way long, and the bound wide.
    assert abs(clock.offset_seconds) <= clock.error_bound_seconds + 0.05
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
    ground = make(timeout=HANGING_TIMEOUT if kind == "hang" else TIMEOUT)
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
    ground = make(timeout=HANGING_TIMEOUT)
    ground.inject("network_disconnection", kind="hang")
    ground.watch.round()
    assert [request.endpoint for request in ground.requests] == ["ping", "ping", "status"]


@pytest.mark.parametrize("status", [418, 429])
def test_silence_is_kept(make: Callable[..., VenueGround], status: int) -> None:
    """After 418 or 429 the probe stops at the door, and nothing else is asked."""
    ground = make()
    wait = Response(status, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "600"})
    sites = VENUE_SITES
    ground.simulator.world.intercepts["test"] = lambda r: wait if r.site in sites else None
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


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("network_disconnection", "refused"), ("exchange_maintenance", "status")],
)
def test_it_says_since_when_the_venue_answers(
    make: Callable[..., VenueGround], scenario: str, kind: str
) -> None:
    """So that whoever failed while it did not can ask again."""
    ground = make()
    ground.watch.round()
    assert ground.answers == [float("-inf")], "it has always answered"
    undo = ground.inject(scenario, kind=kind)
    ground.watch.round()
    assert len(ground.answers) == 1
    back = time.monotonic()
    undo()
    ground.watch.round()
    ground.watch.round()
    assert back < ground.answers[1] == ground.answers[2]


def test_a_venue_that_wants_silence_does_not_answer(make: Callable[..., VenueGround]) -> None:
    """Or others would be sent to ask it."""
    ground = make()
    undo = ground.inject("network_disconnection", kind="banned")
    ground.watch.round()
    undo()
    ground.watch.round()
    assert ground.watch.quiet_until is not None
    assert not ground.answers


def test_symbols_that_cannot_be_asked_for_are_no_secret(make: Callable[..., VenueGround]) -> None:
    """Their states vanish, and the watch says why; everything else goes on."""
    ground = make()
    name = f'exchange_symbol_tradable{{symbol="{SYMBOL["binance_usdm"]}"}}'
    assert name in ground.metrics()
    health = ground.watch.symbols_health
    assert health is not None
    assert health.up
    world = ground.simulator.world
    broken = Response(400, {"code": -1100, "msg": "Illegal characters."})
    world.intercepts["test"] = lambda r: broken if r.path.endswith("exchangeInfo") else None
    ground.watch.round()
    health = ground.watch.symbols_health
    assert health is not None
    assert not health.up
    assert health.failures == {Reason.REJECTED: 1}
    assert ground.watch.health["exchange"].up


def test_without_symbols_there_is_nothing_to_fail(make: Callable[..., VenueGround]) -> None:
    """Not configured is not down."""
    ground = make(symbols=[])
    ground.watch.round()
    assert ground.watch.symbols_health is None


_ASSETS = "/v2/assets"


def _asked_for_symbols(ground: VenueGround) -> int:
    requests = ground.simulator.world.requests
    return sum(count for key, count in requests.items() if any(_ASSETS in part for part in key))


def test_a_broker_with_several_symbols_is_asked_for_them_in_turns(
    make: Callable[..., VenueGround],
) -> None:
    """Each is one of the requests that the bot's key has."""
    ground = make("alpaca", symbols=["AAPL", "SPY"])
    ground.watch.round()
    asked = _asked_for_symbols(ground)
    assert asked >= 2
    ground.watch.round()
    assert _asked_for_symbols(ground) == asked
    health = ground.watch.symbols_health
    assert health is not None
    assert health.up


@pytest.mark.parametrize("sent", [True, False])
def test_symbols_that_a_broker_did_not_tell_are_asked_for_in_the_next_round(
    make: Callable[..., VenueGround], sent: bool
) -> None:
    """A turn that brought nothing is not over: the venue is back, and that shows at once."""
    ground = make("alpaca", symbols=["AAPL", "SPY"])
    if sent:
        world = ground.simulator.world
        world.intercepts["test"] = lambda request: (
            Response(500, {"message": "broken"}) if _ASSETS in request.path else None
        )
        undo: Callable[[], object] = world.intercepts.clear
    else:
        undo = ground.inject("network_disconnection", kind="refused")
    ground.watch.round()
    health = ground.watch.symbols_health
    assert health is not None
    assert not health.up
    undo()
    ground.watch.round()
    health = ground.watch.symbols_health
    assert health is not None
    assert health.up, health.detail


def test_a_broker_that_refuses_the_probe_is_still_asked_with_the_key(
    make: Callable[..., VenueGround],
) -> None:
    """Its limit for what comes without a key is none of the key's; the probe keeps silence."""
    ground = make("alpaca")
    world, keyless = ground.simulator.world, []

    def refuse(request: Request) -> Response | None:
        if "apca-api-key-id" in request.headers:
            return None
        keyless.append(request)
        return Response(429, {"message": "too many requests."}, {"Retry-After": "600"})

    world.intercepts["test"] = refuse
    for _ in range(2):
        ground.watch.round()
        assert ground.watch.health["exchange"].up
        assert ground.watch.maintenance is not None
    assert len([request for request in keyless if request.path == "/v2/clock"]) == 1
