"""The host: memory, pressure, disks. Nothing here belongs to one bot but the disks' purpose."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HostReading:
    """The host's memory in bytes.

    ``oom_kills`` counts the kernel's kills since boot, None where it does not say.
    ``pressure`` maps (resource, kind), such as ("memory", "full"), to the share of the last ten
    seconds, 0 to 1; empty without PSI.
    """

    memory_bytes: int
    available_bytes: int
    swap_bytes: int
    swap_free_bytes: int
    oom_kills: int | None
    pressure: Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class DiskReading:
    """Room where the bot writes. ``purpose`` is ``state``, ``logs``, ``data`` or ``backups``."""

    purpose: str
    path: str
    size_bytes: int
    free_bytes: int
    free_inodes_ratio: float | None
    writable: bool
