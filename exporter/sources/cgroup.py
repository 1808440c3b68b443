"""The memory cgroup of a process: its limits up to the root, its kills, its pressure.

Version 2, version 1 and the hybrid layout of systemd, where version 2 exists beside and
memory is still version 1 (cgroups(7); kernel documentation, cgroup-v2 and cgroup-v1/memory).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from exporter.sources import pressure, pseudo_files

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# Version 1 says "no limit" by the largest number of whole pages; nothing real comes near it.
_UNLIMITED = 1 << 60
_LIMIT_ABOVE = "hierarchical_memory_limit"
_CACHES = ("active_file", "inactive_file")
_CACHES_V1 = tuple(f"total_{name}" for name in _CACHES)


@dataclass(frozen=True)
class Level:
    """A limit and what counts against it, of one cgroup on the way to the root; bytes."""

    limit: int
    used: int


@dataclass(frozen=True)
class Cgroup:
    """One memory cgroup as a directory; ``top`` is the highest one that can be seen."""

    version: int
    directory: Path
    top: Path

    @property
    def is_root(self) -> bool:
        """Whether it is the one that holds everything that has no other."""
        return self.directory == self.top

    @property
    def identity(self) -> str | None:
        """What tells it from an earlier one of the same name; None if it is gone."""
        try:
            return f"{self.directory}#{self.directory.stat().st_ino}"
        except OSError:
            return None


def of_process(pid: int | str, *, root: Path = ROOT, proc: Path = PROC) -> Cgroup | None:
    """Return the memory cgroup of a process; None if there is none or it cannot be seen."""
    hierarchy = _hierarchy(root)
    if hierarchy is None:
        return None
    version, top = hierarchy
    path = _path(pid, version, proc)
    if path is None or (found := _below(version, top, path)) is not None:
        return None if path is None else found
    # In a container the paths begin at the host's root, but the files at the container's.
    ours = _path("self", version, proc)
    if ours in (None, "/") or not PurePosixPath(path).is_relative_to(ours or "/"):
        return None
    return _below(version, top, "/" + str(PurePosixPath(path).relative_to(ours or "/")))


def of_unit(control_group: str, *, root: Path = ROOT) -> Cgroup | None:
    """Return a unit's cgroup by the path that systemd gives; None if it is not there."""
    hierarchy = _hierarchy(root)
    return _below(*hierarchy, control_group) if hierarchy else None


def levels(cgroup: Cgroup) -> Iterator[Level]:
    """Yield every limit in force, from the cgroup up to the highest that can be seen.

    ``memory.high`` is none: the kernel slows a cgroup down there and never kills for it; that
    shows as pressure. What counts is what the kernel cannot get back by dropping caches:
    before it kills, it drops both lists of file pages, so a bot that reads large files is not
    near its limit because their pages fill it.
    """
    directory, top = str(cgroup.directory), str(cgroup.top)
    look = _level_v1 if cgroup.version == 1 else _level_v2
    while True:
        if (level := look(directory)) is not None:
            yield level
        if directory == top:
            return
        directory = os.path.dirname(directory)  # noqa: PTH120 - text, not a file


def members(cgroup: Cgroup) -> frozenset[int] | None:
    """Return the pids in it, 0 for one that cannot be seen from here; None if it is gone."""
    content = pseudo_files.text(f"{cgroup.directory}/cgroup.procs")
    if content is None:
        return None
    return frozenset(int(word) for word in content.split() if word.isdecimal())


def oom_kills(cgroup: Cgroup) -> int | None:
    """Return how many processes in this very cgroup were killed since it was made.

    ``memory.events`` of version 2 adds up everything below, also what no longer exists: it
    serves only where ``memory.events.local`` (Linux 5.2) is missing and nothing is below.
    """
    directory = cgroup.directory
    if cgroup.version == 1:
        return pseudo_files.value(f"{directory}/memory.oom_control", "oom_kill")
    events = pseudo_files.values(f"{directory}/memory.events.local", ("oom_kill",))
    if events is not None:
        return events.get("oom_kill")
    if _has_children(directory):
        return None
    return pseudo_files.value(f"{directory}/memory.events", "oom_kill")


def memory_pressure(cgroup: Cgroup) -> dict[str, float]:
    """Return how its processes wait for memory; empty for version 1 and without PSI."""
    if cgroup.version == 1 or cgroup.is_root:
        return {}
    return pressure.parse(pseudo_files.text(f"{cgroup.directory}/memory.pressure") or "")


def _hierarchy(root: Path) -> tuple[int, str] | None:
    """Return version and top directory of the hierarchy that accounts memory."""
    if os.path.exists(f"{root}/cgroup.controllers"):  # noqa: PTH110 - at each scrape
        return 2, str(root)
    if os.path.isdir(f"{root}/memory"):  # noqa: PTH112 - likewise
        return 1, f"{root}/memory"
    controllers = pseudo_files.text(f"{root}/unified/cgroup.controllers") or ""
    return (2, f"{root}/unified") if "memory" in controllers.split() else None


def _path(pid: int | str, version: int, proc: Path) -> str | None:
    """Return a process's path in the hierarchy (cgroups(7): ``id:controllers:path``)."""
    for line in (pseudo_files.text(f"{proc}/{pid}/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        wanted = number == "0" and not controllers
        if version == 1:
            wanted = "memory" in controllers.split(",")
        if wanted:
            return path
    return None


def _below(version: int, top: str, path: str) -> Cgroup | None:
    """Return the directory of a path; none for one that leads outside what can be seen."""
    directory = f"{top}{path}".rstrip("/")
    if not path.startswith("/") or ".." in path.split("/"):
        return None
    if not os.path.exists(f"{directory}/cgroup.procs"):  # noqa: PTH110 - at each scrape
        return None
    return Cgroup(version, Path(directory), Path(top))


def _level_v2(directory: str) -> Level | None:
    limit = pseudo_files.number(f"{directory}/memory.max")
    if limit is None:
        return None
    charged = pseudo_files.number(f"{directory}/memory.current")
    stat = pseudo_files.values(f"{directory}/memory.stat", _CACHES)
    if charged is None or stat is None:
        return None
    return Level(limit, max(0, charged - sum(stat.values())))


def _level_v1(directory: str) -> Level | None:
    own = pseudo_files.number(f"{directory}/memory.limit_in_bytes")
    # Limits of cgroups above the highest that can be seen are in here only.
    stat = pseudo_files.values(f"{directory}/memory.stat", (_LIMIT_ABOVE, *_CACHES_V1))
    if stat is None:
        return None
    above = stat.pop(_LIMIT_ABOVE, None)
    limits = [value for value in (own, above) if value is not None and value < _UNLIMITED]
    if not limits:
        return None
    charged = pseudo_files.number(f"{directory}/memory.usage_in_bytes")
    if charged is None:
        return None
    return Level(min(limits), max(0, charged - sum(stat.values())))


def _has_children(directory: Path) -> bool:
    try:
        return any(entry.is_dir() for entry in directory.iterdir())
    except OSError:
        return True
