"""What systemd says of a unit, in its own words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.systemd import parse

_TREES = Path(__file__).parent / "trees"


def _output(active: str, sub: str, result: str = "success", pid: str = "0") -> str:
    return (
        f"LoadState=loaded\nActiveState={active}\nSubState={sub}\nResult={result}\nMainPID={pid}\n"
    )


def test_a_running_unit() -> None:
    """Its main pid is the bot."""
    unit = parse("bot.service", _output("active", "running", pid="4711"))
    assert unit.main_pid == 4711
    assert not unit.restarting
    assert not unit.stopped_cleanly


def test_between_two_automatic_starts() -> None:
    """Its supervisor is at work; nobody else should start it."""
    assert parse("b", _output("activating", "auto-restart", "exit-code")).restarting


def test_stopped_and_failed_are_told_apart() -> None:
    """Only an intended stop is clean."""
    assert parse("b", _output("inactive", "dead")).stopped_cleanly
    assert not parse("b", _output("failed", "failed", "signal")).stopped_cleanly
    assert not parse("b", _output("inactive", "dead", "exit-code")).stopped_cleanly


@pytest.mark.parametrize(
    ("output", "reason"),
    [("LoadState=not-found\nActiveState=inactive\n", Reason.MISSING), ("", Reason.INVALID)],
)
def test_an_unknown_unit_is_no_stopped_bot(output: str, reason: Reason) -> None:
    """A misspelt unit must not read as a bot that is down."""
    with pytest.raises(SourceError) as caught:
        parse("b", output)
    assert caught.value.reason is reason


def test_a_captured_unit_that_runs() -> None:
    """Its cgroup, how often it was restarted, and which run this is."""
    unit = parse("calm.service", (_TREES / "v2/show-calm.txt").read_text())
    assert unit.main_pid == 728
    assert unit.control_group == "/bots.slice/calm.service"
    assert unit.restarts == 0
    assert unit.oom_run is None


def test_a_captured_unit_that_the_oom_killer_ended() -> None:
    """Failed, without a cgroup, and the verdict names the run."""
    unit = parse("oomstop.service", (_TREES / "v2/show-oomstop.txt").read_text())
    assert (unit.result, unit.control_group, unit.main_pid) == ("oom-kill", None, None)
    assert unit.oom_run == unit.invocation == "75d5a2661ac347588db632fca9b8b496"
    assert not unit.stopped_cleanly


def test_an_older_systemd_says_less() -> None:
    """No count is not a count of zero, and a verdict without a run's name is one all the same."""
    unit = parse("b", _output("failed", "failed", "oom-kill"))
    assert unit.restarts is None
    assert unit.oom_run == "restart None"


@given(st.text())
def test_no_output_breaks_it(text: str) -> None:
    """A unit, or a reason why there is none."""
    try:
        unit = parse("b", f"ActiveState=active\nMainPID={text}\nNRestarts={text}\n{text}")
    except SourceError:
        return
    assert unit.main_pid is None or unit.main_pid > 0
    assert unit.restarts is None or unit.restarts >= 0
