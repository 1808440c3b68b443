"""One bot: where it lives, how it is recognised, started, judged."""

from typing import Annotated, Literal

from msgspec import Meta, field

from exporter.config.base import (
    Argv,
    Bytes,
    Count,
    Milliseconds,
    Name,
    Quantity,
    Ratio,
    Seconds,
    Section,
    Text,
    Url,
)
from exporter.config.venue import Venue


class Paths(Section, frozen=True, kw_only=True):
    """The bot's files; relative ones start at the bot's root."""

    kill_switch_flag: Text = "state/kill_switch.flag"
    kill_switch_state: Text = "state/kill_switch_state.json"
    pause_flag: Text | None = None
    positions: Text = "state/positions.json"
    state: tuple[Text, ...] = ("state/*.json",)
    logs: tuple[Text, ...] = ("logs/*.log",)
    data: tuple[Text, ...] = ()
    backups: Text = "backup/"


class Process(Section, frozen=True, kw_only=True):
    """How the bot's process is recognised: exactly one of the three."""

    systemd_unit: Text | None = None
    pidfile: Text | None = None
    cmdline: Text | None = None


class Heartbeat(Section, frozen=True, kw_only=True):
    """What moves while the bot works: a file's mtime, a log line, or an HTTP endpoint."""

    file: Text | None = None
    log_pattern: Text | None = None
    http: Url | None = None
    max_age_seconds: Seconds = 120.0


class ResyncClock(Section, frozen=True, kw_only=True):
    """The host's own clock commands, each under what it does to the clock."""

    slew: Argv | None = None
    step: Argv | None = None


class Commands(Section, frozen=True, kw_only=True):
    """What to run for the bot, in the bot's root.

    ``start`` must return: a service manager's command, or one that puts the bot
    into a session of its own (``setsid --fork …``).
    """

    start: Argv | None = None
    start_dry_run: Argv | None = None
    stop: Argv | None = None
    doctor: Argv | None = None
    backup: Argv | None = None
    refresh_filters: Argv | None = None
    refresh_fees: Argv | None = None
    download_data: Argv | None = None
    resync_clock: ResyncClock = ResyncClock()


class ClockSync(Section, frozen=True, kw_only=True):
    """The bot's clock limits, under the bot's own names."""

    warn_threshold_ms: Milliseconds = 500.0
    kill_threshold_ms: Milliseconds = 2000.0
    refresh_sec: Seconds = 60.0


class Latency(Section, frozen=True, kw_only=True):
    """The bot's request limits, under the bot's own names."""

    timeout_ms: Milliseconds = 2500.0
    retries: Annotated[int, Meta(ge=0, le=100)] = 1


class ExecutionParams(Section, frozen=True, kw_only=True):
    """The bot's order limits, under the bot's own names."""

    ttl_steps: Count | None = None


class Tolerances(Section, frozen=True, kw_only=True):
    """When positions count as different (facts on reconciliation, section 5).

    ``steps`` overrides an instrument's step size; ``spot_baselines`` is, per asset, what the
    account holds beside the bot. ``samples`` differing reads over at least
    ``confirm_seconds`` make a mismatch; an order of the bot on the symbol changed within
    ``grace_seconds`` makes it wait.
    """

    grace_seconds: Annotated[float, Meta(ge=5, le=600)] = 5.0
    samples: Annotated[int, Meta(ge=3, le=20)] = 3
    confirm_seconds: Annotated[float, Meta(ge=0.1, le=600)] = 4.0
    max_age_seconds: Seconds = 30.0
    max_skew_seconds: Seconds = 10.0
    fee_ratio: Annotated[float, Meta(ge=0, le=0.05)] = 0.002
    steps: dict[Name, Quantity] = field(default_factory=dict)
    spot_baselines: dict[Name, Quantity] = field(default_factory=dict)


class DataChecks(Section, frozen=True, kw_only=True):
    """How the bot's data files are judged (runbook section 7).

    ``filters`` names the file with the exchange's filters; the rest of ``paths.data`` is held to
    ``max_age_seconds`` if it is set. ``manifest`` is a ``sha256sum`` file, paths in it relative
    to the bot's root.
    """

    filters: Text = "data/binance_filters.json"
    filters_max_age_seconds: Seconds = 30 * 86400.0
    max_age_seconds: Seconds | None = None
    max_nan_ratio: Ratio = 0.05
    min_rows: Count = 1
    max_size_drop_ratio: Ratio = 0.5
    manifest: Text | None = None
    backup_max_age_seconds: Seconds = 7 * 86400.0
    memory_limit_bytes: Bytes = 1 << 30
    timeout_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60.0


class MemoryPolicy(Section, frozen=True, kw_only=True):
    """How much of its memory limit the bot may use; ``limit_bytes`` is a limit of our own."""

    limit_bytes: Bytes | None = None
    warn_ratio: Ratio = 0.8
    critical_ratio: Ratio = 0.92


class DiskPolicy(Section, frozen=True, kw_only=True):
    """How much room must be left where the bot writes."""

    min_free_ratio: Ratio = 0.05


class MarketData(Section, frozen=True, kw_only=True):
    """How old the last message of a stream of the bot's symbols may be."""

    max_age_seconds: Seconds = 60.0


class BotMetrics(Section, frozen=True, kw_only=True):
    """The bot's own Prometheus endpoint, and which of its metrics mean what.

    ``heartbeat`` and ``market_data`` name metrics whose values are Unix seconds; the latter has
    one series per stream, told apart by the label ``stream_label``.
    """

    url: Url
    heartbeat: Text | None = None
    market_data: Text | None = None
    stream_label: Text = "stream"


class Bot(Section, frozen=True, kw_only=True):
    """One bot: where it lives, what it trades on, how it is started and stopped."""

    name: Name
    mode: Literal["paper", "live"]
    root: Text
    venue: Venue
    bot_config: Text | None = None
    paths: Paths = Paths()
    process: Process
    heartbeat: Heartbeat
    commands: Commands = Commands()
    clock_sync: ClockSync = ClockSync()
    latency: Latency = Latency()
    execution_params: ExecutionParams = ExecutionParams()
    bar_seconds: Seconds | None = None
    tolerances: Tolerances = Tolerances()
    log_events: dict[Name, Text] = field(default_factory=dict)
    data_checks: DataChecks = DataChecks()
    memory: MemoryPolicy = MemoryPolicy()
    disk: DiskPolicy = DiskPolicy()
    market_data: MarketData = MarketData()
    metrics: BotMetrics | None = None
