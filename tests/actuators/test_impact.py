"""What a restart would find at the exchange: whose orders rest there."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from exporter.config import Bot, Config, CredentialRoles, Credentials, ExporterSettings, Venue
from remediation.impact import read_impact
from remediation.world import World
from tests.sim.conftest import Caller
from tests.sim.order_lists import OCO
from tests.sim.serve import Response
from tests.sim.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


@pytest.fixture
def trader(bot: Bot, simulator: Simulator, root: Path) -> Bot:
    """A spot bot whose orders begin with tb2-, and which believes in no position."""
    ready = simulator.ready
    (root / "keys").write_text(
        f"K={ready['remediation_key']}\nS={ready['remediation_secret']}\n", encoding="utf-8"
    )
    (root / bot.paths.positions).parent.mkdir(parents=True, exist_ok=True)
    (root / bot.paths.positions).write_text("{}", encoding="utf-8")
    keys = Credentials(env_file=str(root / "keys"), key="K", secret="S")
    venue = Venue(
        kind="binance_spot",
        base_url=ready["exchange"],
        client_order_prefix="tb2-",
        credentials=CredentialRoles(remediation=keys),
    )
    return msgspec.structs.replace(bot, venue=venue)


@pytest.mark.parametrize(
    ("name", "refused", "orphans"), [("tb2-7", False, 0), ("other", False, 2), ("tb2-7", True, 2)]
)
def test_a_leg_is_no_orphan_if_its_list_is_the_bot_s(
    trader: Bot, simulator: Simulator, *, name: str, refused: bool, orphans: int
) -> None:
    """One of which that cannot be told is an orphan: a person decides."""
    caller = Caller(simulator)
    with caller.http:
        path = "/api/v3/orderList/oco"
        caller.call("POST", path, **OCO, listClientOrderId=name).raise_for_status()
    if refused:
        simulator.world.intercepts["test"] = lambda request: (
            Response(500, {}) if request.path.endswith("/openOrderList") else None
        )
    world = World(Config(bots=(trader,), exporter=ExporterSettings(timeout_seconds=30.0)))
    try:
        impact = read_impact(world, trader)
    finally:
        world.close()
    assert len(impact.open_orders) == 2
    assert len(impact.foreign_orders) == orphans
