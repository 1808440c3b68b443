"""The local clock against an exchange's: sign, shortest round trip, distrust."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exporter.config import ClockReference
from exporter.errors import Reason, SourceError
from exporter.sources.exchange import open_clock
from exporter.sources.exchange.binance import BinanceClient
from tests.sim.simulator import Simulator
from tests.sources.replies import reply
from tests.sources.venues import KINDS, NOW, URL, alpaca, mock_access, sim_exchange


class World:
    """A clock that only requests move: each takes the next round trip's time."""

    def __init__(self, *round_trips: float, ahead: float = 0.0) -> None:
        self.round_trips = list(round_trips)
        self.ahead = ahead
        self.elapsed = 0.0
        self.wall_step = 0.0
        self.requests = 0

    def wall(self) -> float:
        """The local clock."""
        return NOW + self.ahead + self.elapsed + self.wall_step

    def monotonic(self) -> float:
        """Time that nobody sets."""
        return self.elapsed

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer with the server's time at half the round trip."""
        self.requests += 1
        half = self.round_trips.pop(0) / 2
        self.elapsed += half
        body = {"serverTime": int((NOW + self.elapsed) * 1000)}
        self.elapsed += half
        return reply(body)

    def client(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> Any:
        """Return a client that lives in this world."""
        return BinanceClient(
            URL,
            mock_access(answer or self.answer, key=None),
            time_path="/fapi/v1/time",
            wall=self.wall,
            monotonic=self.monotonic,
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ahead", [3.0, -3.0])
def test_the_sign_is_local_minus_exchange(simulator: Simulator, kind: str, ahead: float) -> None:
    """Positive means that the local clock is ahead, in every venue's client."""
    simulator.world.clocks.exchange = ahead
    with sim_exchange(simulator, kind) as exchange:
        reading = exchange.clock(5)
    assert reading.reference == "exchange"
    # A busy machine widens the bound, to half the longest round trip that counts at most.
    assert 0 < reading.error_bound_seconds < 0.6
    assert reading.offset_seconds == pytest.approx(ahead, abs=reading.error_bound_seconds + 0.1)


@pytest.mark.parametrize("ahead", [3.0, -3.0])
def test_the_sign_of_a_second_exchange_is_the_same(simulator: Simulator, ahead: float) -> None:
    """The reference that confirms a drift must not contradict it by its sign."""
    simulator.world.clocks.local = ahead
    reference = ClockReference(kind="binance_usdm", base_url=simulator.reference.url)
    clock = open_clock(reference, timeout=20)
    try:
        reading = clock.clock(5)
        bound = reading.error_bound_seconds + 0.1
        assert reading.offset_seconds == pytest.approx(ahead, abs=bound)
    finally:
        clock.close()


def test_the_shortest_round_trip_decides_and_the_first_request_only_warms_up() -> None:
    """A slow handshake and slow samples do not move the reading."""
    world = World(0.9, 0.4, 0.02, 0.3, 0.5, 0.6, ahead=1.5)
    reading = world.client().measure_clock(5)
    assert world.requests == 6
    assert reading.offset_seconds == pytest.approx(1.5, abs=0.0011)
    assert reading.error_bound_seconds == pytest.approx(0.011)


def test_too_slow_samples_do_not_count() -> None:
    """A majority of samples must be fast enough to measure by."""
    world = World(0.1, 0.02, 0.02, 0.02, 1.2, 1.2)
    reading = world.client().measure_clock(5)
    assert len(reading.rejected) == 2
    with pytest.raises(SourceError) as caught:
        World(0.1, 0.02, 0.02, 1.2, 1.2, 1.2).client().measure_clock(5)
    assert caught.value.reason is Reason.TIMEOUT


def test_a_step_of_the_wall_clock_during_a_sample_voids_it() -> None:
    """Half old clock and half new clock is neither."""
    world = World(*[0.02] * 6, ahead=2.0)

    def answer(request: httpx.Request) -> httpx.Response:
        if world.requests == 2:
            world.wall_step = -2.0
        return world.answer(request)

    reading = world.client(answer).measure_clock(5)
    assert len(reading.rejected) == 1
    assert "stepped" in reading.rejected[0]


@pytest.mark.parametrize(
    "body",
    [
        '{"serverTime": "1795500000000"}',
        '{"serverTime": 1795500000}',
        '{"serverTime": 1795500000000000}',
        '{"serverTime": NaN}',
        '{"serverTime": 1e999999999}',
        '{"serverTime": true}',
        '{"serverTime": null}',
        '{"serverTime": -1795500000000}',
        "{}",
        "[]",
        "<html>down</html>",
        "",
    ],
)
def test_a_time_that_is_none_is_a_bad_response(body: str) -> None:
    """Seconds, microseconds, text and NaN are refused, not converted."""
    client = World().client(lambda _: reply(body))
    with pytest.raises(SourceError) as caught:
        client.measure_clock(5)
    assert caught.value.reason is Reason.BAD_RESPONSE


def test_a_clock_that_needs_a_key_is_no_reference() -> None:
    """The broker tells its time only to a key, and references have none."""
    with pytest.raises(SourceError) as caught:
        open_clock(ClockReference(kind="alpaca", base_url="http://127.0.0.1:9"), timeout=1)
    assert caught.value.reason is Reason.UNSUPPORTED
    assert caught.value.permanent


def test_the_brokers_clock_is_asked_few_times() -> None:
    """Its limit is low, and the bot may need it."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return reply({"timestamp": "2026-11-24T06:00:00.000000001-05:00"})

    alpaca(answer).clock(50)
    assert len(asked) <= 5
