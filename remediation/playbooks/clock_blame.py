"""Who is wrong about the time (trading facts, section 6; runbook section 2)."""

import enum
from collections.abc import Sequence

from exporter.readings import ClockReading

# Two honest clocks differ by at most their error bounds, plus what the references
# round and smear: Binance answers in milliseconds, leap smears differ by up to 0.5 s.
_AGREEMENT_SECONDS = 0.25


class Blame(enum.StrEnum):
    """The verdict on a measured offset."""

    NOBODY = "nobody"
    LOCAL = "local"
    EXCHANGE = "exchange"
    NTP = "ntp"
    BORDERLINE = "borderline"
    UNKNOWN = "unknown"


def blame(
    ntp: ClockReading | None,
    exchange: ClockReading | None,
    references: Sequence[ClockReading],
    limit_seconds: float,
) -> Blame:
    """Judge from independent views of the local clock's offset.

    1. Without both NTP and the venue nothing is known.
    2. Both within the limit: nobody is wrong.
    3. Both beyond the limit on the same side, in agreement with each other and with
       every second exchange: the local clock is wrong.
    4. In agreement, but only one of them beyond the limit: too early to say.
    5. Only the venue is off: the exchange or the path to it is wrong, and the local
       clock must not be touched. Only NTP is off: the time servers are wrong.
    """
    if ntp is None or exchange is None:
        return Blame.UNKNOWN
    ntp_off = abs(ntp.offset_seconds) > limit_seconds
    exchange_off = abs(exchange.offset_seconds) > limit_seconds
    if not ntp_off and not exchange_off:
        return Blame.NOBODY
    same_side = ntp.offset_seconds * exchange.offset_seconds > 0
    if same_side and _agree(ntp, exchange):
        if not all(_agree(ntp, other) for other in references):
            return Blame.UNKNOWN
        return Blame.LOCAL if ntp_off and exchange_off else Blame.BORDERLINE
    if exchange_off and not ntp_off:
        return Blame.EXCHANGE
    if ntp_off and not exchange_off:
        return Blame.NTP
    return Blame.UNKNOWN


def _agree(one: ClockReading, other: ClockReading) -> bool:
    bound = max(_AGREEMENT_SECONDS, one.error_bound_seconds + other.error_bound_seconds)
    return abs(one.offset_seconds - other.offset_seconds) <= bound
