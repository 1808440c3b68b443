"""Views of the local clock. Offsets are positive when the local clock is ahead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClockReading:
    """One agreed view of the local clock's error.

    ``reference`` is ``ntp`` or ``exchange``; ``error_bound_seconds`` is half the
    round trip plus what the reference says of itself; ``rejected`` names each
    sample source that was left out and why.
    """

    reference: str
    offset_seconds: float
    error_bound_seconds: float
    sources: tuple[str, ...]
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClockDaemonReading:
    """What the host's own time service says: a further view, not a reference of ours.

    ``daemon`` is ``chrony``, ``timesyncd`` or ``w32tm``. Offset and bound are None where the
    service does not say; ``source`` is what it follows now.
    """

    daemon: str
    synchronized: bool
    offset_seconds: float | None
    error_bound_seconds: float | None
    source: str
