"""What systemd says of a unit, in its own words."""

import pytest

from exporter.errors import Reason, SourceError
from exporter.sources.systemd import parse


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
