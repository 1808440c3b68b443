"""Copies of logs, by rotation, for safety and by hand: their lines count once.

The model test found the first of these; the others are its relatives. A copy that is made
again under its inode is the same to the follower as another file that was given its number.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter.sources.log_follower import LogFollower
from tests.sources.log_bed import Bed, counted


@pytest.fixture
def bed(root: Path) -> Bed:
    """An empty directory of logs."""
    return Bed(root)


def _begin(bed: Bed) -> tuple[Path, LogFollower]:
    """Follow an empty log, so that all its lines count."""
    log = bed.append("bot.log", "")
    follower = bed.follower()
    follower.poll()
    return log, follower


def _copy(log: Path, names: Sequence[str]) -> None:
    for name in names:
        shutil.copyfile(log, log.with_name(name))


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize(
    "others",
    [["bot-1.log"], ["bot.log.2"], ["copy.log"], ["bot-1.log", "copy.log"]],
    ids="+".join,
)
def test_a_known_copy_and_a_new_one_are_not_both_read_on(
    bed: Bed, others: list[str], restart: bool
) -> None:
    """Both hold the place where the log was left when it was truncated."""
    log, follower = _begin(bed)
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot.log.1"])
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    if restart:
        follower.close()
        follower = bed.follower()
    _copy(log, ["bot.log.1", *others])
    os.truncate(log, 0)
    assert counted(follower.poll()) == (2, 2)
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (3, 3)


@pytest.mark.parametrize("names", [["bot.log.1", "bot.log.2"], ["bot-1.log", "copy.log"]])
def test_of_two_known_copies_one_is_read_on(bed: Bed, names: list[str]) -> None:
    """Both were brought up to date before the log was truncated."""
    log, follower = _begin(bed)
    bed.append("bot.log", bed.lines(1))
    _copy(log, names)
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    _copy(log, names)
    os.truncate(log, 0)
    assert counted(follower.poll()) == (2, 2)


def test_copies_of_a_log_that_is_gone_go_on_where_it_was_left(bed: Bed) -> None:
    """Not where they ended when they were last looked at, and one of them only."""
    log, follower = _begin(bed)
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot-1.log", "copy.log"])
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    follower.poll()
    follower.close()
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot-1.log", "copy.log"])
    log.unlink()
    assert counted(bed.follower().poll()) == (3, 3)


def test_what_a_lost_copy_is_found_in_is_a_copy_too(bed: Bed) -> None:
    """The copy's generation holds its place, and so does the log that is still read."""
    log, follower = _begin(bed)
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["copy.log"])
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["copy.log.1"])
    os.truncate(log.with_name("copy.log"), 0)
    assert counted(follower.poll()) == (2, 2)


def test_a_log_that_was_taken_for_the_copy_is_truncated_while_the_other_goes(bed: Bed) -> None:
    """Its place tells that its newest generation is none of new lines."""
    log, follower = _begin(bed)
    _copy(log, ["bot-1.log", "bot.log.1"])
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot-1.log"])
    follower.poll()
    follower.close()
    log.with_name("bot-1.log").unlink()
    _copy(log, ["bot.log.1"])
    os.truncate(log, 0)
    assert counted(bed.follower().poll()) == (1, 1)


def test_a_log_that_was_taken_for_the_copy_outgrows_the_other(bed: Bed) -> None:
    """Both have grown since, the copy by a part of the same lines."""
    log, follower = _begin(bed)
    _copy(log, ["bot-1.log"])
    follower.poll()
    log.unlink()
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot-1.log"])
    follower.poll()
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot-1.log"])
    bed.append("bot.log", bed.lines(1))
    assert counted(follower.poll()) == (3, 3)


def test_a_copy_from_before_the_first_start_is_brought_up_to_date(bed: Bed) -> None:
    """As a nightly ``cp`` does; and it is what is left of the log in the end."""
    log = bed.append("bot.log", bed.lines(3))
    _copy(log, ["bot.log.bak"])
    follower = bed.follower()
    follower.poll()
    bed.append("bot.log", bed.lines(2))
    follower.poll()
    _copy(log, ["bot.log.bak"])
    assert counted(follower.poll()) == (2, 2)
    bed.append("bot.log", bed.lines(1))
    _copy(log, ["bot.log.bak", "bot.log.1"])
    os.truncate(log, 0)
    assert counted(follower.poll()) == (3, 3)


@pytest.mark.parametrize("names", [("bot.log.1", "bot.log.2"), ("x.log", "y.log")])
@pytest.mark.parametrize("newest", [0, 1])
def test_the_longest_copy_is_read_on_whichever_is_newest(
    bed: Bed, names: tuple[str, str], newest: int
) -> None:
    """A person may have touched the earlier one."""
    log, follower = _begin(bed)
    for lines, name in enumerate(("", *names), 1):
        bed.append("bot.log", bed.lines(lines))
        if name:
            _copy(log, [name])
        else:
            follower.poll()
    os.truncate(log, 0)
    for place, name in enumerate(names):
        when = 2_000_000_000 + (place == newest)
        os.utime(log.with_name(name), (when, when))
    assert counted(follower.poll()) == (6, 6)


@pytest.mark.parametrize("original_grows", [True, False])
def test_what_was_copied_before_it_is_written_to_does_not_count(
    bed: Bed, original_grows: bool
) -> None:
    """A copy that has lines of its own when it is first looked at begins where they do."""
    log, follower = _begin(bed)
    bed.append("bot.log", bed.lines(3))
    follower.poll()
    _copy(log, ["x.log"])
    bed.append("x.log", bed.lines(1))
    if original_grows:
        bed.append("bot.log", bed.lines(5))
    follower.poll()
    assert counted(follower.poll()) == ((9, 9) if original_grows else (4, 4))
