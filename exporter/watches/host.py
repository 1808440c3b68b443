"""The host that all bots share: memory at each scrape, its time service now and then."""

import time
from collections.abc import Callable

from exporter.config import ExporterSettings
from exporter.observation import Observation
from exporter.readings import ClockDaemonReading, HostReading
from exporter.sources.clock_daemons import read_clock_daemons
from exporter.sources.host_memory import read_host

_INTERVAL_SECONDS = 5.0


class HostWatch:
    """Reads the host.

    Args:
        settings: how often without a scrape, and how often the time service is asked.
        monotonic: what intervals are measured by.
    """

    name = "host"

    def __init__(
        self, settings: ExporterSettings, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = min(settings.poll_seconds, _INTERVAL_SECONDS)
        stale = settings.stale_intervals * self.seconds + _INTERVAL_SECONDS
        daemon_stale = settings.stale_intervals * settings.ntp_poll_seconds + _INTERVAL_SECONDS
        self._monotonic = monotonic
        self._daemon_seconds = settings.ntp_poll_seconds
        self._daemons_due = float("-inf")
        self.host: Observation[HostReading] = Observation("host", stale)
        self.clock_daemons: Observation[tuple[ClockDaemonReading, ...]] = Observation(
            "host/clock", daemon_stale
        )

    def round(self) -> None:
        """Read the host, and its time service when that is due."""
        self.host.ask(read_host)
        if self._monotonic() >= self._daemons_due:
            self._daemons_due = self._monotonic() + self._daemon_seconds
            self.clock_daemons.ask(read_clock_daemons)

    def close(self) -> None:
        """Nothing is kept open between rounds."""
