"""The memory cgroup of a process: its limits up to the root, its kills, its pressure.

Version 2, version 1 and the hybrid layout of systemd, where version 2 exists beside and
memory is still version 1 (cgroups(7); kernel documentation, cgroup-v2 and cgroup-v1/memory).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from exporter.sources import pressure, pseudo_files

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# Version 1 says "no limit" by the largest number of whole pages; nothing real comes near it.
_UNLIMITED = 1 << 60


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
    directory = cgroup.directory
    while True:
        limit = _limit(cgroup.version, directory)
        if limit is not None and (used := _used(cgroup.version, directory)) is not None:
            yield Level(limit, used)
        if directory == cgroup.top:
            return
        directory = directory.parent


def members(cgroup: Cgroup) -> frozenset[int] | None:
    """Return the pids in it, 0 for one that cannot be seen from here; None if it is gone."""
    content = pseudo_files.text(cgroup.directory / "cgroup.procs")
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
        return (pseudo_files.table(directory / "memory.oom_control") or {}).get("oom_kill")
    events = pseudo_files.table(directory / "memory.events.local")
    if events is None and not _has_children(directory):
        events = pseudo_files.table(directory / "memory.events")
    return (events or {}).get("oom_kill")


def memory_pressure(cgroup: Cgroup) -> dict[str, float]:
    """Return how its processes wait for memory; empty for version 1 and without PSI."""
    if cgroup.version == 1 or cgroup.is_root:
        return {}
    return pressure.parse(pseudo_files.text(cgroup.directory / "memory.pressure") or "")


def _hierarchy(root: Path) -> tuple[int, Path] | None:
    """Return version and top directory of the hierarchy that accounts memory."""
    if (root / "cgroup.controllers").exists():
        return 2, root
    if (root / "memory").is_dir():
        return 1, root / "memory"
    controllers = pseudo_files.text(root / "unified" / "cgroup.controllers") or ""
    return (2, root / "unified") if "memory" in controllers.split() else None


def _path(pid: int | str, version: int, proc: Path) -> str | None:
    """Return a process's path in the hierarchy (cgroups(7): ``id:controllers:path``)."""
    for line in (pseudo_files.text(proc / str(pid) / "cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        wanted = number == "0" and not controllers
        if version == 1:
            wanted = "memory" in controllers.split(",")
        if wanted:
            return path
    return None


def _below(version: int, top: Path, path: str) -> Cgroup | None:
    """Return the directory of a path; none for one that leads outside what can be seen."""
    parts = PurePosixPath(path).parts[1:]
    directory = top.joinpath(*parts)
    if not path.startswith("/") or ".." in parts or not (directory / "cgroup.procs").exists():
        return None
    return Cgroup(version, directory, top)


def _limit(version: int, directory: Path) -> int | None:
    if version == 2:
        return pseudo_files.number(directory / "memory.max")
    own = pseudo_files.number(directory / "memory.limit_in_bytes")
    # Limits of cgroups above the highest that can be seen are in here only.
    above = (pseudo_files.table(directory / "memory.stat") or {}).get("hierarchical_memory_limit")
    limits = [value for value in (own, above) if value is not None and value < _UNLIMITED]
    return min(limits, default=None)


def _used(version: int, directory: Path) -> int | None:
    name, prefix = ("memory.current", "") if version == 2 else ("memory.usage_in_bytes", "total_")
    charged = pseudo_files.number(directory / name)
    stat = pseudo_files.table(directory / "memory.stat")
    if charged is None or stat is None:
        return None
    caches = sum(stat.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))
    return max(0, charged - caches)


def _has_children(directory: Path) -> bool:
    try:
        return any(entry.is_dir() for entry in directory.iterdir())
    except OSError:
        return True
