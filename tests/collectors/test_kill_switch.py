"""Kill-switch metrics never vanish, and unknown is engaged."""

from dataclasses import replace

from exporter.collectors import kill_switch
from tests.collectors.snapshots import CALM, healthy, samples


def test_calm() -> None:
    """Read, and not engaged."""
    found = samples(kill_switch)
    assert found["kill_switch_engaged"] == 0
    assert found["paused"] == 0


def test_engaged_and_paused_are_two_metrics() -> None:
    """Our pause does not look like a kill switch."""
    latched = samples(kill_switch, healthy(kill_switch=replace(CALM, engaged=True)))
    assert (latched["kill_switch_engaged"], latched["paused"]) == (1, 0)
    paused = samples(kill_switch, healthy(kill_switch=replace(CALM, paused=True)))
    assert (paused["kill_switch_engaged"], paused["paused"]) == (0, 1)


def test_an_unknown_kill_switch_is_engaged() -> None:
    """A stale or failed reading must not read as permission to trade."""
    found = samples(kill_switch, healthy(kill_switch=None))
    assert (found["kill_switch_engaged"], found["paused"]) == (1, 0)


def test_before_the_first_look_nothing_is_claimed() -> None:
    """A false alarm at each start would teach people to ignore it."""
    assert samples(kill_switch, healthy(polled=False)) == {}
