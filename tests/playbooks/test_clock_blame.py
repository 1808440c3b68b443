"""Who is wrong about the time: a table, and what must hold for any readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.readings import ClockReading
from remediation.playbooks.clock_blame import Blame, blame

LIMIT = 0.5
SKEW = 0.25


def reading(offset: float | None, bound: float = 0.01) -> ClockReading | None:
    """One view of the local clock; positive means that it is ahead."""
    return None if offset is None else ClockReading("ntp", offset, bound, ("test",))


@pytest.mark.parametrize(
    ("ntp", "exchange", "references", "verdict"),
    [
        # Within the limit.
        (0.0, 0.0, (), Blame.NOBODY),
        (0.49, -0.49, (), Blame.NOBODY),
        (-0.5, 0.5, (), Blame.NOBODY),
        # The local clock, ahead and behind.
        (3.0, 3.1, (), Blame.LOCAL),
        (-3.0, -3.1, (), Blame.LOCAL),
        (3.0, 3.1, (3.05, 2.9), Blame.LOCAL),
        (0.51, 0.52, (0.5,), Blame.LOCAL),
        # A second exchange contradicts.
        (3.0, 3.1, (0.0,), Blame.UNKNOWN),
        (3.0, 3.1, (3.0, -3.0), Blame.UNKNOWN),
        # Only the venue, only the time servers.
        (0.0, 3.0, (), Blame.EXCHANGE),
        (0.0, -3.0, (0.0,), Blame.EXCHANGE),
        (3.0, 0.0, (), Blame.NTP),
        (-3.0, 0.0, (0.0,), Blame.NTP),
        # Both off, and not by the same.
        (3.0, -3.0, (), Blame.UNKNOWN),
        (3.0, 4.0, (), Blame.UNKNOWN),
        (-0.6, 0.6, (), Blame.UNKNOWN),
        # Agreed, but only one of them beyond the limit.
        (0.45, 0.6, (), Blame.BORDERLINE),
        (-0.6, -0.45, (), Blame.BORDERLINE),
        # Missing.
        (None, 3.0, (3.0,), Blame.UNKNOWN),
        (3.0, None, (3.0,), Blame.UNKNOWN),
        (None, None, (), Blame.UNKNOWN),
        (0.0, None, (), Blame.UNKNOWN),
    ],
)
def test_the_verdict(
    ntp: float | None, exchange: float | None, references: tuple[float, ...], verdict: Blame
) -> None:
    """Each row of trading facts, section 6, with both signs."""
    others = [view for offset in references if (view := reading(offset)) is not None]
    assert blame(reading(ntp), reading(exchange), others, LIMIT) is verdict


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(("offset", "bound", "limit"), [(0.6, 2.0, LIMIT), (0.12, 0.01, 0.1)])
def test_opposite_sides_are_no_agreement(
    turn: int, offset: float, bound: float, limit: float
) -> None:
    """However wide the error bounds or low the limit: ahead of one and behind the other."""
    ntp, exchange = reading(turn * offset, bound), reading(-turn * offset, bound)
    assert blame(ntp, exchange, (), limit) is Blame.UNKNOWN


OFFSETS = st.one_of(
    st.floats(-5, 5),
    st.sampled_from([LIMIT, -LIMIT, LIMIT + 1e-9, SKEW, -SKEW, 0.0]),
)
VIEWS = st.builds(reading, OFFSETS, st.floats(0, 1))
LIMITS = st.floats(0.01, 3)


@given(st.none() | VIEWS, st.none() | VIEWS, st.lists(VIEWS, max_size=3), LIMITS)
def test_the_local_clock_is_blamed_on_two_witnesses_only(
    ntp: ClockReading | None,
    exchange: ClockReading | None,
    references: list[ClockReading],
    limit: float,
) -> None:
    """Never unless NTP and venue both exceed the limit, on one side, and everybody agrees."""
    if blame(ntp, exchange, references, limit) is not Blame.LOCAL:
        return
    assert ntp is not None
    assert exchange is not None
    assert abs(ntp.offset_seconds) > limit
    assert abs(exchange.offset_seconds) > limit
    assert (ntp.offset_seconds > 0) == (exchange.offset_seconds > 0)
    for other in (exchange, *references):
        apart = abs(ntp.offset_seconds - other.offset_seconds)
        assert apart <= max(SKEW, ntp.error_bound_seconds + other.error_bound_seconds)


@given(VIEWS, VIEWS, st.lists(VIEWS, max_size=3), LIMITS)
def test_the_verdict_does_not_depend_on_the_direction(
    ntp: ClockReading, exchange: ClockReading, references: list[ClockReading], limit: float
) -> None:
    """Ahead and behind are judged alike: all signs turned give the same verdict."""

    def turned(view: ClockReading) -> ClockReading:
        return ClockReading("ntp", -view.offset_seconds, view.error_bound_seconds, ("test",))

    mirrored = blame(turned(ntp), turned(exchange), [turned(r) for r in references], limit)
    assert blame(ntp, exchange, references, limit) is mirrored


@given(VIEWS, VIEWS, st.lists(VIEWS, max_size=3), LIMITS)
def test_nobody_is_blamed_exactly_within_the_limit(
    ntp: ClockReading, exchange: ClockReading, references: list[ClockReading], limit: float
) -> None:
    """Cleared means that both say so, and both saying so means cleared."""
    within = abs(ntp.offset_seconds) <= limit and abs(exchange.offset_seconds) <= limit
    assert (blame(ntp, exchange, references, limit) is Blame.NOBODY) == within


@given(VIEWS, VIEWS, st.lists(VIEWS, max_size=2), VIEWS, LIMITS)
def test_one_more_witness_never_makes_it_the_local_clock(
    ntp: ClockReading,
    exchange: ClockReading,
    references: list[ClockReading],
    another: ClockReading,
    limit: float,
) -> None:
    """A further exchange can only raise doubt."""
    if blame(ntp, exchange, [*references, another], limit) is Blame.LOCAL:
        assert blame(ntp, exchange, references, limit) is Blame.LOCAL
