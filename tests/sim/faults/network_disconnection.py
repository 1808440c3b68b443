"""The way to the exchange is broken, in one of the ways that a network breaks."""

from typing import ClassVar, Literal

from tests.sim.faults.base import Fault
from tests.sim.market_data import Handshake
from tests.sim.outages import ANSWERS
from tests.sim.world import VENUE_SITES, Undo, World

_STREAMS = ("stream", "stream_usdm")
_SILENT = frozenset({"hang", "one_way", "stream_silent"})
_HANDSHAKES: dict[str, Handshake] = {"hang": "hang", "one_way": "hang", "reset": "reset"}


class NetworkDisconnection(Fault, frozen=True, kw_only=True):
    """``scope`` says whether the second exchange and the time servers are gone as well."""

    scenario: ClassVar[str] = "network_disconnection"
    kind: Literal[
        "refused", "hang", "reset", "drop", "garbage", "one_way", "html", "forbidden",
        "restricted", "rate_limited", "banned", "stream_silent", "stream_closed",
    ] = "refused"  # fmt: skip
    scope: Literal["exchange", "internet"] = "exchange"

    def inject(self, world: World) -> Undo:
        """Break it; what hangs goes on hanging until its client gives up."""
        sites = VENUE_SITES | ({"reference", "ntp"} if self.scope == "internet" else set())
        shut = {*_STREAMS} if self.kind in {"refused", "stream_closed", "reset"} else set()
        shut |= sites if self.kind == "refused" else sites & {"ntp"}
        answer, data = ANSWERS.get(self.kind), world.market_data
        with world.lock:
            data.silent_since = world.clocks.exchange_ms() if self.kind in _SILENT else None
            data.handshake = _HANDSHAKES.get(self.kind, "accept")
            if answer is not None:
                world.intercepts[self.scenario] = lambda r: answer if r.site in sites else None
        for name in shut:
            world.doors[name].shut()
        if self.kind == "reset":
            _open(world, {*_STREAMS})  # what was connected is gone; what comes is reset

        def undo() -> None:
            with world.lock:
                data.silent_since, data.handshake = None, "accept"
                world.intercepts.pop(self.scenario, None)
            _open(world, shut)

        return undo


def _open(world: World, names: set[str]) -> None:
    for name in names:
        world.doors[name].open()
