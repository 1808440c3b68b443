"""The exchange is in maintenance, and shows it in one way or in all."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tests.sim.faults.base import Fault
from tests.sim.holdings import SYMBOL
from tests.sim.serve import Request, Response
from tests.sim.world import VENUE_SITES, Undo, World

_UNAVAILABLE = Response(503, "<html><body><h1>503 Service Unavailable</h1></body></html>")
_STATUS_PATH = "/sapi/v1/system/status"  # served elsewhere: it says so while all else is down


class ExchangeMaintenance(Fault, frozen=True, kw_only=True):
    """``status``: the status page says so. ``503``: every answer but that one.

    ``symbol_break``: ``symbol`` (of the broker, its share) is not trading. ``shutdown``: streams
    are told, ended and refused. ``orders_expired``: every resting order is gone. ``full``: all.
    """

    scenario: ClassVar[str] = "exchange_maintenance"
    kind: Literal["status", "503", "symbol_break", "shutdown", "orders_expired", "full"] = "full"
    symbol: str = SYMBOL["binance_usdm"]
    symbol_status: Annotated[str, Meta(pattern="^[A-Z_]{2,20}$")] = "BREAK"

    def inject(self, world: World) -> Undo:
        """Begin it; expired orders do not come back when it ends."""
        stem, share = self.scenario, SYMBOL["alpaca"]
        with world.lock:
            if self.kind in {"status", "full"}:
                world.system_status = 1
            if self.kind in {"503", "full"}:
                world.intercepts[stem] = _unavailable
            if self.kind in {"symbol_break", "full"}:
                world.symbol_status[self.symbol] = self.symbol_status
                world.alpaca.flags.inactive.add(share)
            world.market_data.closing = self.kind in {"shutdown", "full"}
            if self.kind in {"orders_expired", "full"}:
                world.expire_orders()

        def undo() -> None:
            with world.lock:
                world.system_status, world.market_data.closing = 0, False
                world.intercepts.pop(stem, None)
                world.symbol_status.pop(self.symbol, None)
                world.alpaca.flags.inactive.discard(share)

        return undo


def _unavailable(request: Request) -> Response | None:
    down = request.site in VENUE_SITES and request.path != _STATUS_PATH
    return _UNAVAILABLE if down else None
