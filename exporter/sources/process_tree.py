"""The bot's processes as a whole, and the cgroup that holds them and nothing else."""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

from exporter.sources import cgroup, pseudo_files
from exporter.sources.cgroup import Cgroup

# A login's processes come and go together with whatever the person runs beside the bot.
_LOGIN = re.compile(r"^session-[^/]+\.scope$")


@dataclass(frozen=True)
class Family:
    """The bot's processes with what they have started, and where the kernel counts them.

    ``own`` is the cgroup if it holds nobody else, ``kills`` what it counts; both are None else.
    """

    pids: frozenset[int]
    cgroup: Cgroup | None
    own: Cgroup | None
    kills: int | None


def look(pids: Collection[int], *, root: Path = cgroup.ROOT, proc: Path = cgroup.PROC) -> Family:
    """Look once, for all who want to know."""
    everybody = tree(pids, proc=proc)
    group = cgroup.of_process(min(pids), root=root, proc=proc) if pids else None
    own = group if group is not None and _is_own(group, pids, everybody) else None
    return Family(everybody, group, own, cgroup.oom_kills(own) if own else None)


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


def _is_own(group: Cgroup, pids: Collection[int], everybody: frozenset[int]) -> bool:
    """Whether nothing runs in a cgroup but the bot and what it was started through.

    A kill in any other may be of somebody else: in the root's, in a login's, in one that the
    exporter shares.
    """
    if group.is_root or _LOGIN.match(group.directory.name):
        return False
    members = cgroup.members(group)
    if not members or os.getpid() in members:
        return False
    strangers = members - everybody
    return not strangers or strangers <= _ancestors(min(pids))


def _children(pid: int, proc: Path) -> list[int]:
    """Return the direct children (proc(5), task/children), by asking all processes if need be."""
    try:
        tasks = os.listdir(f"{proc}/{pid}/task")  # noqa: PTH208 - names are enough
    except OSError:
        tasks = []
    texts = [pseudo_files.text(f"{proc}/{pid}/task/{task}/children") for task in tasks]
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
