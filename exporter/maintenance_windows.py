"""Announced maintenance: windows in UTC, one time each or every week.

A week starts on Monday 00:00 UTC. Unix time has no leap seconds and UTC no summer time, so all
of this is plain arithmetic.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

ACCEPTED = "2026-12-01T02:00Z/2026-12-01T04:00Z or Sun 02:00-04:00 (UTC)"

_DAY = 86400.0
_WEEK = 7 * _DAY
_FIRST_MONDAY = 4 * _DAY  # 1970-01-05; the epoch was a Thursday
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(
    r"(?P<day>[A-Za-z]{3}) (?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2})", re.ASCII
)
_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


@dataclass(frozen=True)
class Once:
    """One window: Unix times, the end excluded."""

    start: float
    end: float

    def contains(self, now: float) -> bool:
        """Whether the window is on."""
        return self.start <= now < self.end

    def next_start(self, now: float) -> float | None:
        """When it begins after ``now``; None if it does no more."""
        return self.start if self.start > now else None


@dataclass(frozen=True)
class Weekly:
    """The same window every week: seconds from Monday 00:00 UTC, and seconds long."""

    offset: float
    seconds: float

    def contains(self, now: float) -> bool:
        """Whether the window is on."""
        return self._since_start(now) < self.seconds

    def next_start(self, now: float) -> float:
        """When it begins after ``now``."""
        return now - self._since_start(now) + _WEEK

    def _since_start(self, now: float) -> float:
        return (now - _FIRST_MONDAY - self.offset) % _WEEK


Window = Once | Weekly


def parse(text: str) -> Window:
    """Read one window as it is written in the configuration.

    Raises:
        ValueError: says what is wrong with it.
    """
    if (weekly := _WEEKLY.fullmatch(text)) is not None:
        return _weekly(weekly["day"], weekly["start"], weekly["end"])
    start, slash, end = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no window")
    once = Once(_unix_time(start), _unix_time(end))
    if once.end <= once.start:
        raise ValueError(f"{text!r} ends before it begins")
    return once


def is_scheduled(windows: Iterable[Window], now: float) -> bool:
    """Whether any window is on."""
    return any(window.contains(now) for window in windows)


def next_start(windows: Iterable[Window], now: float) -> float | None:
    """When the next window begins after ``now``; None if none is to come."""
    starts = (window.next_start(now) for window in windows)
    return min((start for start in starts if start is not None), default=None)


def _weekly(day: str, start: str, end: str) -> Weekly:
    if day.lower() not in _DAYS:
        raise ValueError(f"{day!r} is no day of the week")
    begins, ends = _seconds(start), _seconds(end)
    if begins == _DAY:
        raise ValueError(f"{start!r} begins no window; write 00:00 of the next day")
    if begins == ends:
        raise ValueError(f"{start}-{end} is empty")
    # An end before the start is on the next day.
    return Weekly(_DAYS.index(day.lower()) * _DAY + begins, (ends - begins) % _DAY or _DAY)


def _seconds(clock: str) -> float:
    hours, minutes = int(clock[:2]), int(clock[3:])
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise ValueError(f"{clock!r} is no time of day")
    return (hours * 60 + minutes) * 60.0


def _unix_time(text: str) -> float:
    if _STAMP.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no time such as 2026-12-01T02:00Z")
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time: {error}") from error
