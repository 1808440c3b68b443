"""The host's memory, its kills and its pressure (proc(5): meminfo, vmstat, pressure)."""

from pathlib import Path

import psutil

from exporter.errors import Reason, SourceError
from exporter.readings import HostReading
from exporter.sources import pressure, pseudo_files

PROC = Path("/proc")
_RESOURCES = ("cpu", "io", "memory")
_MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")


def read_host(*, proc: Path = PROC) -> HostReading:
    """Read the host's memory; from psutil where there is no /proc/meminfo.

    Raises:
        SourceError: UNREADABLE when the host does not say.
    """
    meminfo = pseudo_files.values(f"{proc}/meminfo", _MEMORY)
    kills = pseudo_files.value(f"{proc}/vmstat", "oom_kill")
    memory = _from_meminfo(meminfo) if meminfo is not None else _from_psutil()
    return HostReading(*memory, oom_kills=kills, pressure=_pressure(proc))


def _from_meminfo(meminfo: dict[str, int]) -> tuple[int, int, int, int]:
    try:
        return (
            meminfo["MemTotal"],
            meminfo["MemAvailable"],
            meminfo.get("SwapTotal", 0),
            meminfo.get("SwapFree", 0),
        )
    except KeyError as error:
        raise SourceError(Reason.INVALID, f"meminfo says nothing of {error}") from error


def _from_psutil() -> tuple[int, int, int, int]:
    try:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    except (psutil.Error, OSError) as error:
        raise SourceError(Reason.UNREADABLE, "the host does not tell its memory") from error
    return memory.total, memory.available, swap.total, swap.free


def _pressure(proc: Path) -> dict[tuple[str, str], float]:
    """Return the pressure of each resource; the host's ``full`` of the CPU has no meaning."""
    found = {}
    for resource in _RESOURCES:
        content = pseudo_files.text(f"{proc}/pressure/{resource}") or ""
        for kind, share in pressure.parse(content).items():
            if (resource, kind) != ("cpu", "full"):
                found[resource, kind] = share
    return found
