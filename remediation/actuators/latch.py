"""Release a latched kill switch: one approved act on flag and state together.

The order leaves the bot contained at every moment: a copy of both files, then
the state, then the flag, which does not vanish but becomes a pause of ours.
"""

import stat
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from exporter.config import Bot
from exporter.errors import SourceError
from exporter.readings import KillSwitchReading
from exporter.sources import files
from exporter.sources.bot import read_kill_switch
from remediation.actuators import durable, flag
from remediation.errors import ActionError, ActionReason

_SWITCHES = ("tripped", "active", "triggered")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def release(
    bot: Bot, incident: str, digest: str, backup_dir: Path, *, now: float, reset_counters: bool
) -> tuple[str, ...]:
    """Turn exactly the approved latch into a pause and return the backups' paths.

    1. The switch must still be what was approved.
    2. Copy both files.
    3. Contain: a pause, if no flag is set.
    4. Rewrite the state untripped.
    5. Replace the flag by our pause.
    6. Read both again.

    Raises:
        ActionError: CHANGED, FORBIDDEN or IO; the latch, or a pause, still holds.
    """
    check_digest(bot, digest)
    switch_file = files.path(bot, bot.paths.kill_switch_flag)
    held_file = files.path(bot, bot.paths.pause_flag or bot.paths.kill_switch_flag)
    state_file = files.path(bot, bot.paths.kill_switch_state)
    with durable.reported(f"release {bot.name}'s kill switch"):
        flags = {file: flag.look(file) for file in (switch_file, held_file)}
        for file, seen in flags.items():
            if seen is not None and not seen.plain:
                raise ActionError(
                    ActionReason.FORBIDDEN,
                    f"{file} is not a file; a person has to remove it",
                    permanent=True,
                )
        durable.make_directory(backup_dir)
        backups = [durable.back_up(file, backup_dir) for file, seen in flags.items() if seen]
        if _is_plain(state_file):
            backups.append(durable.back_up(state_file, backup_dir))
        check_digest(bot, digest)
        mark = flag.new_mark(incident, now)
        held = flags[held_file]
        if held is None:
            _contain(held_file, incident, now)
        backups += _rewrite_state(bot, state_file, reset_counters=reset_counters)
        if held is not None:
            flag.swap_in_pause(held_file, held, mark)
        switch = flags[switch_file]
        if switch_file != held_file and switch is not None:
            flag.take_away(switch_file, switch)
    after = read_kill_switch(bot)
    if not after.paused:
        raise ActionError(ActionReason.CHANGED, f"after the release: {after.reason}")
    return tuple(str(path) for path in backups)


def check_digest(bot: Bot, digest: str) -> KillSwitchReading:
    """Return the switch as it is now if it is engaged and has this digest.

    Raises:
        ActionError: CHANGED.
    """
    # A missing state file reads differently before and after it was ever seen.
    readings = [read_kill_switch(bot, seen=seen) for seen in (True, False)]
    match = next((reading for reading in readings if reading.digest == digest), None)
    if match is None:
        raise ActionError(
            ActionReason.CHANGED,
            f"the kill switch is not what was approved any more: {readings[0].reason}",
        )
    if not match.engaged:
        raise ActionError(ActionReason.CHANGED, "the kill switch is not engaged")
    return match


def released_state(data: bytes | None, *, reset_counters: bool) -> bytes:
    """Return the state file's new content.

    What cannot be read, or says "tripped" in words we do not know, is replaced by
    a fresh state: guessing here would release more than was understood.
    """
    fresh: dict[str, Any] = {"tripped": False, "reason": None, "counters": {}}
    try:
        body = files.parse_json(data or b"")
    except SourceError:
        return _encode(fresh)
    if not isinstance(body, dict):
        return _encode(fresh)
    switches = [name for name in _SWITCHES if name in body]
    if not switches:
        body = fresh | {"counters": body.get("counters", {})}
    body |= dict.fromkeys(switches, False) | {"reason": None}
    if reset_counters and "counters" in body:
        body["counters"] = _zero(body["counters"])
    try:
        return _encode(body)
    except (ValueError, TypeError, UnicodeError):
        return _encode(fresh)


def _rewrite_state(bot: Bot, file: Path, *, reset_counters: bool) -> list[Path]:
    moved = []
    data = None
    if _is_plain(file):
        if file.is_file():
            file = file.resolve()  # a link to the real file stays a link
            data = _read(file)
    elif _exists(file):
        moved.append(durable.move_aside(file, "unreadable"))
    durable.replace(file, released_state(data, reset_counters=reset_counters))
    after = read_kill_switch(bot)
    if after.tripped is not False:
        raise ActionError(ActionReason.CHANGED, f"the state did not stay released: {after.reason}")
    return moved


def _contain(file: Path, incident: str, now: float) -> None:
    try:
        flag.set_pause(file, flag.new_mark(incident, now))
    except FileExistsError as error:
        raise ActionError(ActionReason.CHANGED, f"{file} was set meanwhile") from error


def _read(file: Path) -> bytes | None:
    try:
        return files.read(file).data
    except SourceError:
        return None


def _is_plain(file: Path) -> bool:
    if not _exists(file):
        return False
    mode = file.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _exists(file: Path) -> bool:
    try:
        file.lstat()
    except FileNotFoundError:
        return False
    return True


def _zero(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _zero(item) for name, item in value.items()}
    if isinstance(value, Decimal):
        return 0
    return None if isinstance(value, str) else value


def _encode(body: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(body) + b"\n"
