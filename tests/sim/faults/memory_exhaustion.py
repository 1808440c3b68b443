"""The bot's process takes more and more memory, or finds none left."""

import json
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tests.sim.bot_memory import COMMAND
from tests.sim.faults.base import Fault
from tests.sim.files import replace
from tests.sim.processes import live_bot
from tests.sim.world import FaultError, Undo, World


class MemoryExhaustion(Fault, frozen=True, kw_only=True):
    """How the bot comes to need more memory than there is.

    ``spike`` takes ``mebibytes`` at once, ``leak`` a tenth of it a step; ``error`` is a
    MemoryError that the bot does not survive.
    """

    scenario: ClassVar[str] = "memory_exhaustion"
    kind: Literal["leak", "spike", "error"] = "leak"
    mebibytes: Annotated[int, Meta(ge=1, le=4096)] = 128
    bot: str | None = None

    def inject(self, world: World) -> Undo:
        """Tell the bot through a file; it gives everything back when the fault ends."""
        root = world.bot_root(self.bot)
        if live_bot(root) is None:
            raise FaultError(f"no live bot in {root}")
        command = {"kind": self.kind, "mebibytes": self.mebibytes}
        return replace(root / COMMAND, json.dumps(command).encode())
