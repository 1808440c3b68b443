"""Our pause against a person's flag: content, mtime, and races between the two."""

import errno
import json
import os
from pathlib import Path

import msgspec
import pytest

from exporter.config import Bot
from exporter.sources.bot import read_kill_switch
from exporter.sources.pause import decode
from remediation.actuators import durable
from remediation.actuators.bot import BotActuator
from remediation.errors import ActionError, ActionReason


def _refused(reason: ActionReason) -> pytest.RaisesExc[ActionError]:
    return pytest.RaisesExc(ActionError, check=lambda error: error.reason is reason)


def test_a_pause_is_recognised_by_its_file_alone(hands: BotActuator, bot: Bot, flag: Path) -> None:
    """The exporter sees a pause of this incident, not an engaged kill switch."""
    assert "paused" in hands.pause(bot, "inc-1")
    reading = read_kill_switch(bot, seen=False)
    assert (reading.paused, reading.engaged, reading.pause_incident) == (True, False, "inc-1")
    mark = decode(flag.read_bytes())
    assert mark is not None
    assert mark.mtime_ns == flag.stat().st_mtime_ns
    assert mark.mtime_ns % 2_000_000_000 == 0
    assert [path.name for path in flag.parent.iterdir()] == [flag.name]


def test_an_older_pause_of_ours_is_kept(hands: BotActuator, bot: Bot, flag: Path) -> None:
    """A second incident joins the first one's pause instead of taking it over."""
    hands.pause(bot, "inc-1")
    before = flag.stat()
    assert "inc-1" in hands.pause(bot, "inc-2")
    assert (flag.stat().st_ino, flag.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, "inc-2")
    assert "inc-1" in hands.lift(bot, None)
    assert not flag.exists()


@pytest.mark.parametrize("content", [b"", b"stop", b"{}", b"\xff\xfe"], ids=repr)
def test_a_persons_flag_is_a_latch(
    hands: BotActuator, bot: Bot, flag: Path, content: bytes
) -> None:
    """Not paused over, not lifted, not changed in any way."""
    flag.write_bytes(content)
    before = flag.stat()
    with _refused(ActionReason.FORBIDDEN):
        hands.pause(bot, "inc-1")
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, None)
    after = flag.stat()
    assert flag.read_bytes() == content
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_plain_touch_turns_our_pause_into_a_latch(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """The content is still ours, the mtime is not: nobody but a person lifts it."""
    hands.pause(bot, "inc-1")
    flag.touch()
    assert read_kill_switch(bot, seen=False).engaged
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, "inc-1")
    assert flag.exists()


def test_a_changed_content_with_the_old_mtime_is_a_latch(
    hands: BotActuator, bot: Bot, flag: Path
) -> None:
    """Only exactly our bytes at exactly our time are ours."""
    hands.pause(bot, "inc-1")
    mtime = flag.stat().st_mtime_ns
    flag.write_bytes(flag.read_bytes() + b"\n")
    os.utime(flag, ns=(mtime, mtime))
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, "inc-1")
    assert flag.exists()


@pytest.mark.parametrize("kind", ["directory", "dangling link", "link to our pause"])
def test_a_flag_that_is_no_file_is_a_latch(
    hands: BotActuator, bot: Bot, flag: Path, kind: str
) -> None:
    """Presence counts; a link to a good pause is not a pause."""
    if kind == "directory":
        flag.mkdir()
    elif kind == "dangling link":
        flag.symlink_to("nowhere")
    else:
        hands.pause(bot, "inc-1")
        flag.rename(flag.with_name("elsewhere"))
        flag.symlink_to("elsewhere")
    with _refused(ActionReason.FORBIDDEN):
        hands.pause(bot, "inc-1")
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, "inc-1")
    assert os.path.lexists(flag)


def test_nothing_to_lift_is_no_failure(hands: BotActuator, bot: Bot) -> None:
    """A pause that a person removed is as lifted as can be."""
    assert hands.lift(bot, "inc-1") == "no pause is set"


@pytest.mark.parametrize("content", ['{"tripped": true}', '{"tripped": tr'], ids=["set", "torn"])
def test_our_pause_stays_while_the_state_is_tripped_or_unreadable(
    hands: BotActuator, bot: Bot, flag: Path, state: Path, content: str
) -> None:
    """A bot that tripped during our pause is latched, whatever the flag says."""
    hands.pause(bot, "inc-1")
    state.write_text(content)
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, "inc-1")
    assert flag.exists()


def test_a_pause_flag_of_its_own_leaves_the_kill_switch_alone(
    hands: BotActuator, bot: Bot, root: Path, flag: Path
) -> None:
    """With paths.pause_flag the kill switch is never written, and a latch there blocks a lift."""
    paths = msgspec.structs.replace(bot.paths, pause_flag="state/pause.flag")
    bot = msgspec.structs.replace(bot, paths=paths)
    hands.pause(bot, "inc-1")
    assert not flag.exists()
    flag.touch()
    assert "kept" in hands.pause(bot, "inc-2")
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, "inc-1")
    assert (root / "state/pause.flag").exists()
    flag.unlink()
    hands.lift(bot, "inc-1")
    assert not (root / "state/pause.flag").exists()


def test_a_missing_state_directory_is_one_clear_line(
    hands: BotActuator, bot: Bot, root: Path
) -> None:
    """Containment that cannot be written is a failure, never a success."""
    (root / "state").rmdir()
    with pytest.raises(ActionError, match="cannot pause alpha") as caught:
        hands.pause(bot, "inc-1")
    assert caught.value.reason is ActionReason.IO


def test_engage_sets_a_latch_that_we_cannot_lift(
    hands: BotActuator, bot: Bot, flag: Path, state: Path
) -> None:
    """A tripped state gets its flag; the flag is a latch even after the state is gone."""
    state.write_text('{"tripped": true}')
    assert "latched" in hands.engage(bot, "inc-1")
    assert json.loads(flag.read_text()) == {"tradewarden_latch": {"incident": "inc-1"}}
    assert "already" in hands.engage(bot, "inc-2")
    state.unlink()
    with _refused(ActionReason.FORBIDDEN):
        hands.lift(bot, None)


def test_without_hard_links_a_flag_is_still_created_exclusively(flag: Path) -> None:
    """The fallback never replaces, and gives content and mtime all the same."""

    def no_links(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted", source, None, target)

    durable.create(flag, b"content", mtime_ns=10**18, link=no_links)
    assert flag.read_bytes() == b"content"
    assert flag.stat().st_mtime_ns == 10**18
    with pytest.raises(FileExistsError):
        durable.create(flag, b"other", link=no_links)
    assert flag.read_bytes() == b"content"
    assert [path.name for path in flag.parent.iterdir()] == [flag.name]


def test_a_write_that_fails_leaves_nothing_behind(flag: Path) -> None:
    """A file name that is taken by a directory: the old stays, no temporary file remains."""
    flag.mkdir()
    with pytest.raises(OSError, match="directory"):
        durable.replace(flag, b"content")
    assert [path.name for path in flag.parent.iterdir()] == [flag.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_new_files_belong_to_the_bots_user(hands: BotActuator, bot: Bot, root: Path) -> None:
    """A receiver that runs as root must not lock the bot out of its own state."""
    os.chown(root / "state", 12345, 12346)
    hands.pause(bot, "inc-1")
    status = (root / "state/kill_switch.flag").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12345, 12346, 0o644)
