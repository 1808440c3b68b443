"""The bot's kill switch: flag by presence, state file by content, fail closed.

Everything that is not exactly an absent flag (or our own unchanged pause) beside
a readable, untripped state counts as engaged (design §4, §5, §7).
"""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import KillSwitchReading
from exporter.sources import files, pause

_FLAG_LIMIT = 64 * 1024
_SWITCHES = ("tripped", "active", "triggered")
_TIME_WORDS = frozenset({"at", "time", "timestamp", "ts", "updated", "date", "seen"})


@dataclass(frozen=True)
class _Flag:
    """One flag path: absent, our pause, or anything else."""

    present: bool
    valid: bool
    reason: str
    incident: str | None
    digest: bytes


@dataclass(frozen=True)
class _State:
    """The state file; ``tripped`` is None when it cannot be known."""

    tripped: bool | None
    valid: bool
    reason: str
    digest: bytes


def read_kill_switch(bot: Bot, *, seen: bool = True) -> KillSwitchReading:
    """Judge flag and state file together; never raises.

    Args:
        bot: whose files to read.
        seen: the state file has existed before, so a missing one counts as engaged.
    """
    flag = _read_flag(
        files.path(bot, bot.paths.kill_switch_flag), ours=bot.paths.pause_flag is None
    )
    flags = [flag]
    if bot.paths.pause_flag is not None:
        flags.append(_read_flag(files.path(bot, bot.paths.pause_flag), ours=True))
    state = _read_state(files.path(bot, bot.paths.kill_switch_state), seen=seen)
    problems = [f.reason for f in flags if f.present and f.incident is None]
    if not files.path(bot, "").is_dir():
        problems.append(f"the bot's root {bot.root} is not a directory")
    if state.tripped is not False:
        problems.append(state.reason)
    pauses = [f.incident for f in flags if f.incident is not None]
    digest = hashlib.sha256()
    for part in (*(f.digest for f in flags), state.digest):
        digest.update(hashlib.sha256(part).digest())
    return KillSwitchReading(
        engaged=bool(problems),
        paused=bool(pauses) and not problems,
        flag_present=any(f.present for f in flags),
        tripped=state.tripped,
        pause_incident=pauses[0] if pauses else None,
        reason="; ".join(problems) or (f"paused by {pauses[0]}" if pauses else "not engaged"),
        digest=digest.hexdigest(),
        flag_valid=all(f.valid for f in flags),
        state_valid=state.valid,
    )


def _read_flag(file: Path, *, ours: bool) -> _Flag:
    """Presence is what counts, so ask about the name itself and follow no link."""
    try:
        status = os.lstat(file)
    except FileNotFoundError:
        return _Flag(present=False, valid=True, reason="", incident=None, digest=b"absent")
    except (OSError, ValueError) as error:
        reason = f"flag {file} cannot be checked: {error}"
        return _Flag(present=True, valid=False, reason=reason, incident=None, digest=b"unknown")
    identity = f"{stat.S_IFMT(status.st_mode)} {status.st_size} {status.st_mtime_ns} ".encode()
    try:
        content = files.read(file, limit=_FLAG_LIMIT, follow=False)
    except SourceError as error:
        reason = f"flag {file} is set ({error.detail})"
        return _Flag(present=True, valid=False, reason=reason, incident=None, digest=identity)
    mark = pause.decode(content.data) if ours else None
    digest = b"%d " % content.mtime_ns + content.data
    if mark is not None and mark.mtime_ns == content.mtime_ns:
        return _Flag(present=True, valid=True, reason="", incident=mark.incident, digest=digest)
    touched = " (a pause of ours, changed since)" if mark is not None else ""
    reason = f"flag {file} is set{touched}"
    return _Flag(present=True, valid=True, reason=reason, incident=None, digest=digest)


def _read_state(file: Path, *, seen: bool) -> _State:
    try:
        return files.read_settled(file, _judge_state)
    except SourceError as error:
        if error.reason is Reason.MISSING and not seen:
            return _State(tripped=False, valid=True, reason="", digest=b"absent")
        return _State(tripped=None, valid=False, reason=error.detail, digest=_raw_digest(file))


def _raw_digest(file: Path) -> bytes:
    """Bind an approval to an unreadable file too, as far as it can be read."""
    try:
        return b"invalid " + files.read(file).data
    except SourceError as error:
        return f"unreadable {error.reason}".encode()


def _judge_state(content: files.Content) -> _State:
    body = files.parse_json(content.data)
    if not isinstance(body, dict):
        raise SourceError(Reason.INVALID, "is not a JSON object")
    switches = {name: body[name] for name in _SWITCHES if name in body}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise SourceError(Reason.INVALID, f"{name} is neither true nor false")
    if not switches and _says_true(body):
        # A switch under a name we do not know must not read as "not tripped".
        raise SourceError(Reason.INVALID, f"has none of {', '.join(_SWITCHES)} but says true")
    tripped = any(switches.values())
    text = f"tripped: {_one_line(body.get('reason'))}" if tripped else ""
    return _State(tripped=tripped, valid=True, reason=text, digest=_meaning(body))


def _meaning(body: dict[str, Any]) -> bytes:
    """What an approval binds of a state: everything but times.

    A bot that writes "last seen" into its state every second would otherwise void
    each approval before it is used.
    """
    told = {name: value for name, value in body.items() if not _is_time(name)}
    return json.dumps(told, sort_keys=True, default=str).encode()


def _is_time(name: str) -> bool:
    words = name.lower().split("_")
    return not _TIME_WORDS.isdisjoint(words)


def _says_true(body: dict[str, Any]) -> bool:
    nested = [v for value in body.values() if isinstance(value, dict) for v in value.values()]
    return any(value is True for value in (*body.values(), *nested))


def _one_line(reason: Any) -> str:
    return " ".join(str(reason).split())[:200] if reason else "no reason given"
