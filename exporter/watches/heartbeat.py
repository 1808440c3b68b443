"""One bot's heartbeat over HTTP: asked in the background, since a stuck bot may not answer."""

from exporter.config import Bot, ExporterSettings
from exporter.observation import Observation
from exporter.sources import bot as bot_source

_INTERVAL_SECONDS = 5.0


class HeartbeatWatch:
    """Asks the bot's health endpoint; a file or a log is read with the bot's other files.

    Args:
        bot: whose heartbeat.
        settings: how often, and how long to wait.
    """

    name = "heartbeat"

    def __init__(self, bot: Bot, settings: ExporterSettings) -> None:
        self.seconds = min(settings.poll_seconds, _INTERVAL_SECONDS)
        self.configured = bot.heartbeat.http is not None
        self._bot = bot
        self.heartbeat: Observation[float] = Observation(
            f"{bot.name}/heartbeat",
            settings.stale_intervals * self.seconds + bot_source.HEARTBEAT_HTTP_SECONDS,
        )

    def round(self) -> None:
        """Ask once."""
        self.heartbeat.ask(lambda: bot_source.read_heartbeat(self._bot))

    def close(self) -> None:
        """Nothing is kept open between rounds."""
