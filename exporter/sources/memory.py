"""The bot's memory and the limit that it will hit first (runbook section 10)."""

import mmap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import MemoryReading, ProcessReading
from exporter.sources import cgroup, pseudo_files
from exporter.sources.process_tree import Family, look

# The kernel walks all of a process's pages to tell what is its own: 9 ms for each GiB.
_UNIQUE_SECONDS = 30.0
_PAGE = mmap.PAGESIZE


@dataclass(frozen=True)
class _Limit:
    kind: str
    limit: int
    used: int


@dataclass(frozen=True)
class _Usage:
    """One process; bytes."""

    resident: int
    virtual: int
    swap: int | None
    address_limit: int | None


def read_memory(bot: Bot, process: ProcessReading) -> MemoryReading | None:
    """Read once, with nothing remembered; see ``MemoryReader.read``."""
    return MemoryReader(bot).read(process)


class MemoryReader:
    """Reads one bot's memory again and again; the costly figure is up to 30 s old.

    Args:
        bot: whose memory, and its configured limit.
        root: where cgroups are.
        proc: where processes are.
        monotonic: what the age of the costly figure is measured by.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        root: Path = cgroup.ROOT,
        proc: Path = cgroup.PROC,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot = bot
        self._root = root
        self._proc = proc
        self._monotonic = monotonic
        self._unique: int | None = None
        self._unique_of: frozenset[int] = frozenset()
        self._unique_at = float("-inf")

    def read(self, process: ProcessReading, family: Family | None = None) -> MemoryReading | None:
        """Return the memory of the bot's processes and of all that they have started.

        A worker's memory is the bot's: it counts against the same limit and its kill is the
        bot's loss. None while the bot is down.

        Args:
            process: the bot's processes.
            family: what was just seen of them; looked for by default.

        Raises:
            SourceError: UNREADABLE when the host does not say.
        """
        if family is None:
            family = look(process.pids, root=self._root, proc=self._proc)
        usages = [usage for pid in family.pids if (usage := self._usage(pid)) is not None]
        if not usages:
            return None
        resident = sum(usage.resident for usage in usages)
        swaps = [usage.swap for usage in usages if usage.swap is not None]
        group = family.cgroup
        nearest = max(
            self._limits(usages, resident, group),
            default=None,
            key=lambda item: item.used / item.limit,
        )
        return MemoryReading(
            resident_bytes=resident,
            unique_bytes=self._read_unique(family.pids),
            swap_bytes=sum(swaps) if swaps else None,
            limit_bytes=nearest.limit if nearest else None,
            limit_kind=nearest.kind if nearest else None,
            used_bytes=nearest.used if nearest else resident,
            oom_kills=family.kills,
            pressure=cgroup.memory_pressure(group) if group else {},
        )

    def _usage(self, pid: int) -> _Usage | None:
        folder = f"{self._proc}/{pid}"
        sizes = self._sizes(pid)
        if sizes is None:
            return None
        swap = pseudo_files.value(f"{folder}/status", "VmSwap")
        # RLIMIT_AS, which ``ulimit -v`` sets: the soft limit, the first, is the one enforced.
        # Read from /proc, which shows it to everyone; prlimit(2) asks for the bot's own user.
        address_limit = pseudo_files.value(f"{folder}/limits", "Max address space")
        return _Usage(*sizes, swap, address_limit)

    def _sizes(self, pid: int) -> tuple[int, int] | None:
        """Return what is resident and what is mapped (proc(5), statm); None if it is gone."""
        words = (pseudo_files.text(f"{self._proc}/{pid}/statm") or "").split()
        if len(words) > 1 and words[0].isdecimal() and words[1].isdecimal():
            return int(words[1]) * _PAGE, int(words[0]) * _PAGE
        try:
            info = psutil.Process(pid).memory_info()
        except psutil.NoSuchProcess:
            return None
        except (psutil.Error, OSError) as error:
            raise SourceError(Reason.UNREADABLE, f"memory of pid {pid} cannot be read") from error
        return info.rss, info.vms

    def _limits(
        self, usages: list[_Usage], resident: int, group: cgroup.Cgroup | None
    ) -> Iterator[_Limit]:
        if (configured := self._bot.memory.limit_bytes) is not None:
            yield _Limit("config", configured, resident)
        for usage in usages:
            # Each process has an address space, and a limit on it, of its own.
            if usage.address_limit:
                yield _Limit("rlimit", usage.address_limit, usage.virtual)
        if group is not None:
            for level in cgroup.levels(group):
                if level.limit:
                    yield _Limit(f"cgroup_v{group.version}", level.limit, level.used)

    def _read_unique(self, pids: frozenset[int]) -> int | None:
        now = self._monotonic()
        if pids == self._unique_of and now - self._unique_at < _UNIQUE_SECONDS:
            return self._unique
        self._unique_of, self._unique_at = pids, now
        self._unique = _unique(pids)
        return self._unique


def _unique(pids: frozenset[int]) -> int | None:
    """Return what would be free without these processes; None where one does not tell."""
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError, AttributeError):
            return None
    return total
