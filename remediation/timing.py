"""Time that repairing the wall clock cannot distort (design §7, Time).

Deadlines, cooldowns and budgets are counted on CLOCK_BOOTTIME, which runs
through suspend and never jumps; it is comparable only within one boot, so every
stored moment carries the boot's id.
"""

import functools
import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Moment:
    """One instant: boot id, seconds since that boot, and the wall clock for people."""

    boot_id: str
    boottime: float
    wall: float


@functools.cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        # Not Linux: the monotonic clock starts with the boot, so its origin names it.
        return f"origin-{round((time.time() - time.monotonic()) / 60)}"


def boottime() -> float:
    """Seconds since boot, suspend included where the platform can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def now() -> Moment:
    """The present moment on all three clocks."""
    return Moment(_boot_id(), boottime(), time.time())


def elapsed(since: Moment, until: Moment) -> float:
    """Seconds between two moments, by the safer clock.

    Within one boot the boot clock decides. Across a reboot only the wall clock is
    left, and it may be wrong either way: time since then is the smaller of the wall
    difference and this boot's uptime, so nothing expires early.
    """
    if since.boot_id == until.boot_id:
        return until.boottime - since.boottime
    return max(0.0, min(until.wall - since.wall, until.boottime))
