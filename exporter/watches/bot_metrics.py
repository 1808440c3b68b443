"""What one bot says of itself on its own metrics endpoint, if it has one."""

from exporter.config import Bot, ExporterSettings
from exporter.observation import Observation
from exporter.readings import BotMetricsReading
from exporter.sources.bot_metrics import BotMetricsClient
from exporter.watches.timing import Timing


class BotMetricsWatch:
    """Reads the endpoint; times on it are taken at face value while the newest read worked.

    Args:
        bot: whose endpoint; without one there is nothing to do.
        settings: how often, and how long to wait.
        timing: the clocks to go by.
    """

    name = "bot_metrics"

    def __init__(
        self, bot: Bot, settings: ExporterSettings, *, timing: Timing | None = None
    ) -> None:
        self.seconds = settings.poll_seconds
        timing = timing or Timing()
        metrics, timeout = bot.metrics, settings.timeout_seconds
        self._client = BotMetricsClient(metrics, timeout=timeout) if metrics is not None else None
        self.observed: Observation[BotMetricsReading] = Observation(
            f"{bot.name}/bot_metrics",
            settings.stale_intervals * self.seconds + timeout,
            wall=timing.wall,
            monotonic=timing.monotonic,
        )

    @property
    def configured(self) -> bool:
        """Whether the bot has an endpoint."""
        return self._client is not None

    @property
    def reading(self) -> BotMetricsReading | None:
        """What it says now; None if it cannot be read."""
        return self.observed.current()

    def round(self) -> None:
        """Read once."""
        if (client := self._client) is not None:
            self.observed.ask(client.read)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
