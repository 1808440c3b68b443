"""One pair of quantities: in what way do they differ, if at all?"""

from dataclasses import dataclass
from decimal import Decimal

from exporter.readings import Difference, PositionKey


@dataclass(frozen=True)
class Pair:
    """The same position on both sides, and how far apart the two may be.

    A quantity is None when its side is unknown. ``symbols`` are the instruments whose orders
    move it, in the venue's spelling. ``step`` is None while it is not known; ``fee`` is what fees
    may have taken from the bot's figure, ``dust`` what the venue would not let anyone trade; both
    are zero for futures. ``at_least``: what the exchange holds beyond the bot's figure is not the
    bot's business. ``note`` says why the two cannot be compared; empty if they can.
    """

    key: PositionKey
    bot: Decimal | None
    exchange: Decimal | None
    symbols: tuple[str, ...]
    step: Decimal | None = Decimal(0)
    fee: Decimal = Decimal(0)
    dust: Decimal = Decimal(0)
    at_least: bool = False
    balance: bool = False
    managed: bool = True
    price: Decimal | None = None
    note: str = ""

    @property
    def notional(self) -> Decimal | None:
        """The value of the larger side, in the quote currency."""
        sides = [abs(side) for side in (self.bot, self.exchange) if side is not None]
        return max(sides) * self.price if sides and self.price is not None else None


def judge(pair: Pair) -> Difference:
    """Compare two known quantities; an unknown step allows for nothing.

    Dust excuses a size, and never that one side is flat or on the other side of the market:
    there only a step and fees are excused.
    """
    if pair.bot is None or pair.exchange is None:
        return Difference.NONE
    delta, crosses = pair.exchange - pair.bot, _sign(pair.bot) != _sign(pair.exchange)
    tolerance = max(pair.step or Decimal(0), pair.fee)
    if not crosses:
        tolerance = max(tolerance, pair.dust)
    beyond = pair.at_least and delta > 0 and pair.bot >= 0
    if beyond or abs(delta) <= tolerance:
        return Difference.NONE
    if not pair.exchange or (pair.balance and pair.exchange < 0):
        return Difference.MISSING_EXCHANGE
    if not pair.bot:
        return Difference.MISSING_LOCAL if pair.managed else Difference.UNMANAGED_SYMBOL
    return Difference.SIDE if crosses else Difference.SIZE


def _sign(quantity: Decimal) -> int:
    return (quantity > 0) - (quantity < 0)
