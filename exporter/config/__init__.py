"""The one YAML file that both programs read: its shape, defaults and bounds.

Strict on purpose: an unknown key, a wrong type or a bad range refuses to start
and names the key path and what is accepted (design §4). Secrets appear here
only as references. Reading the file is in ``exporter.config_file``.
"""

from typing import Annotated

from msgspec import Meta

from exporter.config.base import (
    Argv,
    Bytes,
    Count,
    HostPort,
    Milliseconds,
    Name,
    Quantity,
    Ratio,
    Seconds,
    Section,
    Text,
    Url,
    WsUrl,
)
from exporter.config.bot import (
    Bot,
    BotMetrics,
    ClockSync,
    Commands,
    DataChecks,
    DiskPolicy,
    ExecutionParams,
    Heartbeat,
    Latency,
    MarketData,
    MemoryPolicy,
    Paths,
    Process,
    ResyncClock,
    Tolerances,
)
from exporter.config.exporter import (
    ClockReference,
    ExporterSettings,
)
from exporter.config.remediation import (
    Budget,
    Operator,
    RemediationSettings,
)
from exporter.config.venue import (
    ApiKeyPolicy,
    CredentialRoles,
    Credentials,
    Proxy,
    Venue,
)

__all__ = [
    "ApiKeyPolicy",
    "Argv",
    "Bot",
    "BotMetrics",
    "Budget",
    "Bytes",
    "ClockReference",
    "ClockSync",
    "Commands",
    "Config",
    "Count",
    "CredentialRoles",
    "Credentials",
    "DataChecks",
    "DiskPolicy",
    "ExecutionParams",
    "ExporterSettings",
    "Heartbeat",
    "HostPort",
    "Latency",
    "MarketData",
    "MemoryPolicy",
    "Milliseconds",
    "Name",
    "Operator",
    "Paths",
    "Process",
    "Proxy",
    "Quantity",
    "Ratio",
    "RemediationSettings",
    "ResyncClock",
    "Seconds",
    "Section",
    "Text",
    "Tolerances",
    "Url",
    "Venue",
    "WsUrl",
]


class Config(Section, frozen=True, kw_only=True):
    """The whole file."""

    prometheus_url: Url = "http://127.0.0.1:9090"
    alertmanager_urls: Annotated[tuple[Url, ...], Meta(min_length=1)] = ("http://127.0.0.1:9093",)
    bots: Annotated[tuple[Bot, ...], Meta(min_length=1, max_length=200)]
    exporter: ExporterSettings = ExporterSettings()
    remediation: RemediationSettings = RemediationSettings()

    def bot(self, name: str) -> Bot | None:
        """The bot of that name, or None: an unknown bot is not ours."""
        return next((bot for bot in self.bots if bot.name == name), None)

    def sharing_account(self, bot: Bot) -> tuple[Bot, ...]:
        """The other bots on a bot's account: its positions and orders are theirs, too."""
        return tuple(
            other
            for other in self.bots
            if other.name != bot.name and other.venue.place == bot.venue.place
        )
