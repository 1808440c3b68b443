"""Following a bot's logs: what files, links, copies and limits can do to it."""

import contextlib
import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.errors import SourceError
from exporter.sources.log_offsets import OffsetStore
from exporter.sources.log_track import BLOCK
from exporter.sources.log_tracks import MAX_FILES
from tests.sources.log_bed import Bed, counted


@pytest.fixture
def bed(root: Path) -> Bed:
    """An empty directory of logs."""
    return Bed(root)


def test_what_is_deleted_is_read_to_its_end(bed: Bed) -> None:
    """The descriptor stays until the file has been silent for a minute."""
    follower = bed.follower()
    bed.append("bot.log", "")
    follower.poll()
    file = bed.append("bot.log", bed.lines(1))
    with file.open("a") as writer:
        follower.poll()
        writer.write(bed.lines(2))
        writer.flush()
        file.unlink()
        reading = follower.poll()
        assert (counted(reading), reading.files) == ((3, 3), 0)
        writer.write(bed.lines(1))
        writer.flush()
        assert counted(follower.poll()) == (4, 4)
        assert len(_descriptors_under(bed.root)) == 2
        bed.clock.now += 61
        follower.poll()
        assert len(_descriptors_under(bed.root)) == 1


def _descriptors_under(root: Path) -> list[str]:
    """The writer's, and ours."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    targets = [str(link.readlink()) for link in links]
    return [target for target in targets if target.startswith(str(root))]


def test_descriptors_are_given_back(bed: Bed) -> None:
    """Hundreds of old logs do not use up the process' descriptors."""
    for number in range(100):
        bed.append(f"bot-{number}.log", bed.lines(1))
    follower = bed.follower()
    reading = follower.poll()
    assert reading.files == 100
    assert len(_descriptors_under(bed.root)) <= 32
    for number in range(100):
        bed.append(f"bot-{number}.log", bed.lines(1))
    assert counted(follower.poll()) == (100, 100)
    assert len(_descriptors_under(bed.root)) <= 32
    follower.close()
    assert not _descriptors_under(bed.root)


def test_a_cap_is_told(bed: Bed) -> None:
    """Files beyond it are not followed; one that comes in begins where it was passed over."""
    for number in range(MAX_FILES + 2):
        file = bed.append(f"bot-{number}.log", bed.lines(1))
        os.utime(file, (1000 + number, 1000 + number))
    follower = bed.follower()
    reading = follower.poll()
    assert (reading.files, reading.skipped) == (MAX_FILES, 2)
    bed.append("bot-0.log", bed.lines(1))
    assert counted(follower.poll()) == (1, 1)


def test_junk_is_counted_and_does_no_harm(bed: Bed) -> None:
    """NULs, invalid UTF-8, terminal escapes, lines without end, and compressed generations."""
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", b"\0\0\0ERROR \xff\xfe\x1b[2J connection REFUSED\0\n" + os.urandom(5000))
    bed.append("bot.log", b"\nConnection refused" + b"x" * (2 * BLOCK) + b"\n\n")
    bed.append("bot.log.1.gz", gzip.compress(b"Connection refused\n"))
    bed.append("old.log.gz", gzip.compress(b"Connection refused\n"))
    reading = follower.poll()
    junk = (bed.root / "logs/bot.log").read_bytes()
    assert reading.events["connection_refused"] == 2
    assert reading.bytes == len(junk)
    # The long line counts as three: two full blocks, and its rest.
    assert reading.lines == junk.count(b"\n") + 2


def test_a_hole_left_by_truncation_is_no_line(bed: Bed) -> None:
    """A writer that does not append leaves NULs where the log was."""
    file = bed.root / "logs/bot.log"
    follower = bed.follower()
    follower.poll()
    with file.open("w") as writer:
        writer.write(bed.lines(8000))
        writer.flush()
        assert follower.poll().lines == 8000
        os.truncate(file, 0)
        writer.write(bed.lines(2))
        writer.flush()
    assert file.stat().st_size > 2 * BLOCK
    assert counted(follower.poll()) == (8002, 8002)


def test_a_restored_log_is_known_by_its_content(bed: Bed) -> None:
    """Another inode under the same name, as after moving to another disk."""
    follower = bed.follower()
    follower.poll()
    file = bed.append("bot.log", bed.lines(5))
    follower.poll()
    follower.close()
    shutil.copyfile(file, file.with_suffix(".tmp"))
    file.with_suffix(".tmp").rename(file)
    bed.append("bot.log", bed.lines(1))
    assert counted(bed.follower().poll()) == (6, 6)


def test_a_fresh_start_with_the_same_banner_is_read(bed: Bed) -> None:
    """A bot that empties its log and prints the same first lines again is no copy of itself."""
    banner = "Starting TradingBot2, mode live, all systems go\n" * 10
    file = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    file.write_text(banner + bed.lines(20))
    assert follower.poll().lines == 30
    file.write_text(banner + bed.lines(3))
    assert follower.poll().lines == 43


def test_another_bots_log_beside_ours_is_left_alone(bed: Bed) -> None:
    """A name with a number in it may be no generation of ours."""
    bed.append("bot.log", "")
    paths = {"logs": ["logs/bot.log"]}
    follower = bed.follower(paths=paths)
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    bed.append("bot-2.log", bed.lines(50))
    bed.append("bot.log.json", bed.lines(50))
    follower.poll()
    (bed.root / "logs/bot.log").rename(bed.root / "logs/bot.log.1")
    bed.append("bot.log", bed.lines(1))
    assert follower.poll().lines == 3


def test_names_that_are_no_text_are_followed(bed: Bed) -> None:
    """A file's name is bytes; the offsets are kept all the same."""
    name = os.fsdecode(b"b\xff\xc3t.log")
    bed.append(name, "")
    follower = bed.follower()
    follower.poll()
    bed.append(name, bed.lines(2))
    follower.poll()
    follower.close()
    bed.append(name, bed.lines(1))
    reading = bed.follower().poll()
    assert (counted(reading), reading.offsets_durable) == ((3, 3), True)


def test_links_and_pipes_are_taken_for_what_they_are(bed: Bed) -> None:
    """Two names of one log are one log; a pipe, a directory and a loop are none."""
    bed.append("bot.log", "")
    (bed.root / "logs/current.log").symlink_to("bot.log")
    (bed.root / "logs/hard.log").hardlink_to(bed.root / "logs/bot.log")
    (bed.root / "logs/loop.log").symlink_to("loop.log")
    os.mkfifo(bed.root / "logs/pipe.log")
    (bed.root / "logs/directory.log").mkdir()
    follower = bed.follower()
    assert follower.poll().files == 1
    bed.append("bot.log", bed.lines(2))
    assert counted(follower.poll()) == (2, 2)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can stop being root")
def test_a_log_that_cannot_be_read_is_told() -> None:
    """The only one is a failure, one of several is skipped; once readable it is followed."""
    with tempfile.TemporaryDirectory(prefix="tw-logs-") as directory:
        Path(directory).chmod(0o755)
        bed = Bed(Path(directory))
        log = bed.append("bot.log", bed.lines(3))
        log.chmod(0)
        follower = bed.follower(OffsetStore(None, "alpha"))
        with _as_nobody(), pytest.raises(SourceError, match=r"bot\.log cannot be read"):
            follower.poll()
        bed.append("other.log", "")
        bed.append("bot.log", bed.lines(1))
        with _as_nobody():
            reading = follower.poll()
        assert (reading.files, reading.skipped) == (1, 1)
        log.chmod(0o644)
        with _as_nobody():
            assert counted(follower.poll()) == (1, 1)
        follower.close()


@contextlib.contextmanager
def _as_nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
