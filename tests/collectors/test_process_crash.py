"""Process metrics: up never vanishes, and a clean stop is not a crash."""

from dataclasses import replace

import pytest

from exporter.collectors import process_crash
from exporter.readings import ExitKind
from tests.collectors.snapshots import NOW, RUNNING, healthy, samples

_DOWN = replace(RUNNING, up=False, pids=(), start_time=None)


def test_a_running_bot() -> None:
    """Every figure is there."""
    found = samples(process_crash)
    assert found["process_up"] == 1
    assert found["process_instances"] == 1
    assert found['process_mode{mode="live"}'] == 1
    assert found['process_mode{mode="dry_run"}'] == 0
    assert found["process_start_time_seconds"] == NOW - 3600
    assert found["process_last_exit_clean"] == 0
    assert found["process_unclean_exits_total"] == 1
    assert found["last_heartbeat_timestamp_seconds"] == NOW - 2
    assert found["heartbeat_max_age_threshold_seconds"] == 120


@pytest.mark.parametrize(
    ("end", "clean"), [(ExitKind.CLEAN, 1), (ExitKind.UNCLEAN, 0), (ExitKind.UNKNOWN, 0)]
)
def test_a_bot_that_is_down(end: ExitKind, clean: int) -> None:
    """Zero, not absent; and only a known clean end excuses it."""
    found = samples(process_crash, healthy(process=replace(_DOWN, last_exit=end), heartbeat=None))
    assert found["process_up"] == 0
    assert found["process_last_exit_clean"] == clean
    assert found["process_instances"] == 0
    assert "process_start_time_seconds" not in found
    assert "last_heartbeat_timestamp_seconds" not in found


def test_a_process_that_cannot_be_told_is_down() -> None:
    """Unknown is not OK; the figures about it vanish."""
    found = samples(process_crash, healthy(process=None))
    assert found["process_up"] == 0
    assert found["process_last_exit_clean"] == 0
    assert "process_instances" not in found


def test_two_bots_show() -> None:
    """The count is what the alert reads."""
    found = samples(process_crash, healthy(process=replace(RUNNING, pids=(1, 2))))
    assert found["process_instances"] == 2


def test_a_dry_run_is_a_mode_and_not_up() -> None:
    """A twin beside a stopped bot."""
    found = samples(process_crash, healthy(process=replace(_DOWN, dry_run_pids=(9,))))
    assert found["process_up"] == 0
    assert found['process_mode{mode="dry_run"}'] == 1


def test_before_the_first_look_up_is_not_claimed() -> None:
    """The exporter's own start is not the bot's crash."""
    assert "process_up" not in samples(process_crash, healthy(polled=False))


def test_restarts_are_counted_whether_it_runs_or_not() -> None:
    """A counter that vanished with the process would lose its increase."""
    found = samples(process_crash, healthy(process=None, restarts=3, polled=False))
    assert found["process_restarts_total"] == 3


def test_memory_is_another_collectors_matter() -> None:
    """One metric, one place."""
    assert not any("memory" in family.name for family in process_crash.FAMILIES)
