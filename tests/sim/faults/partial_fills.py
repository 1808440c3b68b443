"""An order of the bot has been filled in part and rests since."""

from typing import Annotated, ClassVar

from msgspec import Meta

from tests.sim import holdings
from tests.sim.faults.base import Fault
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.resting import rest_partly
from tests.sim.world import Undo, World


class PartialFills(Fault, frozen=True, kw_only=True):
    """A buy order made ``age_seconds`` ago, ``ratio`` of it filled, far below the market.

    The bot has booked the filled part long since; with ``missed`` the fill happens now and the
    bot does not hear of it.
    """

    scenario: ClassVar[str] = "partial_fills"
    venue: Venue = "binance_usdm"
    symbol: str | None = None
    ratio: Annotated[float, Meta(gt=0, lt=1)] = 0.4
    age_seconds: Annotated[float, Meta(ge=0, le=86400 * 30)] = 60.0
    missed: bool = False
    bot: str | None = None

    def inject(self, world: World) -> Undo:
        """Rest the order; ending the fault cancels it, if nobody has."""
        symbol = holdings.check_symbol(world, self.venue, self.symbol or SYMBOL[self.venue])
        age_ms = int(self.age_seconds * 1000)
        filled, cancel = rest_partly(world, self.venue, symbol, self.ratio, age_ms)
        if not self.missed:
            return cancel
        give_back = holdings.trade_unknown_to_bot(world, self.venue, symbol, filled, bot=self.bot)

        def undo() -> None:
            cancel()
            give_back()

        return undo
