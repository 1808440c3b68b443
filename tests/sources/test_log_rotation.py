"""Rotation as programs and people really do it, one case each; the model test mixes them."""

import os
import shutil
from pathlib import Path

import pytest

from exporter.sources.log_track import advance, make_mark, read_on
from tests.sources.log_bed import Bed, counted


@pytest.fixture
def bed(root: Path) -> Bed:
    """An empty directory of logs."""
    return Bed(root)


def test_a_copy_that_was_seen_half_made_is_read_on(bed: Bed) -> None:
    """What it got of the log after our last look is read from it, once the log is emptied."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(10))
    follower.poll()
    half = b"".join(log.read_bytes().splitlines(keepends=True)[:5])
    copy = bed.append("bot-20261124.log", half)
    assert counted(follower.poll()) == (10, 10)
    bed.append("bot.log", bed.lines(3))
    shutil.copyfile(log, copy)
    os.truncate(log, 0)
    bed.append("bot.log", bed.lines(2))
    assert counted(follower.poll()) == (15, 15)


def test_a_log_that_was_empty_when_last_seen_may_have_been_rotated(bed: Bed) -> None:
    """Nothing of it was read, so nothing tells that its content is another; its copy does."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(4))
    shutil.copyfile(log, log.with_name("bot.log.1"))
    os.truncate(log, 0)
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (5, 5)


def test_rotated_twice_between_two_looks(bed: Bed) -> None:
    """The generation in between was never seen under its own name."""
    log = bed.append("bot.log", bed.lines(1))
    follower = bed.follower()
    follower.poll()
    for _ in range(2):
        bed.append("bot.log", bed.lines(2))
        if (first := log.with_name("bot.log.1")).exists():
            first.rename(log.with_name("bot.log.2"))
        log.rename(first)
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (5, 5)


def test_generations_from_before_the_first_start_do_not_count(bed: Bed) -> None:
    """Not even one that was written to later than the log that followed it."""
    log = bed.append("bot.log", "")
    os.utime(log, (1000, 1000))
    bed.append("bot.log.1", bed.lines(7))
    bed.append("bot-20261123.log.old", bed.lines(7))
    follower = bed.follower()
    follower.poll()
    log.with_name("bot.log.1").rename(log.with_name("bot.log.2"))
    log.rename(log.with_name("bot.log.1"))
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (1, 1)


def test_an_old_generation_that_is_put_back_does_not_count(bed: Bed) -> None:
    """A person unpacks an archive beside the log; the next rotation must not take it for news."""
    log = bed.append("bot.log", bed.lines(1))
    follower = bed.follower()
    follower.poll()
    old = bed.append("bot.log.7", bed.lines(9))
    os.utime(old, (1000, 1000))
    log.rename(log.with_name("bot.log.1"))
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (1, 1)


def test_a_second_copy_of_the_same_is_not_counted_again(bed: Bed) -> None:
    """One for safety, one by rotation: the lines are the same."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(5))
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    for name in ("bot.log.bak", "bot.log.1"):
        shutil.copyfile(log, log.with_name(name))
    os.truncate(log, 0)
    assert counted(follower.poll()) == (7, 7)
    assert counted(follower.poll()) == (7, 7)


def test_a_copy_of_an_earlier_time_is_not_counted_again(bed: Bed) -> None:
    """Touched since, it looks like a generation that came after our last look."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(5))
    follower.poll()
    shutil.copyfile(log, log.with_name("bot.log.1"))
    bed.append("bot.log", bed.lines(2))
    follower.poll()
    log.with_name("bot.log.1").touch()
    os.truncate(log, 0)
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (8, 8)


@pytest.mark.parametrize("original_grows", [True, False])
def test_a_copy_that_is_written_to_becomes_a_log(bed: Bed, original_grows: bool) -> None:
    """It counts from where it differs, whichever of the two is longer then."""
    follower = bed.follower()
    follower.poll()
    log = bed.append("bot.log", bed.lines(4))
    follower.poll()
    shutil.copyfile(log, log.with_name("copy.log"))
    assert counted(follower.poll()) == (4, 4)
    if original_grows:
        bed.append("bot.log", bed.lines(5))
    bed.append("copy.log", bed.lines(2))
    follower.poll()
    assert counted(follower.poll()) == ((11, 11) if original_grows else (6, 6))


def test_a_truncation_between_asking_and_reading_is_noticed(bed: Bed) -> None:
    """What stands before the place must be what stood there."""
    log = bed.append("bot.log", bed.lines(4))
    with log.open("rb") as stream:
        mark = make_mark(stream.fileno(), log.stat().st_size)
        bed.append("bot.log", "more\n")
        content = read_on(stream.fileno(), mark)
        assert content is not None
        assert content[1] == b"more\n"
        assert advance(mark, *content) == make_mark(stream.fileno(), log.stat().st_size)
        os.truncate(log, 0)
        bed.append("bot.log", bed.lines(9))
        assert read_on(stream.fileno(), mark) is None


def test_copied_emptied_and_renamed_between_two_looks(bed: Bed) -> None:
    """Three steps at once; a copy made before is still a copy."""
    log = bed.append("bot.log", bed.lines(1))
    follower = bed.follower()
    follower.poll()
    shutil.copyfile(log, log.with_name("bot-1.log"))
    bed.append("bot.log", bed.lines(1))
    shutil.copyfile(log, log.with_name("bot.log.1"))
    os.truncate(log, 0)
    log.rename(log.with_name("bot-2.log"))
    assert counted(follower.poll()) == (1, 1)


def test_a_copy_that_is_deleted_does_not_go_on_in_another(bed: Bed) -> None:
    """While we were away one copy went and another came: both were the log's."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(3))
    follower.poll()
    shutil.copyfile(log, log.with_name("copy.log"))
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    follower.poll()
    follower.close()
    log.with_name("copy.log").unlink()
    shutil.copyfile(log, log.with_name("other.log"))
    assert counted(bed.follower().poll()) == (5, 5)


def test_rotation_into_another_followed_name(bed: Bed) -> None:
    """``logs/*.log`` follows both names; the file is one."""
    log = bed.append("bot.log", bed.lines(1))
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    log.rename(log.with_name("bot-20261124.log"))
    bed.append("bot.log", bed.lines(3))
    reading = follower.poll()
    assert (counted(reading), reading.files) == ((5, 5), 2)


def test_an_inode_that_is_used_again_is_another_log(bed: Bed) -> None:
    """Deleted and created while we were away, on a file system that hands numbers out again."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(3))
    follower.poll()
    follower.close()
    inode = log.stat().st_ino
    log.unlink()
    bed.append("bot.log", bed.lines(8))
    if log.stat().st_ino != inode:
        pytest.skip("this file system did not use the number again")
    assert counted(bed.follower().poll()) == (11, 11)
