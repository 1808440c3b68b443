"""Every view of the local clock, measured when it is needed."""

from dataclasses import dataclass
from typing import Any

from exporter.errors import SourceError
from exporter.readings import ClockReading
from remediation.playbooks.base import StepContext
from remediation.playbooks.clock_blame import Blame, blame

_NO_SERVERS = "no NTP server is configured"


@dataclass(frozen=True)
class ClockViews:
    """Every view of the local clock, and the verdict."""

    blame: Blame
    ntp: ClockReading | None
    exchange: ClockReading | None
    limit_seconds: float
    problems: tuple[str, ...]

    @property
    def good_enough_to_trade(self) -> bool:
        """Within the limit by the exchange, and by NTP where any server is configured."""
        if self.blame is Blame.NOBODY:
            return True
        by_exchange = self.exchange is not None and self.is_within(self.exchange)
        return _NO_SERVERS in self.problems and by_exchange

    def is_within(self, reading: ClockReading) -> bool:
        """Whether one view is within the limit."""
        return abs(reading.offset_seconds) <= self.limit_seconds

    def evidence(self) -> dict[str, Any]:
        """JSON-ready facts; offsets in seconds, positive = local clock ahead."""
        return {
            "blame": self.blame,
            "ntp_offset_seconds": self.ntp and round(self.ntp.offset_seconds, 4),
            "exchange_offset_seconds": self.exchange and round(self.exchange.offset_seconds, 4),
            "limit_seconds": self.limit_seconds,
            "problems": list(self.problems),
        }

    def __str__(self) -> str:
        ntp = "unknown" if self.ntp is None else f"{self.ntp.offset_seconds:+.3f} s"
        venue = "unknown" if self.exchange is None else f"{self.exchange.offset_seconds:+.3f} s"
        return f"offset by NTP {ntp}, by the exchange {venue}"


def look(ctx: StepContext) -> ClockViews:
    """Measure the local clock against every reference, now.

    The limit is the bot's own warning, or the venue's where that is stricter: it refuses
    what is too far ahead whatever the bot tolerates.
    """
    problems = []
    ntp = exchange = None
    references: tuple[ClockReading, ...] = ()
    warn = ctx.world.settings(ctx.bot).clock_warn_seconds
    limit = min(warn, ctx.bot.venue.clock_ahead_limit_seconds or warn)
    if ctx.config.exporter.ntp_servers:
        try:
            ntp = ctx.world.ntp_clock()
        except SourceError as error:
            problems.append(f"NTP: {error}")
    else:
        problems.append(_NO_SERVERS)
    try:
        exchange = ctx.world.exchange_clock(ctx.bot)
    except SourceError as error:
        problems.append(f"exchange: {error}")
    try:
        references = ctx.world.reference_clocks()
    except SourceError as error:
        # A second exchange that is down is one opinion less, not a contradiction.
        problems.append(f"second exchange: {error}")
    verdict = blame(ntp, exchange, references, limit)
    return ClockViews(verdict, ntp, exchange, limit, tuple(problems))
