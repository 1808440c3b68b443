"""The bot's process ends: killed without a word, or stopped properly."""

import contextlib
import signal
from decimal import Decimal
from typing import ClassVar, Literal

from tests.sim.books.orders import Order
from tests.sim.faults.base import Fault
from tests.sim.processes import end_between_steps, live_bot, wait_gone
from tests.sim.world import FaultError, Undo, World

_SYMBOL = "BTCUSDT"


class ProcessCrash(Fault, frozen=True, kw_only=True):
    """``orphan`` also leaves a resting order that no file of the bot knows."""

    scenario: ClassVar[str] = "process_crash"
    signal: Literal["KILL", "TERM"] = "KILL"
    orphan: bool = False
    bot: str | None = None

    def inject(self, world: World) -> Undo:
        """End the process between two steps, so that the same run has the same files."""
        root = world.bot_root(self.bot)
        process = live_bot(root)
        if process is None:
            raise FaultError(f"no live bot in {root}")
        end_between_steps(process, root, signal.Signals[f"SIG{self.signal}"])
        if not wait_gone(process):
            raise FaultError(f"process {process.pid} did not end")
        return _orphan(world) if self.orphan else lambda: None


def _orphan(world: World) -> Undo:
    with world.lock:
        books, now = world.usdm, world.clocks.exchange_ms()
        price = (books.prices.of(_SYMBOL) / 2).quantize(Decimal(1))
        number = books.orders.next_id()
        order = Order(
            order_id=number,
            client_order_id=f"web_orphan{number}",  # as the exchange's website names its own
            symbol=_SYMBOL,
            side="BUY",
            kind="LIMIT",
            time_in_force="GTC",
            quantity=Decimal("0.004"),
            price=price,
            time=now,
            update_time=now,
        )
        books.orders.add(order)

    def undo() -> None:
        with world.lock, contextlib.suppress(Exception):
            books.cancel(order, world.clocks.exchange_ms())

    return undo
