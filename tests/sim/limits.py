"""Rate limits as the exchanges count them: weight or requests in whole minutes.

Binance counts by IP, so the bot and everybody who watches it from the same host share one
budget; Alpaca counts by key. Going on after a 429 leads to a ban (418).
"""

import enum
from dataclasses import dataclass, field

# Per minute: spot and USD-M request weight, sapi's weight by IP, Alpaca's requests by key.
DOCUMENTED = {"spot": 6000, "usdm": 2400, "sapi": 12_000, "alpaca": 200}

# Everything here polls about a hundred times as often as it would in earnest, so that a test
# takes seconds; limits grow alike. A test of the limits themselves sets its own.
SCALE = 100

_MINUTE_MS = 60_000
_BAN_AFTER = 10
_BAN_MS = 120_000


class Verdict(enum.Enum):
    """Whether a request may pass."""

    PASS = enum.auto()
    TOO_MANY = enum.auto()
    BANNED = enum.auto()


@dataclass
class Limits:
    """What is allowed in a minute, by family; ``used`` by family and who is counted."""

    scale: int = SCALE
    ban_after: int = _BAN_AFTER
    ban_ms: int = _BAN_MS
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    banned_until: dict[tuple[str, str], int] = field(default_factory=dict)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    minute: int = 0

    def __post_init__(self) -> None:
        self.allowed = {family: limit * self.scale for family, limit in DOCUMENTED.items()}

    def spend(self, family: str, who: str, weight: int, now: int) -> Verdict:
        """Count one request of this weight at this time, in milliseconds."""
        if now // _MINUTE_MS != self.minute:
            self.minute = now // _MINUTE_MS
            self.used.clear()
            self.refused.clear()
        place = family, who
        if now < self.banned_until.get(place, 0):
            return Verdict.BANNED
        self.used[place] = self.used.get(place, 0) + weight
        if self.used[place] <= self.allowed[family]:
            return Verdict.PASS
        self.refused[place] = self.refused.get(place, 0) + 1
        if self.refused[place] > self.ban_after:
            self.banned_until[place] = now + self.ban_ms
            return Verdict.BANNED
        return Verdict.TOO_MANY

    def retry_after(self, family: str, who: str, now: int) -> int:
        """Whole seconds until requests pass again."""
        ban_ends = self.banned_until.get((family, who), 0)
        ends = ban_ends if now < ban_ends else (now // _MINUTE_MS + 1) * _MINUTE_MS
        return -(-(ends - now) // 1000)

    def reset(self) -> None:
        """Forget what was spent, and every ban; back to the scaled limits."""
        self.__post_init__()
        self.used.clear()
        self.refused.clear()
        self.banned_until.clear()
