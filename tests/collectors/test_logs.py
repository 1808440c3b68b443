"""Counted symptoms as counters; all of them from the first scrape on."""

from exporter.collectors import logs
from exporter.readings import LogReading
from tests.collectors.snapshots import NOW, healthy, samples

_READING = LogReading(
    events={"oom": 0, "error": 7},
    lines=1200,
    bytes=150_000,
    files=2,
    offsets_durable=True,
    last_growth=NOW - 3,
    skipped=1,
)


def test_counts_and_what_they_are_worth() -> None:
    """An event that has not happened yet is 0, or its first time could not be seen."""
    found = samples(logs, healthy(logs=_READING))
    assert found == {
        'log_events_total{event="oom"}': 0,
        'log_events_total{event="error"}': 7,
        "log_lines_total": 1200,
        "log_bytes_total": 150_000,
        "log_files": 2,
        "log_files_skipped": 1,
        "log_offsets_durable": 1,
        "log_last_growth_timestamp_seconds": NOW - 3,
    }


def test_unknown_is_absent() -> None:
    """A count that cannot be taken is no count, and no growth is no time."""
    assert samples(logs, healthy(logs=None)) == {}
    idle = LogReading(events={}, lines=0, bytes=0, files=0, offsets_durable=False, last_growth=None)
    found = samples(logs, healthy(logs=idle))
    assert "log_last_growth_timestamp_seconds" not in found
    assert (found["log_files"], found["log_offsets_durable"]) == (0, 0)
