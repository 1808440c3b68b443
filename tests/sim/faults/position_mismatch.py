"""The account holds something else than the bot believes: somebody traded beside it."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tests.sim import holdings
from tests.sim.faults.base import Fault
from tests.sim.holdings import AMOUNT, OTHER, SYMBOL, Venue
from tests.sim.world import FaultError, Undo, World

_QUANTITY = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"


class PositionMismatch(Fault, frozen=True, kw_only=True):
    """How the bot's file is left behind.

    ``size``: ``quantity`` more than it knows. ``missing_exchange``: the position is gone.
    ``side``: it is turned round. ``missing_local``, ``unmanaged``: ``quantity`` of a symbol that
    its file does not have, which it trades or does not.
    """

    scenario: ClassVar[str] = "position_mismatch"
    kind: Literal["size", "missing_local", "missing_exchange", "side", "unmanaged"] = "size"
    venue: Venue = "binance_usdm"
    symbol: str | None = None
    side: Literal["BOTH", "LONG", "SHORT"] = "BOTH"
    quantity: Annotated[str, Meta(pattern=_QUANTITY)] | None = None
    bot: str | None = None

    def inject(self, world: World) -> Undo:
        """Trade by hand; ending the fault trades back, unless the bot has taken it over."""
        default = OTHER if self.kind in {"missing_local", "unmanaged"} else SYMBOL
        symbol = holdings.check_symbol(world, self.venue, self.symbol or default[self.venue])
        change = Decimal(self.quantity) if self.quantity else AMOUNT[self.venue]
        if self.side == "SHORT":
            change = -change
        held = holdings.quantity(world, self.venue, symbol, self.side)
        if self.kind in {"missing_exchange", "side"}:
            if not held or (self.kind == "side" and self.venue == "binance_spot"):
                raise FaultError(f"the account holds no {symbol} that could be {self.kind}")
            change = -held if self.kind == "missing_exchange" else -2 * held
        return holdings.trade_unknown_to_bot(
            world, self.venue, symbol, change, self.side, bot=self.bot
        )
