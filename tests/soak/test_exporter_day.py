"""After a day of troubles on three venues the exporter takes what it took in the morning.

What may differ is memory: for a minute after a reload by some 2 MiB, and for good by what the
interpreter's own pools do not give back. So the forenoon is compared with the night with room for
that, and the night's beginning with its end, no reload between, without it: a leak of 200 bytes
for each scrape, or of 700 for each of the exchange's rounds, would show.
Descriptors and threads come and go with connections, so one or two may be seen or not.
"""

import statistics
from pathlib import Path

import pytest

from tests.hostile.ground import check_log
from tests.soak.day import Day, Plan, Record, Usage

_MEBIBYTE = 1 << 20
# Connections come back when they are needed: at once, or with the next round of keys or rules.
_FEW, _SOME = 3, 10

# A day at the defaults: 5,760 rounds of a venue, 2,880 of an account, 17,280 scrapes.
_DAY = Plan(
    hours=24,
    scrapes=360,
    scrape_seconds=1 / 16,
    poll_seconds=0.25,
    reloads=frozenset({6, 12, 18}),
    rotations=frozenset(range(24)),
)
_MORNING = Plan(
    hours=4,
    scrapes=30,
    scrape_seconds=1 / 16,
    poll_seconds=0.3,
    reloads=frozenset({2}),
    # What was rotated away stays open for a minute, which here is more than a day.
    rotations=frozenset({1}),
)


def _compare(record: Record, early: slice, late: slice, mebibytes: float, more: int) -> None:
    """Hold the late hours to the early ones; so many MiB, descriptors, threads are not growth."""
    before, after = _median(record.hours[early]), _median(record.hours[late])
    assert after.descriptors <= before.descriptors + more
    assert after.threads <= before.threads + more
    assert after.children == 0
    assert after.resident <= before.resident + mebibytes * _MEBIBYTE


def _median(hours: list[Usage]) -> Usage:
    return Usage(
        resident=int(statistics.median(one.resident for one in hours)),
        descriptors=int(statistics.median(one.descriptors for one in hours)),
        threads=int(statistics.median(one.threads for one in hours)),
        children=min(one.children for one in hours),
    )


def _check(record: Record) -> None:
    """All lines were counted once, and the program ended as it should."""
    assert set(record.counted.values()) == {record.written}
    assert len(record.counted) == 3
    assert record.status == 0
    check_log(record.log)


def test_a_morning_leaves_nothing_behind(tmp_path: Path) -> None:
    """A few hours of it, in seconds."""
    record = Day(tmp_path, _MORNING).run()
    print(f"\n{record.table()}")
    _compare(record, slice(1, 2), slice(3, 4), mebibytes=8, more=_SOME)
    _check(record)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_day_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither between forenoon and night, nor in the last hours by themselves."""
    record = Day(tmp_path, _DAY).run()
    print(f"\n{record.table()}")
    _compare(record, slice(7, 12), slice(19, 24), mebibytes=3, more=_FEW)
    _compare(record, slice(19, 21), slice(22, 24), mebibytes=0.5, more=_FEW)
    _check(record)
    assert record.scrapes == 17_280
    assert record.rounds["exchange"] >= 5_760
    assert record.rounds["account"] >= 2_880
