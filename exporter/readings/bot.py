"""What the bot's own files say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


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
    """The bot's own positions, symbol to signed quantity.

    ``legs`` holds, by (symbol, LONG or SHORT), the entries that name their side; where a symbol
    has both, ``positions`` has only their sum, which is fit for display and nothing else.
    """

    positions: Mapping[str, Decimal]
    modified: float
    legs: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


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


@dataclass(frozen=True)
class BotMetricsReading:
    """What the bot's own metrics endpoint says, as Unix times."""

    heartbeat: float | None
    market_data: Mapping[str, float]
