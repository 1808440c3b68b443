"""Tails of the bot's logs: bounded, newest, harmless to print."""

import gzip
import os
from pathlib import Path

from exporter.sources.bot import read_log_tail, read_recent_errors
from exporter.sources.logs import tail_lines
from tests.sources.bots import make_bot, write


def _log(root: Path, name: str, content: bytes | str, age: float) -> None:
    file = write(root, f"logs/{name}", content)
    moment = file.stat().st_mtime - age
    os.utime(file, (moment, moment))


def test_the_tail_runs_over_rotated_files_in_order(root: Path) -> None:
    """A rotation just before a crash does not hide what led to it."""
    _log(root, "bot.1.log", "one\ntwo\n", 60)
    _log(root, "bot.log", "three\n", 0)
    bot = make_bot(root)
    assert read_log_tail(bot) == ("one", "two", "three")
    assert read_log_tail(bot, lines=2) == ("two", "three")


def test_without_logs_there_is_nothing(root: Path) -> None:
    """Evidence is optional; its absence is not an error."""
    assert read_log_tail(make_bot(root)) == ()
    assert read_recent_errors(make_bot(root)) == ()


def test_errors_are_picked_out(root: Path) -> None:
    """The runbook's own examples count as errors."""
    _log(
        root,
        "bot.log",
        "INFO fine\nERROR bad\nConnection refused\nINFO Kill switch triggered: x\n"
        "Traceback (most recent call last):\nValueError: no\nINFO no terrors here\n",
        0,
    )
    found = read_recent_errors(make_bot(root), lines=4)
    assert found == (
        "Connection refused",
        "INFO Kill switch triggered: x",
        "Traceback (most recent call last):",
        "ValueError: no",
    )


def test_strange_bytes_do_no_harm(root: Path) -> None:
    """Terminal escapes, bad UTF-8, pipes and archives neither raise nor act."""
    _log(root, "bot.log", b"a\x1b[2Jb\xff\r\nlast\x00", 0)
    _log(root, "old.log.gz", gzip.compress(b"x"), 0)
    os.mkfifo(root / "logs/pipe.log")
    (root / "logs/dir.log").mkdir()
    assert read_log_tail(make_bot(root)) == ("a?[2Jb\ufffd", "last?")


def test_only_the_end_of_a_large_log_is_read(root: Path) -> None:
    """The first, cut line is left out and long lines are shortened."""
    file = write(root, "logs/bot.log", b"x" * 5000 + b"\n" + b"y" * 5000 + b"\nend\n")
    assert tail_lines(file, limit=20) == ["end"]
    assert [len(line) for line in tail_lines(file)] == [2000, 2000, 3]
