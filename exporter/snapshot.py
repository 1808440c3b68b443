"""One moment of everything the poller knows: what the collectors turn into metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.config import Bot
from exporter.errors import Reason
from exporter.readings import (
    AccountReading,
    BotMetricsReading,
    BotSettings,
    ClockDaemonReading,
    ClockReading,
    Comparison,
    DataReading,
    DiskReading,
    Fee,
    HostReading,
    KeyReading,
    KillSwitchReading,
    LogReading,
    MaintenanceReading,
    MarketHours,
    MemoryReading,
    NetworkReading,
    PositionsFileReading,
    ProcessReading,
    RateLimit,
    StreamReading,
    SymbolRules,
)

LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ENDPOINTS = (
    "ping",
    "time",
    "status",
    "account",
    "positions",
    "open_orders",
    "rules",
    "fees",
    "key",
    "history",
    "market_data",
)


@dataclass(frozen=True)
class Attempt:
    """One attempt to read a source: when (Unix time), how long it took, how it went."""

    time: float
    seconds: float
    ok: bool
    detail: str


@dataclass(frozen=True)
class Health:
    """How asking one source has gone; stays when its values have vanished.

    ``attempts`` are recent ones, oldest first; failures are kept longer than successes.
    """

    up: bool
    last_attempt: float | None
    last_success: float | None
    failures: Mapping[Reason, int] = field(default_factory=dict)
    detail: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class Latency:
    """Durations of one endpoint's requests: a count per bucket (the last is +Inf) and the sum."""

    counts: tuple[int, ...] = (0,) * (len(LATENCY_BUCKETS) + 1)
    seconds: float = 0.0


@dataclass(frozen=True)
class BotSnapshot:
    """One bot. A measurement that is None or absent is unknown *now*, never zero.

    ``polled`` is False until the bot's files and process were looked at once; from
    then on an unknown kill switch counts as engaged and an unknown process as down.
    """

    bot: Bot
    polled: bool
    settings: BotSettings
    health: Mapping[str, Health]
    clocks: Mapping[str, ClockReading]
    kill_switch: KillSwitchReading | None
    process: ProcessReading | None
    heartbeat: float | None
    positions: PositionsFileReading | None
    file_valid: Mapping[str, bool]
    account: AccountReading | None
    latency: Mapping[str, Latency]
    request_failures: Mapping[tuple[str, Reason], int]
    unclean_exits: int
    restarts: int = 0
    oom_kills: int = 0
    disks: tuple[DiskReading, ...] = ()
    memory: MemoryReading | None = None
    bot_metrics: BotMetricsReading | None = None
    logs: LogReading | None = None
    data: DataReading | None = None
    network: NetworkReading | None = None
    streams: tuple[StreamReading, ...] = ()
    market_hours: MarketHours | None = None
    maintenance: MaintenanceReading | None = None
    rules: tuple[SymbolRules, ...] | None = None
    coins: Mapping[str, bool] = field(default_factory=dict)  # by all rules ever read
    filters_outdated: int | None = None
    fees: tuple[Fee, ...] | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    quiet_until: float | None = None
    keys: tuple[KeyReading, ...] = ()
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Snapshot:
    """All bots at one moment, and the host that they share."""

    bots: tuple[BotSnapshot, ...]
    host: HostReading | None = None
    clock_daemons: tuple[ClockDaemonReading, ...] = ()
