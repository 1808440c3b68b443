"""Announced windows: as they are written, and against a minute-by-minute calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.maintenance_windows import Once, Weekly, is_scheduled, next_start, parse

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTES = st.integers(0, 24 * 60 - 1)
_TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def test_a_window_is_on_from_its_start_until_just_before_its_end() -> None:
    """Written as the exchange announces it."""
    window = parse("2026-12-01T02:00Z/2026-12-01T04:00Z")
    assert window == Once(_unix("2026-12-01T02:00+00:00"), _unix("2026-12-01T04:00+00:00"))
    for text, on in (("01:59:59", False), ("02:00", True), ("03:59:59", True), ("04:00", False)):
        assert is_scheduled([window], _unix(f"2026-12-01T{text}+00:00")) is on


def test_other_time_zones_and_seconds() -> None:
    """An offset is an offset."""
    window = parse("2026-12-01T10:00:30+08:00/2026-12-01T04:00Z")
    assert isinstance(window, Once)
    assert window.start == _unix("2026-12-01T02:00:30+00:00")


def test_a_weekly_window_over_midnight() -> None:
    """Its end is on the next day, here even in the next week."""
    window = parse("Sun 23:00-01:00")
    for text, on in (
        ("2026-11-29T22:59", False),
        ("2026-11-29T23:00", True),
        ("2026-11-30T00:59", True),
        ("2026-11-30T01:00", False),
        ("2026-11-30T23:30", False),
    ):
        assert is_scheduled([window], _unix(f"{text}+00:00")) is on, text


def test_a_whole_day() -> None:
    """24:00 is the end of a day, as 00:00 is."""
    assert parse("Mon 00:00-24:00") == Weekly(0, 86400)
    assert parse("mon 22:00-24:00") == parse("MON 22:00-00:00")


def test_the_next_one_of_several() -> None:
    """The earliest start that is still to come; none when all are over."""
    once = parse("2026-12-01T02:00Z/2026-12-01T04:00Z")
    weekly = parse("Wed 02:00-03:00")
    monday = _unix("2026-11-30T12:00+00:00")
    assert next_start([once, weekly], monday) == _unix("2026-12-01T02:00+00:00")
    assert next_start([once, weekly], monday + 86400) == _unix("2026-12-02T02:00+00:00")
    assert next_start([once], monday + 86400) is None
    assert next_start([], monday) is None
    assert not is_scheduled([], monday)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no window"),
        ("Sunday 02:00-04:00", "is no window"),
        ("Son 02:00-04:00", "'Son' is no day of the week"),
        ("Sun 2:00-4:00", "is no window"),
        ("Sun 02:60-04:00", "'02:60' is no time of day"),
        ("Sun 02:00-24:01", "'24:01' is no time of day"),
        ("Sun 24:00-02:00", "begins no window"),
        ("Sun 02:00-02:00", "is empty"),
        ("2026-12-01T04:00Z/2026-12-01T02:00Z", "ends before it begins"),
        ("2026-12-01T04:00Z/2026-12-01T04:00Z", "ends before it begins"),
        ("2026-12-01T02:00/2026-12-01T04:00", "is no time such as"),
        ("2026-12-01 02:00Z/2026-12-01 04:00Z", "is no time such as"),
        ("2026-13-01T02:00Z/2026-13-01T04:00Z", "is no time"),
        ("2026-12-01T02:00Z/PT2H", "is no time such as"),
    ],
)
def test_what_is_no_window(text: str, problem: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(ValueError, match=problem):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_window_or_a_value_error(text: str) -> None:
    """Nothing else comes out of a configuration file."""
    try:
        window = parse(text)
    except ValueError:
        return
    assert isinstance(window, Once | Weekly)


@given(day=st.integers(0, 6), start=_MINUTES, end=_MINUTES, now=_TIMES)
def test_weekly_windows_agree_with_the_calendar(
    day: int, start: int, end: int, now: datetime
) -> None:
    """At any moment, by counting days and minutes the long way."""
    if start == end:
        return
    window = parse(f"{_DAYS[day]} {_clock(start)}-{_clock(end)}")
    now = now.replace(microsecond=0)
    begins = [
        (now + timedelta(days=shift)).replace(hour=start // 60, minute=start % 60, second=0)
        for shift in range(-8, 9)
        if (now + timedelta(days=shift)).weekday() == day
    ]
    length = timedelta(minutes=(end - start) % (24 * 60))
    on = any(begin <= now < begin + length for begin in begins)
    assert is_scheduled([window], now.timestamp()) is on
    coming = min(begin for begin in begins if begin > now)
    assert next_start([window], now.timestamp()) == coming.timestamp()


@given(start=_TIMES, hours=st.integers(1, 100), now=_TIMES)
def test_single_windows_agree_with_the_calendar(start: datetime, hours: int, now: datetime) -> None:
    """Read back from the text in which they are written."""
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(hours=hours)
    text = "/".join(moment.strftime("%Y-%m-%dT%H:%MZ") for moment in (start, end))
    window = parse(text)
    assert is_scheduled([window], now.timestamp()) is (start <= now < end)
    expected = start.timestamp() if start > now else None
    assert next_start([window], now.timestamp()) == expected
