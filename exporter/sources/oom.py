"""Who says that a process of the bot was killed for want of memory.

Each witness is blind somewhere. The cgroup's counter vanishes with the cgroup, which a
service manager removes as soon as the bot is dead. systemd's verdict ``oom-kill`` lasts
until the next start, and it never comes with cgroup version 1. The kernel's log names every
victim, but not every exporter may read it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from exporter.errors import SourceError
from exporter.readings import OomEvidence, ProcessReading
from exporter.sources import cgroup, evidence
from exporter.sources.cgroup import Cgroup
from exporter.sources.process_tree import Family, look

_LINES = 5000  # more than the kernel's buffer usually holds
# mm/oom_kill.c: "Out of memory: Killed process 4711 (python3) total-vm:…", "Memory cgroup out of
# memory: Killed process …"; pids are those of the first namespace.
_VICTIM = re.compile(r"\bKilled process ([0-9]{1,10}) \(")
# The same kill in the words of Linux 5.0 and later, with the victim's cgroup.
_CONFINED = re.compile(r"\boom-kill:.*,task_memcg=(.*),task=.*,pid=([0-9]{1,10}),uid=")
_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # include/linux/proc_ns.h


class OomWitnesses:
    """Asks all three about one bot; the kernel's log only when another sign calls for it.

    Such signs are a process of the bot's that is gone and a cgroup's counter that has moved.

    Args:
        root: where cgroups are.
        proc: where processes are.
        kernel_lines: the kernel's last messages.
    """

    def __init__(
        self,
        *,
        root: Path = cgroup.ROOT,
        proc: Path = cgroup.PROC,
        kernel_lines: Callable[[int], tuple[str, ...]] = evidence.kernel_lines,
    ) -> None:
        self._root = root
        self._proc = proc
        self._kernel_lines = kernel_lines
        self._own: Cgroup | None = None
        self._tree: frozenset[int] = frozenset()
        self._kills: int | None = None
        self._told: frozenset[str] | None = None

    def read(self, process: ProcessReading, family: Family | None = None) -> OomEvidence:
        """Return what the witnesses say now.

        Args:
            process: the bot's processes.
            family: what was just seen of them; looked for by default.
        """
        if family is None:
            family = look(process.pids, root=self._root, proc=self._proc)
        if self._told is None:
            self._told = self._victim_lines()
        pids = family.pids
        before, self._tree = self._tree, pids
        own = self._find_own(process, family)
        kills = family.kills if process.pids else _kills_of(own)
        sign = bool(before - pids) or kills not in (None, self._kills)
        self._kills = kills
        return OomEvidence(
            births=process.births,
            cgroup=own.identity if own else None,
            cgroup_kills=kills,
            unit_run=process.oom_run,
            log_kills=self._count_victims(before | pids) if sign else 0,
        )

    def _find_own(self, process: ProcessReading, family: Family) -> Cgroup | None:
        """A cgroup that was the bot's alone stays its own while it is empty."""
        found: Cgroup | None = None
        if process.pids:
            found = family.own
        elif process.control_group is not None:
            found = cgroup.of_unit(process.control_group, root=self._root)
        elif self._own is not None and cgroup.members(self._own) == frozenset():
            found = self._own
        if found is None and self._own is not None and cgroup.members(self._own):
            self._own = None  # others have moved in
        self._own = found or self._own
        return found

    def _count_victims(self, pids: frozenset[int]) -> int:
        """Count those among the bot's processes, and in its cgroup those never seen before."""
        lines = self._victim_lines()
        news = lines - (self._told or frozenset())
        self._told = lines
        path = f"/{self._own.directory.relative_to(self._own.top)}" if self._own else None
        victims = {int(match[1]) for line in news if (match := _VICTIM.search(line))} & pids
        confined = (match for line in news if (match := _CONFINED.search(line)))
        return len(victims | {int(match[2]) for match in confined if match[1] == path})

    def _victim_lines(self) -> frozenset[str]:
        """Return the log's lines about kills, each with its time; none where it is not ours."""
        try:
            if os.stat(self._proc / "self/ns/pid").st_ino != _FIRST_PID_NAMESPACE:  # noqa: PTH116 - beside listdir
                return frozenset()
            lines = self._kernel_lines(_LINES)
        except (OSError, SourceError):
            return frozenset()
        return frozenset(line for line in lines if _VICTIM.search(line) or _CONFINED.search(line))


def _kills_of(own: Cgroup | None) -> int | None:
    return cgroup.oom_kills(own) if own is not None else None
