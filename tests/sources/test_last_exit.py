"""Crash, clean stop, or unknown: from what the bot wrote last."""

import os
from pathlib import Path

import pytest

from exporter.config import ExporterSettings
from exporter.readings import ExitKind
from exporter.sources.last_exit import read_last_exit
from exporter.watches.local import LocalWatch
from tests.sources.bots import make_bot, write

_LATER = 60


def _age(file: Path, seconds: float) -> None:
    moment = file.stat().st_mtime - seconds
    os.utime(file, (moment, moment))


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("Starting (mode live)\nShutdown complete\n", ExitKind.CLEAN),
        ("Starting (mode live)\nShutdown complete\n\n \n", ExitKind.CLEAN),
        ("Shutdown complete\nStarting (mode live)\n", ExitKind.UNCLEAN),
        ("Starting (mode live)\nINFO trade\n", ExitKind.UNCLEAN),
        ("", ExitKind.UNKNOWN),
        (
            "Starting (mode live)\nINFO trade\nStarting (mode dry-run)\nShutdown complete\n",
            ExitKind.UNCLEAN,
        ),
        (
            "Starting (mode live)\nShutdown complete\nStarting (mode dry-run)\nShutdown complete\n",
            ExitKind.CLEAN,
        ),
    ],
)
def test_how_the_last_run_ended(root: Path, log: str, expected: ExitKind) -> None:
    """The last line of the last live run; a dry run's clean end is not the bot's."""
    write(root, "logs/bot.log", log)
    assert read_last_exit(make_bot(root), None) is expected


@pytest.mark.parametrize(
    "after", ["doctor: all checks passed\n", "ERROR Unclosed client session\n" * 30]
)
def test_what_others_write_behind_a_clean_end_does_not_unmake_it(root: Path, after: str) -> None:
    """The last run said goodbye; a doctor or an exit handler may speak after it."""
    write(
        root, "logs/bot.log", f"INFO Starting TradingBot2 (mode live)\nShutdown complete\n{after}"
    )
    assert read_last_exit(make_bot(root), None) is ExitKind.CLEAN


def test_without_a_logged_start_only_last_words_count(root: Path) -> None:
    """A clean end far up may be an earlier run's."""
    write(root, "logs/bot.log", "Shutdown complete\n" + "INFO trade\n" * 30)
    assert read_last_exit(make_bot(root), None) is ExitKind.UNCLEAN


def test_a_dry_run_by_hand_says_nothing(root: Path) -> None:
    """Its log is the newest, but it is not the bot's."""
    _age(write(root, "logs/bot.log", "Starting (mode live)\nINFO trade\n"), _LATER)
    write(root, "logs/try.log", "Starting (dry-run mode)\nShutdown complete\n")
    assert read_last_exit(make_bot(root), None) is ExitKind.UNCLEAN


def test_a_long_later_log_is_a_later_run(root: Path) -> None:
    """Its start may lie before what is read of it."""
    _age(write(root, "logs/yesterday.log", "Shutdown complete\n"), _LATER)
    write(root, "logs/today.log", "INFO trade, and much else besides\n" * 20_000)
    assert read_last_exit(make_bot(root), None) is ExitKind.UNCLEAN


def test_no_log_at_all_is_unknown(root: Path) -> None:
    """Nothing to read is no crash."""
    assert read_last_exit(make_bot(root), None) is ExitKind.UNKNOWN


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ("2026-01-01 INFO Starting TradingBot2 (mode live)\nINFO trade\n", ExitKind.UNCLEAN),
        ("doctor: all checks passed\n", ExitKind.UNKNOWN),
        ("", ExitKind.CLEAN),
    ],
    ids=["a later run", "a doctor's log", "an empty file"],
)
def test_a_log_written_after_a_clean_end(root: Path, later: str, expected: ExitKind) -> None:
    """Only a later start makes a clean end a crash; what nobody knows is nobody's crash."""
    _age(write(root, "logs/bot.log", "Shutdown complete\n"), _LATER)
    write(root, "logs/other.log", later)
    assert read_last_exit(make_bot(root), None) is expected


def test_a_rotated_log_is_unknown(root: Path) -> None:
    """After logrotate the old file is out of sight and the new one is empty."""
    _age(write(root, "logs/errors.log", "ERROR once\n"), _LATER)
    write(root, "logs/bot.log", "")
    assert read_last_exit(make_bot(root), None) is ExitKind.UNKNOWN


def test_the_exporter_remembers_a_clean_stop(root: Path) -> None:
    """A stopped bot does not crash at midnight because its log was rotated."""
    log = write(root, "logs/bot.log", "Shutdown complete\n")
    watch = LocalWatch(make_bot(root), ExporterSettings(data_dir=None))
    watch.round()
    log.write_text("")
    watch.round()
    reading = watch.process.current()
    assert reading is not None
    assert reading.last_exit is ExitKind.CLEAN
