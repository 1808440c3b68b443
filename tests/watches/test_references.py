"""The clocks of second exchanges: one that is dead hides no other, and is named."""

from collections.abc import Callable, Iterator

import pytest

from exporter.config import ClockReference, ExporterSettings
from exporter.errors import Reason
from exporter.sources.exchange import RateBook
from exporter.watches.references import ReferencesWatch
from tests.sim.simulator import Simulator
from tests.sources.network_servers import closed_port

Make = Callable[..., ReferencesWatch]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make watches of the references at these URLs; their connections are closed afterwards."""
    made: list[ReferencesWatch] = []

    def build(*urls: str) -> ReferencesWatch:
        references = tuple(ClockReference(kind="binance_usdm", base_url=url) for url in urls)
        settings = ExporterSettings(clock_references=references, timeout_seconds=20.0)
        made.append(ReferencesWatch(settings, RateBook()))
        return made[-1]

    yield build
    for watch in made:
        watch.close()


def _dead() -> str:
    return f"http://127.0.0.1:{closed_port()}"


def test_all_that_answer_are_up(make: Make, simulator: Simulator) -> None:
    """Nothing more is asked of them."""
    watch = make(simulator.ready["reference"], simulator.ready["exchange"])
    assert watch.configured
    watch.round()
    assert watch.health.up


def test_a_dead_one_is_named_and_the_others_are_asked(make: Make, simulator: Simulator) -> None:
    """The first in the list is dead: those behind it are asked all the same."""
    dead, also_dead = _dead(), _dead()
    watch = make(dead, simulator.ready["reference"], also_dead)
    before = simulator.world.requests.total()
    watch.round()
    assert simulator.world.requests.total() > before
    assert not watch.health.up
    assert watch.health.failures == {Reason.REFUSED: 1}
    for url in (dead, also_dead):
        assert url.removeprefix("http://") in watch.health.detail
    assert simulator.ready["reference"].removeprefix("http://") not in watch.health.detail


def test_it_is_up_again_with_the_last_of_them(make: Make, simulator: Simulator) -> None:
    """Within one round."""
    watch = make(simulator.ready["exchange"], simulator.ready["reference"])
    simulator.exchange.shut()
    watch.round()
    assert not watch.health.up
    simulator.exchange.open()
    watch.round()
    assert watch.health.up


def test_one_that_tells_the_time_only_to_a_key_is_named(simulator: Simulator) -> None:
    """A mistake in the configuration hides no other reference either."""
    references = (
        ClockReference(kind="alpaca", base_url=simulator.ready["alpaca"]),
        ClockReference(kind="binance_usdm", base_url=simulator.ready["reference"]),
    )
    watch = ReferencesWatch(ExporterSettings(clock_references=references), RateBook())
    before = simulator.world.requests.total()
    watch.round()
    watch.close()
    assert simulator.world.requests.total() > before
    assert watch.health.failures == {Reason.UNSUPPORTED: 1}
    assert "only to a key" in watch.health.detail


def test_without_any_there_is_nothing_to_fail(make: Make) -> None:
    """Not configured is not down."""
    assert not make().configured
