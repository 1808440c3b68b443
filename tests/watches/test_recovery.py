"""What failed is asked again when the venue is back, and no more often than that."""

import itertools

import pytest

from exporter.watches.recovery import Recovery
from tests.watches.venue import Time


@pytest.fixture
def time() -> Time:
    """Time that a test moves."""
    return Time()


@pytest.fixture
def recovery(time: Time) -> Recovery:
    """Of a watch that asks each thirty seconds, and has just done so."""
    made = Recovery(30, time.timing)
    made.begin()
    return made


def test_a_return_counts_until_the_watch_has_asked(recovery: Recovery, time: Time) -> None:
    """Waking a round that is under way does nothing, so it is said again."""
    time.now += 10
    since = time.now
    assert recovery.is_due(since)
    time.now += 15
    assert recovery.is_due(since)
    recovery.begin()
    assert not recovery.is_due(since)


def test_a_venue_that_was_never_away_is_no_return(time: Time) -> None:
    """Whether or not anything was asked yet."""
    fresh = Recovery(30, time.timing)
    assert not fresh.is_due(float("-inf"))
    fresh.begin()
    assert not fresh.is_due(float("-inf"))


def test_a_way_that_comes_and_goes_wakes_once_an_interval(recovery: Recovery, time: Time) -> None:
    """Each time a few seconds later, and each time what was asked has failed."""
    woken = []
    for _ in range(60):
        time.now += 5
        if recovery.is_due(time.now):
            woken.append(time.now)
            recovery.begin()
    assert len(woken) == 10
    assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(woken))


def test_a_return_that_came_too_soon_counts_later(recovery: Recovery, time: Time) -> None:
    """If nothing was asked until then."""
    time.now += 5
    assert recovery.is_due(time.now)
    time.now += 1
    recovery.begin()
    time.now += 5
    since = time.now
    assert not recovery.is_due(since)
    time.now += 30
    assert recovery.is_due(since)
