"""The way from this host to one bot's exchange."""

from exporter.config import Bot, ExporterSettings
from exporter.observation import Observation
from exporter.readings import NetworkReading
from exporter.sources.exchange import RateBook
from exporter.sources.exchange.probe_toll import ProbeToll
from exporter.sources.network import NetworkProbe
from exporter.sources.proxy import read_proxy
from exporter.watches.timing import Timing

_TRIES = 3
_PAUSES_SECONDS = 1.0


class NetworkWatch:
    """Probes through the bot's own proxy; second hosts tell whose a fault is.

    Args:
        bot: whose exchange.
        settings: second hosts (without any, the clock references serve), and how long to wait.
        seconds: between two probes.
        timing: the clocks to go by.
        limits: the book of all rate limits, in which the probe's requests count, too.
    """

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        seconds: float,
        timing: Timing,
        limits: RateBook,
    ) -> None:
        self._bot = bot
        self._settings = settings
        self._timing = timing
        self._limits = limits
        self._probe: NetworkProbe | None = None
        self.longest = _TRIES * settings.timeout_seconds + _PAUSES_SECONDS
        self.network: Observation[NetworkReading] = Observation(
            f"{bot.name}/network",
            settings.stale_intervals * seconds + self.longest,
            wall=timing.wall,
            monotonic=timing.monotonic,
        )

    def look(self, *, ask: bool) -> NetworkReading | None:
        """Probe once; ``ask`` is False while the exchange wants no requests."""
        return self.network.ask(lambda: self._open().read(ask=ask))

    def _open(self) -> NetworkProbe:
        if self._probe is None:
            settings, venue = self._settings, self._bot.venue
            references = tuple(reference.base_url for reference in settings.clock_references)
            self._probe = NetworkProbe(
                venue,
                others=settings.second_hosts or references,
                timeout=settings.timeout_seconds,
                tries=_TRIES,
                toll=ProbeToll(venue, self._limits),
                read_proxy=lambda: read_proxy(venue),
                pause=self._timing.pause,
                monotonic=self._timing.monotonic,
            )
        return self._probe
