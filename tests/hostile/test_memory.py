"""A failure is remembered, and not what failed: megabytes of garbage are given back at once."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.config import BotMetrics, Venue
from exporter.errors import Reason
from exporter.observation import Observation
from exporter.sources.bot_metrics import BotMetricsClient
from exporter.sources.exchange import open_exchange
from exporter.sources.kill_switch import read_kill_switch
from exporter.sources.network import NetworkProbe
from exporter.sources.positions import read_positions
from tests.hostile.answers import ANSWERS, answer, drip
from tests.hostile.server import Behaviour, Front
from tests.sources.bots import make_bot, write

# Megabytes are parsed while every allocation is noted.
pytestmark = pytest.mark.timeout(300)
_MUCH = 7 << 20
_LITTLE = 1 << 20
_GARBAGE: dict[str, Behaviour] = {
    "too_large": ANSWERS["endless_body"],
    "cut_json": answer(b'{"serverTime": "' + b"x" * _MUCH),
    "another_json": answer(b"[" + b'{"serverTime": 1},' * 100_000 + b"1]"),
    "a_long_text": answer(b'{"serverTime": "' + b"x" * _MUCH + b'"}'),
    "an_error": answer(b'{"code": -1, "msg": "' + b"x" * _MUCH + b'"}', status=b"400 Bad Request"),
    "cut_off": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * _MUCH, b"x"),
}


@pytest.fixture
def held() -> Iterator[Callable[[], int]]:
    """Bytes that are in use, and stay so without a garbage collection."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gc.enable()


def _failing(read: Callable[[], object]) -> Observation[object]:
    """Ask again and again, as a watch does."""
    observation: Observation[object] = Observation("", 60)
    for _ in range(3):
        observation.ask(read)
    assert not observation.health().up
    assert Reason.INTERNAL not in observation.health().failures
    return observation


@pytest.mark.parametrize("garbage", _GARBAGE)
def test_an_exchange_s_garbage_is_not_kept(garbage: str, held: Callable[[], int]) -> None:
    """Neither by the failure that is remembered, nor in circles that only a collection ends."""
    with Front(1) as front:
        front.attack(_GARBAGE[garbage])
        venue = Venue(kind="binance_usdm", base_url=front.url)
        # All but one end by themselves, and are to be taken in whole.
        timeout = 0.5 if garbage == "cut_off" else 10.0
        client = open_exchange(venue, None, timeout=timeout)
        probe = NetworkProbe(venue, timeout=timeout, tries=1)
        before = held()
        clock, rules = _failing(lambda: client.clock(5)), _failing(client.rules)
        probe.read()
        assert held() - before < _LITTLE
        assert clock.problem() is not None
        assert rules.problem() is not None
        client.close()


def test_a_bot_s_own_garbage_is_not_kept(tmp_path: Path, held: Callable[[], int]) -> None:
    """Its metrics, its positions, its kill switch."""
    bot = make_bot(tmp_path)
    garbage = b'{"tripped": "' + b"x" * 1_000_000
    write(tmp_path, "state/positions.json", garbage)
    write(tmp_path, "state/kill_switch_state.json", garbage)
    with Front(1) as front:
        front.attack(answer(b"up 1\n" * 500_000))
        client = BotMetricsClient(BotMetrics(url=front.url, heartbeat="beat"), timeout=20)
        before = held()
        kept = _failing(client.read), _failing(lambda: read_positions(bot))
        for _ in range(3):
            assert read_kill_switch(bot).engaged
        assert held() - before < _LITTLE
        assert all(one.problem() is not None for one in kept)
        client.close()


def test_a_failure_that_is_raised_again_and_again_does_not_grow() -> None:
    """The same one is news to each who asks, and carries nobody's frames."""
    observation = _failing(lambda: read_positions(make_bot(Path("/nowhere"))))

    def again() -> object:
        problem = observation.problem()
        assert problem is not None
        assert problem.__traceback__ is None
        assert problem.__context__ is None
        raise problem

    other = _failing(again)
    assert str(other.problem()) == str(observation.problem())
