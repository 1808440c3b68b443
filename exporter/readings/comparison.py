"""Do the bot's positions agree with the exchange's? Terms of the verdict (facts, section 5)."""

import enum
from dataclasses import dataclass
from decimal import Decimal


class PositionState(enum.StrEnum):
    """The verdict on one position. UNKNOWN is not a number, and not a match."""

    MATCH = "match"
    PENDING = "pending"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


class Difference(enum.StrEnum):
    """In what way the two sides differ."""

    NONE = "none"
    MISSING_LOCAL = "missing_local"
    MISSING_EXCHANGE = "missing_exchange"
    SIZE = "size"
    SIDE = "side"
    UNMANAGED_SYMBOL = "unmanaged_symbol"


class PositionGap(enum.StrEnum):
    """Why positions have never been compared, though nothing that was known is lost."""

    NO_KEY = "no_key"
    NO_FILE = "no_file"


@dataclass(frozen=True)
class PositionKey:
    """What identifies a position; the venue is the bot's."""

    market: str
    symbol: str
    side: str


@dataclass(frozen=True)
class ComparedPosition:
    """One position on both sides. A quantity is None when that side is unknown, never zero.

    For spot the key's symbol is the asset, and ``exchange`` is the holding less the configured
    baseline. Where bots that share the account hold the same, ``bot`` is what their files say
    together. ``notional`` is the value of the larger side in the quote currency, None without a
    price. ``note`` says why it is unknown or waits, or what may explain the difference.
    """

    key: PositionKey
    bot: Decimal | None
    exchange: Decimal | None
    notional: Decimal | None
    state: PositionState
    difference: Difference
    note: str = ""

    @property
    def delta(self) -> Decimal | None:
        """Exchange minus bot; None when either side is unknown."""
        if self.bot is None or self.exchange is None:
            return None
        return self.exchange - self.bot


@dataclass(frozen=True)
class Comparison:
    """All positions of one bot. ``reason`` says why the whole is unknown, empty if it is not.

    Ages are seconds between reading that side and the verdict; ``judged`` is when that was, in
    Unix time.
    """

    positions: tuple[ComparedPosition, ...]
    reason: str
    bot_age_seconds: float | None
    exchange_age_seconds: float | None
    judged: float | None = None

    def count(self, state: PositionState) -> int:
        """How many positions are in this state; a comparison that failed as a whole is one."""
        if self.reason and not self.positions:
            return int(state is PositionState.UNKNOWN)
        return sum(position.state is state for position in self.positions)
