"""The faults, one a file. Adding one means a new file and one line here."""

from tests.sim.faults.api_key import ApiKey
from tests.sim.faults.base import Fault
from tests.sim.faults.clock_drift import ClockDrift
from tests.sim.faults.data_corruption import DataCorruption
from tests.sim.faults.exchange_maintenance import ExchangeMaintenance
from tests.sim.faults.kill_switch import KillSwitch
from tests.sim.faults.memory_exhaustion import MemoryExhaustion
from tests.sim.faults.network_disconnection import NetworkDisconnection
from tests.sim.faults.partial_fills import PartialFills
from tests.sim.faults.position_mismatch import PositionMismatch
from tests.sim.faults.process_crash import ProcessCrash

FAULTS: tuple[type[Fault], ...] = (
    NetworkDisconnection,
    ClockDrift,
    KillSwitch,
    PartialFills,
    ExchangeMaintenance,
    ProcessCrash,
    DataCorruption,
    ApiKey,
    PositionMismatch,
    MemoryExhaustion,
)
