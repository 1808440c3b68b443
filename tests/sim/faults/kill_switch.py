"""The bot's kill switch engages: by its own limit, by a person, or unreadably."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tests.sim.faults.base import Fault
from tests.sim.files import replace
from tests.sim.serve import Request, Response
from tests.sim.world import FaultError, Undo, World

_REFUSED = {"code": -2010, "msg": "Account has insufficient balance for requested action."}


class KillSwitch(Fault, frozen=True, kw_only=True):
    """``count`` is how many new orders the exchange refuses under ``errors``."""

    scenario: ClassVar[str] = "kill_switch"
    cause: Literal["errors", "manual", "state_unreadable"] = "errors"
    count: Annotated[int, Meta(ge=1, le=1000)] = 5
    bot: str | None = None

    def inject(self, world: World) -> Undo:
        """Bring about the cause; what the bot latched by itself stays when it ends."""
        if self.cause == "errors":
            return _refuse_orders(world, self.count)
        state = world.bot_root(self.bot) / "state"
        if not state.is_dir():
            raise FaultError(f"the bot has no directory {state}")
        if self.cause == "manual":
            return replace(state / "kill_switch.flag", b"")
        return replace(state / "kill_switch_state.json", b'{"tripped": fal')


def _refuse_orders(world: World, count: int) -> Undo:
    left = count

    def refuse(request: Request) -> Response | None:
        nonlocal left
        with world.lock:
            if request.method != "POST" or not request.path.endswith("/order") or left == 0:
                return None
            left -= 1
        return Response(400, _REFUSED)

    world.intercepts[KillSwitch.scenario] = refuse
    return lambda: world.intercepts.pop(KillSwitch.scenario, None) and None
