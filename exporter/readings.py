"""What the sources return: frozen facts about one moment, no behaviour.

Signs and units are fixed here once: offsets are seconds with positive meaning
"the local clock is ahead" (the runbook's formula, section 2); quantities are
``Decimal`` built from text; times are Unix seconds of the local clock.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


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
class LatencySample:
    """One request to the exchange: endpoint name and duration in seconds."""

    endpoint: str
    seconds: float


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
    """

    up: bool
    pids: tuple[int, ...]
    dry_run_pids: tuple[int, ...]
    start_time: float | None
    resident_bytes: int | None
    last_exit: ExitKind
    detail: str
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class KillSwitchReading:
    """Flag and state file together (design §7, pause and latch).

    ``engaged`` is the latch: a foreign flag, a tripped state, or anything that
    cannot be read. ``paused`` is our own unchanged pause with an untripped state.
    ``digest`` binds an approval to exactly this content.
    """

    engaged: bool
    paused: bool
    flag_present: bool
    tripped: bool | None
    pause_incident: str | None
    reason: str
    digest: str
    flag_valid: bool
    state_valid: bool


@dataclass(frozen=True)
class PositionsFileReading:
    """The bot's own positions, symbol to signed quantity."""

    positions: Mapping[str, Decimal]
    modified: float


@dataclass(frozen=True)
class Position:
    """One position at the exchange. ``side`` is BOTH, LONG or SHORT; spot uses BOTH."""

    market: str
    symbol: str
    side: str
    quantity: Decimal


@dataclass(frozen=True)
class OpenOrder:
    """One resting order. ``kind`` is regular or algo."""

    market: str
    symbol: str
    order_id: str
    client_order_id: str
    status: str
    kind: str
    side: str
    quantity: Decimal
    executed: Decimal
    reduce_only: bool


@dataclass(frozen=True)
class AccountReading:
    """A complete view of the account from one successful pass of queries."""

    positions: tuple[Position, ...]
    open_orders: tuple[OpenOrder, ...]


@dataclass(frozen=True)
class ExchangeStatus:
    """``maintenance`` as the venue itself says; ``message`` is its text."""

    maintenance: bool
    message: str


@dataclass(frozen=True)
class BotSettings:
    """Thresholds in force, from the bot's own file where it has one.

    ``readable`` is False when the bot's file could not be read and the last good
    or default values stand instead.
    """

    readable: bool
    detail: str
    clock_warn_seconds: float
    clock_kill_seconds: float
    clock_refresh_seconds: float
    timeout_seconds: float
    retries: int
    ttl_steps: int | None
    bar_seconds: float | None
