"""End what an interrupted run left behind: called when the receiver starts."""

import os
from collections.abc import Collection

import psutil

from remediation.actuators.sessions import Spawn, end, find, is_same, marker_of

GRACE = 4.0


def kill_marked(
    step_ids: Collection[str], spawns: Collection[Spawn], *, spared: Collection[int] = ()
) -> list[int]:
    """End every process of the given steps and return the pids that are gone.

    A bot's start command and its children carry no marker: such a session gets
    TERM, never KILL, because the bot itself may be in it.

    Args:
        step_ids: steps whose marker is looked for.
        spawns: journalled leaders; a pid that was given to another process since
            is left alone.
        spared: pids that must not be touched, such as live bots, nor their children.
    """
    marked_ids = {step_id for step_id in step_ids if step_id}
    leaders = [spawn for spawn in spawns if is_same(spawn)]
    sessions = {spawn.pid for spawn in leaders}
    marked_sessions = {spawn.pid for spawn in leaders if _marker(spawn.pid) == spawn.step_id}

    def search() -> list[psutil.Process]:
        return find(marked_ids, sessions, spared)

    def may_kill(process: psutil.Process) -> bool:
        return marker_of(process) in marked_ids or _session(process.pid) in marked_sessions

    ending = end(search, grace=GRACE, may_kill=may_kill)
    return [pid for pid in ending.signalled if pid not in ending.left]


def _marker(pid: int) -> str | None:
    try:
        return marker_of(psutil.Process(pid))
    except psutil.Error:
        return None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
