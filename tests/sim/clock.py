"""The clocks of the simulated world. The machine's own clock is never touched.

A wrong local clock is simulated by moving every reference the other way. All
offsets are seconds; positive means "the local clock appears ahead of it".
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

NTP_SERVERS = 4


@dataclass
class Clocks:
    """Offsets by cause; what a reference shows is the sum of the causes that reach it."""

    wall: Callable[[], float] = time.time
    local: float = 0.0
    exchange: float = 0.0
    ntp: float = 0.0
    ntp_one: float = 0.0
    repairs: list[dict[str, object]] = field(default_factory=list)

    def exchange_seconds(self) -> float:
        """The exchange's time as Unix seconds."""
        return self.wall() - self.local - self.exchange

    def exchange_ms(self) -> int:
        """The exchange's time in whole milliseconds, as its API shows it."""
        return int(self.exchange_seconds() * 1000)

    def reference_seconds(self) -> float:
        """The second exchange's time as Unix seconds."""
        return self.wall() - self.local

    def reference_ms(self) -> int:
        """The second exchange's time in whole milliseconds."""
        return int(self.reference_seconds() * 1000)

    def ntp_time(self, server: int) -> float:
        """Unix time as NTP server number ``server`` tells it; only server 0 ever lies alone."""
        lie = self.ntp_one if server == 0 else 0.0
        return self.wall() - self.local - self.ntp - lie

    def repair(self, action: str) -> float:
        """Correct the local clock, as chrony would; return what was removed."""
        removed, self.local = self.local, 0.0
        self.repairs.append({"action": action, "removed_seconds": removed, "at": self.wall()})
        return removed

    def reset(self) -> None:
        """Set every clock right."""
        self.local = self.exchange = self.ntp = self.ntp_one = 0.0

    def state(self) -> dict[str, object]:
        """Describe the offsets for ``/state``."""
        return {
            "offset_seconds": {
                "ntp": self.local + self.ntp,
                "exchange": self.local + self.exchange,
                "reference": self.local,
            },
            "ntp_one_seconds": self.ntp_one,
            "repairs": list(self.repairs),
        }
