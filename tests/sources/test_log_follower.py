"""Following a bot's logs: what is counted, and what is kept over restarts and reloads."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.log_follower import LogFollower
from exporter.sources.log_offsets import OffsetStore
from exporter.sources.log_track import BLOCK
from tests.sources.bots import make_bot, write
from tests.sources.log_bed import NOW, Bed, counted

_JUNK = [b"null", b"-1", b"9" * 30, b'"', b"}", b"[", b"\xc4\x80", b"\\u0000", b"1e400", b"0"]


@pytest.fixture
def bed(root: Path) -> Bed:
    """An empty directory of logs."""
    return Bed(root)


def test_what_was_there_before_does_not_count(bed: Bed) -> None:
    """At the very first start a log begins at its end, a log that comes later at its beginning."""
    bed.append("bot.log", bed.lines(3))
    follower = bed.follower()
    first = follower.poll()
    assert counted(first) == (0, 0)
    assert (first.files, first.last_growth, first.offsets_durable) == (1, None, True)
    bed.append("bot.log", bed.lines(2))
    bed.append("late.log", bed.lines(1))
    assert counted(follower.poll()) == (3, 3)


def test_every_event_is_there_from_the_start(bed: Bed) -> None:
    """A counter that appears with its first count cannot be seen to increase."""
    reading = bed.follower(log_events={"margin_call": "margin call"}).poll()
    assert reading.events["oom"] == reading.events["margin_call"] == 0
    follower = bed.follower(log_events={"margin_call": "margin call"})
    bed.append("bot.log", "MARGIN CALL on BTCUSDT\n")
    assert follower.poll().events["margin_call"] == 1


def test_a_line_counts_once_it_is_complete(bed: Bed) -> None:
    """Over polls and restarts."""
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", "Connection ")
    assert counted(follower.poll()) == (0, 0)
    follower.close()
    follower = bed.follower()
    bed.append("bot.log", "refused")
    assert counted(follower.poll()) == (0, 0)
    bed.append("bot.log", "\r\n")
    assert counted(follower.poll()) == (1, 1)


def test_lines_written_while_nobody_looked_count_once(bed: Bed) -> None:
    """A restart continues the counters, and a second one, too."""
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    follower.poll()
    follower.close()
    bed.append("bot.log", bed.lines(3))
    (bed.root / "logs/bot.log").rename(bed.root / "logs/bot.log.1")
    bed.append("bot.log", bed.lines(1))
    for _ in range(2):
        follower = bed.follower()
        assert counted(follower.poll()) == (6, 6)
        follower.close()


def test_a_huge_backlog_is_read_in_turns(bed: Bed) -> None:
    """Each poll does a bounded amount, and no log waits for another."""
    bed.append("a.log", "")
    follower = LogFollower(make_bot(bed.root), bed.store(), poll_bytes=4 * BLOCK)
    follower.poll()
    bed.append("a.log", bed.lines(30_000))
    bed.append("b.log", bed.lines(10))
    first = follower.poll()
    assert first.bytes <= 5 * BLOCK
    assert first.lines > 10
    while (reading := follower.poll()).lines < 30_010:
        assert reading.bytes > first.bytes
        first = reading
    assert counted(reading) == (30_010, 30_010)


def test_unreadable_offsets_begin_at_the_end_and_say_so(
    bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    """Corrupt, of another version, a directory in place: never a crash, never a guess."""
    file = write(bed.root, "data/logs/alpha.json", b'{"version": 1, "events": {')
    for content in (b"\xff", b'{"version": 2}', b'{"version": 1, "lines": -1}', b""):
        file.write_bytes(content)
        bed.append("bot.log", bed.lines(1))
        follower = bed.follower()
        reading = follower.poll()
        assert (counted(reading), reading.offsets_durable) == ((0, 0), False)
        bed.append("bot.log", bed.lines(1))
        reading = follower.poll()
        assert (counted(reading), reading.offsets_durable) == ((1, 1), True)
        follower.close()
    assert "cannot be read, so logs are followed from their ends" in caplog.text


@given(
    start=st.floats(0, 1),
    length=st.integers(0, 20),
    junk=st.one_of(st.binary(max_size=20), st.sampled_from(_JUNK)),
)
def test_no_damage_to_the_offsets_stops_it(start: float, length: int, junk: bytes) -> None:
    """Whatever a disk or a hand has made of them: they are used or they are not."""
    with tempfile.TemporaryDirectory(prefix="tw-logs-") as directory:
        bed = Bed(Path(directory))
        bed.append("bot.log", bed.lines(2))
        follower = bed.follower()
        follower.poll()
        bed.append("bot.log", bed.lines(1))
        follower.poll()
        follower.close()
        file = bed.root / "data/logs/alpha.json"
        content = file.read_bytes()
        where = int(start * len(content))
        file.write_bytes(content[:where] + junk + content[where + length :])
        bed.append("bot.log", bed.lines(1))
        follower = bed.follower()
        assert follower.poll().files == 1
        assert follower.poll().offsets_durable
        follower.close()


def test_offsets_that_cannot_be_kept_are_told(bed: Bed) -> None:
    """Counting goes on in memory; once they can be kept again, they are."""
    place = write(bed.root, "data", b"a file where the directory should be")
    follower = bed.follower()
    bed.append("bot.log", bed.lines(1))
    assert not follower.poll().offsets_durable
    bed.append("bot.log", bed.lines(1))
    reading = follower.poll()
    assert (counted(reading), reading.offsets_durable) == ((1, 1), False)
    place.unlink()
    follower.poll()
    assert follower.poll().offsets_durable
    follower.close()
    assert counted(bed.follower().poll()) == (1, 1)


def test_without_a_data_directory_nothing_is_kept(bed: Bed) -> None:
    """``data_dir: null`` is a choice, and still shows."""
    follower = bed.follower(OffsetStore(None, "alpha"))
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    reading = follower.poll()
    assert (counted(reading), reading.offsets_durable) == ((1, 1), False)
    assert counted(bed.follower(OffsetStore(None, "alpha")).poll()) == (0, 0)


def test_a_failing_disk_leaves_what_was_saved(bed: Bed) -> None:
    """A partial file beside the offsets, as a crash leaves it, is no harm."""
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    follower.poll()
    follower.close()
    write(bed.root, "data/logs/.alpha.json.1.partial", b"{")
    assert (bed.root / "data/logs/alpha.json").stat().st_mode & 0o777 == 0o600
    assert counted(bed.follower().poll()) == (2, 2)


def test_the_doctor_may_look_meanwhile(bed: Bed) -> None:
    """Another process with the same offsets sees the same counts and spoils nothing."""
    server = bed.follower()
    server.poll()
    bed.append("bot.log", bed.lines(2))
    server.poll()
    bed.append("bot.log", bed.lines(1))
    doctor = bed.follower()
    assert counted(doctor.poll()) == (3, 3)
    doctor.close()
    assert counted(server.poll()) == (3, 3)
    server.close()
    assert counted(bed.follower().poll()) == (3, 3)


def test_offsets_hold_nothing_of_the_logs(bed: Bed) -> None:
    """A log may hold what nobody should read; digests stand for it."""
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", "api_secret=hunter2hunter2\n" * 20)
    follower.poll()
    assert "hunter2" not in (bed.root / "data/logs/alpha.json").read_text()


def test_a_reload_hands_over_open_logs(bed: Bed) -> None:
    """Counts and descriptors go to the successor; the old one has nothing more to say."""
    old = bed.follower(OffsetStore(None, "alpha"))
    old.poll()
    file = bed.append("bot.log", bed.lines(1))
    old.poll()
    with file.open("a") as writer:
        file.unlink()
        writer.write(bed.lines(2))
        writer.flush()
        new = LogFollower(
            make_bot(bed.root, log_events={"refusal": "refused"}),
            OffsetStore(None, "alpha"),
            progress=old.let_go(),
        )
        reading = new.poll()
    assert counted(reading) == (3, 3)
    assert reading.events["refusal"] == 2
    with pytest.raises(SourceError) as caught:
        old.poll()
    assert caught.value.reason is Reason.STALE


def test_growth_is_when_the_log_says_but_not_in_the_future(bed: Bed) -> None:
    """The file's own time, because polls may be rare."""
    file = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    os.utime(file, (5000, 5000))
    assert follower.poll().last_growth == 5000
    bed.append("bot.log", "x")
    os.utime(file, (NOW + 1000, NOW + 1000))
    assert follower.poll().last_growth == NOW


def test_a_missing_root_is_an_error_and_missing_logs_are_not(bed: Bed) -> None:
    """The first is a mistake in the configuration; the second shows in ``files``."""
    (bed.root / "logs").rmdir()
    assert bed.follower().poll().files == 0
    follower = LogFollower(make_bot(bed.root / "gone"), OffsetStore(None, "alpha"))
    with pytest.raises(SourceError) as caught:
        follower.poll()
    assert caught.value.reason is Reason.MISSING
