"""Our pause against a person who acts in the middle of what we do."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

from exporter.config import Bot
from exporter.sources.bot import read_kill_switch
from remediation.actuators import flag as flags
from remediation.actuators.bot import BotActuator
from remediation.errors import ActionError, ActionReason


def _refused(reason: ActionReason) -> pytest.RaisesExc[ActionError]:
    return pytest.RaisesExc(ActionError, check=lambda error: error.reason is reason)


def test_a_flag_replaced_between_look_and_rename_is_put_back(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """The rename took somebody else's flag: it returns, byte for byte and moment for moment."""
    hands.pause(bot, "inc-1")
    seen = flags.look(flag)
    assert seen is not None
    flag.unlink()
    flag.write_text("I stopped it")
    theirs = flag.stat()
    with _refused(ActionReason.CHANGED):
        flags.take_away(flag, seen)
    assert flag.read_text() == "I stopped it"
    after = flag.stat()
    assert (after.st_ino, after.st_mtime_ns) == (theirs.st_ino, theirs.st_mtime_ns)
    assert [path.name for path in flag.parent.iterdir()] == [flag.name]


def test_a_flag_touched_between_look_and_rename_is_put_back(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """The same file with a new mtime is a person's decision."""
    hands.pause(bot, "inc-1")
    seen = flags.look(flag)
    flag.touch()
    assert seen is not None
    with _refused(ActionReason.CHANGED):
        flags.take_away(flag, seen)
    assert read_kill_switch(bot, seen=False).engaged


def test_a_touch_that_opened_the_file_before_the_rename_still_counts(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """Its second half meets the file under its other name, and the file returns."""
    hands.pause(bot, "inc-1")
    seen = flags.look(flag)
    assert seen is not None
    with flag.open("ab") as opened, _refused(ActionReason.CHANGED):
        flags.take_away(flag, seen, settle=lambda: os.utime(opened.fileno()))
    assert read_kill_switch(bot, seen=False).engaged


def test_a_directory_put_there_meanwhile_is_put_back(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """What cannot be linked is renamed back."""
    hands.pause(bot, "inc-1")
    seen = flags.look(flag)
    flag.unlink()
    flag.mkdir()
    assert seen is not None
    with _refused(ActionReason.CHANGED):
        flags.take_away(flag, seen)
    assert flag.is_dir()


def test_a_lift_interrupted_in_the_middle_is_undone(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """A receiver that died after its rename leaves no bot without its flag for long."""
    flag.with_name(f".{flag.name}.lifting").write_text("a person's")
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, None)
    assert flag.read_text() == "a person's"


def test_an_interrupted_lift_never_replaces_a_newer_flag(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """Both are kept: the newer one in force, the older one beside it."""
    flag.with_name(f".{flag.name}.lifting").write_text("older")
    flag.write_text("newer")
    with _refused(ActionReason.FORBIDDEN):
        hands.pause(bot, "inc-1")
    assert flag.read_text() == "newer"
    assert (flag.parent / f".{flag.name}.lifting.replaced").read_text() == "older"


@pytest.mark.timeout(600)  # each change is on disk before it counts, and disks may be slow
def test_touches_during_many_lifts_never_get_lost(hands: BotActuator, bot: Bot, flag: Path) -> None:
    """A person's touch at any moment ends with a flag, and the flag is his."""
    for _ in range(60):
        hands.pause(bot, "inc-1")
        gate = threading.Barrier(2)

        def touch(gate: threading.Barrier = gate) -> None:
            gate.wait()
            flag.touch()

        person = threading.Thread(target=touch)
        person.start()
        gate.wait()
        with contextlib.suppress(ActionError):
            hands.lift(bot, "inc-1")
        person.join()
        assert read_kill_switch(bot, seen=False).engaged
        for path in flag.parent.iterdir():
            path.unlink()


@pytest.mark.timeout(600)
def test_two_pauses_at_once_are_one(hands: BotActuator, bot: Bot, flag: Path) -> None:
    """Nobody overwrites: one incident pauses, the other finds it paused."""
    for _ in range(50):
        answers: list[str] = []
        gate = threading.Barrier(2)

        def pause(incident: str, gate: threading.Barrier = gate) -> None:
            gate.wait()
            answers.append(hands.pause(bot, incident))  # noqa: B023 - joined within the loop

        threads = [threading.Thread(target=pause, args=(name,)) for name in ("inc-1", "inc-2")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted("already" in answer for answer in answers) == [False, True]
        hands.lift(bot, None)
