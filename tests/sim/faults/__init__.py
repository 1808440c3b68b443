"""The faults, one a file. Adding one means a new file and one line here."""

from tests.sim.faults.base import Fault
from tests.sim.faults.clock_drift import ClockDrift
from tests.sim.faults.kill_switch import KillSwitch
from tests.sim.faults.process_crash import ProcessCrash

FAULTS: tuple[type[Fault], ...] = (
    ClockDrift,
    KillSwitch,
    ProcessCrash,
)
