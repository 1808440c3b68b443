"""Releasing a latch: exactly what was approved, with a way back, and contained throughout."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from exporter.config import Bot
from exporter.sources.bot import read_kill_switch
from remediation.actuators.bot import BotActuator
from remediation.actuators.latch import released_state
from remediation.errors import ActionError, ActionReason
from tests.actuators.conftest import tree

TRIPPED = {
    "tripped": True,
    "reason": "5 consecutive errors",
    "counters": {"consecutive_errors": 5, "loss": "1.10"},
    "updated": "2026-11-24T05:00:00+00:00",
}


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """Where the receiver keeps copies."""
    return tmp_path / "data/backups/inc-1"


def _digest(bot: Bot) -> str:
    return read_kill_switch(bot).digest


def test_flag_and_state_become_our_pause(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, backups: Path
) -> None:
    """Untripped, counters kept, the rest as it was; the bot stays contained until the lift."""
    state.write_text(json.dumps(TRIPPED))
    flag.write_text("5 consecutive errors\n")
    paths = hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert json.loads(state.read_text()) == TRIPPED | {"tripped": False, "reason": None}
    reading = read_kill_switch(bot)
    assert (reading.paused, reading.engaged, reading.pause_incident) == (True, False, "inc-1")
    assert [Path(path).read_text() for path in paths] == [
        "5 consecutive errors\n",
        json.dumps(TRIPPED),
    ]
    hands.lift(bot, "inc-1")
    assert not read_kill_switch(bot).flag_present


def test_counters_are_reset_only_when_asked(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, backups: Path
) -> None:
    """Numbers to zero, names kept."""
    state.write_text(json.dumps(TRIPPED))
    flag.touch()
    hands.release_latch(bot, "inc-1", _digest(bot), backups, reset_counters=True)
    assert json.loads(state.read_text())["counters"] == {"consecutive_errors": 0, "loss": None}


@pytest.mark.parametrize("what", ["flag touched", "flag edited", "state changed", "flag gone"])
def test_a_change_since_the_approval_stops_it(
    *,
    hands: BotActuator,
    bot: Bot,
    flag: Path,
    state: Path,
    backups: Path,
    what: str,
) -> None:
    """The approval was for something else: nothing is written, nothing is copied."""
    state.write_text(json.dumps(TRIPPED))
    flag.touch()
    digest = _digest(bot)
    if what == "flag touched":
        os.utime(flag, ns=(1, 1))
    elif what == "flag edited":
        flag.write_text("I look into it")
    elif what == "state changed":
        state.write_text(json.dumps(TRIPPED | {"reason": "risk limit"}))
    else:
        flag.unlink()
    before = tree(flag.parent)
    with pytest.raises(ActionError) as caught:
        hands.release_latch(bot, "inc-1", digest, backups)
    assert caught.value.reason is ActionReason.CHANGED
    assert tree(flag.parent) == before
    assert not backups.exists()


def test_a_pause_is_not_a_latch(hands: BotActuator, bot: Bot, state: Path, backups: Path) -> None:
    """There is nothing to release where nothing is engaged."""
    state.write_text('{"tripped": false}')
    hands.pause(bot, "inc-1")
    with pytest.raises(ActionError, match="not engaged"):
        hands.release_latch(bot, "inc-1", _digest(bot), backups)


def _directory(state: Path) -> None:
    state.mkdir()
    (state / "inside").write_text("kept")


def _loop(state: Path) -> None:
    state.symlink_to(state.name)


def _dangling(state: Path) -> None:
    state.symlink_to("nowhere.json")


def _not_utf8(state: Path) -> None:
    state.write_bytes(b'{"tripped": "\xff\xfe"}')


def _truncated(state: Path) -> None:
    state.write_text(json.dumps(TRIPPED)[:30])


def _list(state: Path) -> None:
    state.write_text("[true]")


def _huge(state: Path) -> None:
    state.write_bytes(b" " * (2 << 20))


def _missing(state: Path) -> None:
    state.unlink(missing_ok=True)


@pytest.mark.parametrize(
    "spoil", [_directory, _loop, _dangling, _not_utf8, _truncated, _list, _huge, _missing]
)
def test_an_unreadable_state_is_replaced_and_kept(
    *,
    hands: BotActuator,
    bot: Bot,
    flag: Path,
    state: Path,
    backups: Path,
    spoil: object,
) -> None:
    """A fresh, untripped state stands in its place; what was there still exists."""
    assert callable(spoil)
    spoil(state)
    flag.touch()
    present = os.path.lexists(state)
    paths = hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert json.loads(state.read_text()) == {"tripped": False, "reason": None, "counters": {}}
    assert not state.is_symlink()
    assert read_kill_switch(bot).paused
    assert len(paths) == 1 + present
    assert all(os.path.lexists(path) for path in paths)
    if spoil is _directory:
        assert (Path(paths[-1]) / "inside").read_text() == "kept"


def test_a_state_behind_a_link_stays_behind_it(
    *,
    hands: BotActuator,
    bot: Bot,
    flag: Path,
    state: Path,
    backups: Path,
    tmp_path: Path,
) -> None:
    """The owner's arrangement of disks is not ours to change."""
    real = tmp_path / "real.json"
    real.write_text(json.dumps(TRIPPED))
    state.symlink_to(real)
    flag.touch()
    hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert state.is_symlink()
    assert json.loads(real.read_text())["tripped"] is False


def test_a_tripped_state_without_a_flag_is_contained_first(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, backups: Path
) -> None:
    """The pause exists before the state says that trading is allowed."""
    state.write_text(json.dumps(TRIPPED))
    hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert flag.exists()
    assert read_kill_switch(bot).pause_incident == "inc-1"


def test_a_bot_that_tripped_under_our_pause_is_released_into_this_incidents_pause(
    hands: BotActuator, bot: Bot, state: Path, backups: Path
) -> None:
    """The older pause is replaced, so that the run that released it may lift it."""
    hands.pause(bot, "inc-0")
    state.write_text(json.dumps(TRIPPED))
    hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert read_kill_switch(bot).pause_incident == "inc-1"


def test_with_a_pause_flag_the_kill_switch_flag_is_removed(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, backups: Path
) -> None:
    """Contained by the bot's own pause flag; a copy of the latch remains."""
    paths = msgspec.structs.replace(bot.paths, pause_flag="state/pause.flag")
    bot = msgspec.structs.replace(bot, paths=paths)
    state.write_text(json.dumps(TRIPPED))
    flag.write_text("stop")
    kept = hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert not flag.exists()
    assert read_kill_switch(bot).paused
    assert Path(kept[0]).read_text() == "stop"


def test_a_directory_as_flag_is_left_to_a_person(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, backups: Path
) -> None:
    """It cannot be replaced in one step, so it is refused before anything is written."""
    state.write_text(json.dumps(TRIPPED))
    flag.mkdir()
    with pytest.raises(ActionError, match="a person has to remove it"):
        hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert json.loads(state.read_text()) == TRIPPED


def test_copies_are_never_overwritten(
    hands: BotActuator, bot: Bot, flag: Path, backups: Path
) -> None:
    """A second release of the same incident keeps the first one's evidence."""
    for content in ("first", "second"):
        flag.write_text(content)
        hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert (backups / flag.name).read_text() == "first"
    assert (backups / f"{flag.name}.1").read_text() == "second"


def test_the_state_keeps_its_mode(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, backups: Path
) -> None:
    """A private file stays private."""
    state.write_text(json.dumps(TRIPPED))
    state.chmod(0o600)
    flag.touch()
    hands.release_latch(bot, "inc-1", _digest(bot), backups)
    assert state.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{"active": true, "counters": {"n": 1.50}}',
            '{"active":false,"counters":{"n":1.50},"reason":null}',
        ),
        (
            '{"triggered": true, "tripped": true, "x": 12345678901234567890123}',
            '{"triggered":false,"tripped":false,"x":12345678901234567890123,"reason":null}',
        ),
        (
            '{"engaged": true, "counters": {"n": 2}}',
            '{"tripped":false,"reason":null,"counters":{"n":2}}',
        ),
        ('{"tripped": 1}', '{"tripped":false,"reason":null}'),
        ('{"tripped": NaN}', '{"tripped":false,"reason":null,"counters":{}}'),
    ],
    ids=["active", "two", "other word", "number", "nan"],
)
def test_the_state_is_rewritten_in_the_bots_own_words(before: str, after: str) -> None:
    """Known switches are turned, numbers keep their text, unknown words are dropped."""
    assert released_state(before.encode(), reset_counters=False).decode() == after + "\n"
