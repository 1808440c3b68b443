"""The bot's process: whether it lives, how it ended, what memory it has left."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class ExitKind(enum.StrEnum):
    """How the bot's last run ended."""

    RUNNING = "running"
    CLEAN = "clean"
    UNCLEAN = "unclean"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ProcessReading:
    """The bot's live process.

    ``pids`` has more than one member only when the rule "never two bots" is
    broken already; dry-run twins are in ``dry_run_pids``. ``others`` run the bot's script
    in its root with other arguments: perhaps the bot, started by hand, perhaps not. They
    do not count as up, are never signalled, and forbid a start.

    ``births`` are (pid, seconds from boot to its start) of each live process: what tells one
    run from the next when the clock is stepped; 0 seconds where the host does not say. With a
    unit, ``restarts`` is systemd's count of automatic ones, ``control_group`` its cgroup and
    ``oom_run`` the last run's identity if systemd says that the OOM killer ended it.
    """

    up: bool
    pids: tuple[int, ...]
    dry_run_pids: tuple[int, ...]
    start_time: float | None
    last_exit: ExitKind
    detail: str
    others: tuple[int, ...] = ()
    restarts: int | None = None
    births: tuple[tuple[int, float], ...] = ()
    control_group: str | None = None
    oom_run: str | None = None


@dataclass(frozen=True)
class MemoryReading:
    """Memory of the bot's processes, children included, and of what confines them; bytes.

    ``resident_bytes`` adds pages that they share once for each. ``unique_bytes`` (USS) and
    ``swap_bytes`` are None where the host does not tell. ``limit_bytes`` is the limit in force
    that is nearest to being hit and ``limit_kind`` names it: ``cgroup_v2``, ``cgroup_v1``,
    ``rlimit`` (address space) or ``config``. ``used_bytes`` is what counts against that limit.
    ``oom_kills`` counts kills inside the bot's own cgroup since it was made; None where the bot
    has no cgroup of its own. ``pressure`` maps ``some`` and ``full`` to the share of the last
    ten seconds, 0 to 1 (PSI).
    """

    resident_bytes: int
    unique_bytes: int | None
    swap_bytes: int | None
    limit_bytes: int | None
    limit_kind: str | None
    used_bytes: int
    oom_kills: int | None
    pressure: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class OomEvidence:
    """What three witnesses say of OOM kills among the bot's processes; each may be blind.

    ``births`` says which run lives now, as in ``ProcessReading``. ``cgroup`` and ``cgroup_kills``
    are the identity and the counter of the bot's own cgroup, None without one. ``unit_run``
    is the run that systemd says the OOM killer ended. ``log_kills`` are the kernel's own lines,
    new since the last look, that name a process of this bot.
    """

    births: tuple[tuple[int, float], ...]
    cgroup: str | None = None
    cgroup_kills: int | None = None
    unit_run: str | None = None
    log_kills: int = 0
