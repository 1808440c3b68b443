"""A clock goes wrong: the local one, the exchange's, or that of NTP servers."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tests.sim.faults.base import Fault
from tests.sim.world import Undo, World


class ClockDrift(Fault, frozen=True, kw_only=True):
    """Positive: the local clock appears ahead of what ``where`` names."""

    scenario: ClassVar[str] = "clock_drift"
    offset_seconds: Annotated[float, Meta(ge=-86400, le=86400)] = 3.0
    where: Literal["local", "exchange", "ntp", "ntp_one"] = "local"

    def inject(self, world: World) -> Undo:
        """Move the clock; a local one is also put right by ``POST /clock``."""
        setattr(world.clocks, self.where, self.offset_seconds)
        return lambda: setattr(world.clocks, self.where, 0.0)
