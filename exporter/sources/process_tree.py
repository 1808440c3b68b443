"""The bot's processes as a whole, and the cgroup that holds them and nothing else."""

import os
import re
from collections.abc import Collection
from pathlib import Path

import psutil

from exporter.sources import cgroup, pseudo_files
from exporter.sources.cgroup import Cgroup

# A login's processes come and go together with whatever the person runs beside the bot.
_LOGIN = re.compile(r"^session-[^/]+\.scope$")


def tree(pids: Collection[int], *, proc: Path = cgroup.PROC) -> frozenset[int]:
    """Return the processes and everything they have started that still lives."""
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(_children(pid, proc))
    return frozenset(found)


def own_cgroup(
    pids: Collection[int],
    all_pids: frozenset[int],
    *,
    root: Path = cgroup.ROOT,
    proc: Path = cgroup.PROC,
) -> Cgroup | None:
    """Return the cgroup in which nothing runs but the bot and what it was started through.

    A kill in any other may be of somebody else: in the root's, in a login's, in one that the
    exporter shares.
    """
    group = cgroup.of_process(min(pids), root=root, proc=proc) if pids else None
    if group is None or group.is_root or _LOGIN.match(group.directory.name):
        return None
    members = cgroup.members(group)
    if not members or os.getpid() in members:
        return None
    strangers = members - all_pids
    return group if not strangers or strangers <= _ancestors(min(pids)) else None


def _children(pid: int, proc: Path) -> list[int]:
    """Return the direct children (proc(5), task/children), by asking all processes if need be."""
    try:
        tasks = os.listdir(proc / str(pid) / "task")  # noqa: PTH208 - names are enough
    except OSError:
        tasks = []
    texts = [pseudo_files.text(proc / str(pid) / "task" / task / "children") for task in tasks]
    if texts and None not in texts:
        return [int(word) for text in texts if text for word in text.split()]
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def _ancestors(pid: int) -> frozenset[int]:
    try:
        return frozenset(parent.pid for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return frozenset()
