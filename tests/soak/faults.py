"""What goes wrong in the course of a day, and how it is put right."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.hostile.damage import replace
from tests.sim.faults.api_key import ApiKey
from tests.sim.faults.base import Fault
from tests.sim.faults.clock_drift import ClockDrift
from tests.sim.faults.exchange_maintenance import ExchangeMaintenance
from tests.sim.faults.network_disconnection import NetworkDisconnection
from tests.sim.faults.partial_fills import PartialFills
from tests.sim.faults.position_mismatch import PositionMismatch
from tests.sim.world import World

Undo = Callable[[], object]


def troubles(
    world: World, roots: tuple[Path, ...], restart: Callable[[], Undo]
) -> Iterator[Callable[[], Undo]]:
    """Yield one after the other without end; each is called to begin and returns its end.

    Args:
        world: the simulated exchanges.
        roots: of the bots.
        restart: ends the bots' processes; what it returns starts them again.
    """

    def inject(fault: Fault) -> Callable[[], Undo]:
        return lambda: fault.inject(world)

    def shut(*names: str) -> Callable[[], Undo]:
        def go() -> Undo:
            with ExitStack() as openings:
                for name in names:
                    world.doors[name].shut()
                    openings.callback(world.doors[name].open)
                return openings.pop_all().close

        return go

    def damage(path: str, kind: str) -> Callable[[], Undo]:
        def go() -> Undo:
            with ExitStack() as repairs:
                for root in roots:
                    repairs.callback(replace(root / path, kind))
                return repairs.pop_all().close

        return go

    while True:
        yield lambda: lambda: None
        yield inject(NetworkDisconnection())
        yield shut("ntp", "stream_usdm", "reference")
        yield damage("state/kill_switch_state.json", "cut")
        yield restart
        yield inject(ExchangeMaintenance(kind="503"))
        yield damage("data/prices.json", "huge")
        yield inject(ApiKey(role="exporter"))
        yield shut("exchange", "alpaca", "stream")
        yield inject(PositionMismatch())
        yield damage("state/positions.json", "pipe")
        yield inject(ClockDrift(where="exchange"))
        yield inject(PartialFills())
        yield damage("config.yaml", "not_utf8")
