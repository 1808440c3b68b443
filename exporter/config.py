"""The one YAML file that both programs read: its shape, defaults and bounds.

Strict on purpose: an unknown key, a wrong type or a bad range refuses to start
and names the key path and what is accepted (design §4). Secrets appear here
only as references. Reading the file is in ``exporter.config_file``.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, le=86400 * 31)]
Milliseconds = Annotated[float, Meta(gt=0, le=3_600_000)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$")]
Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2048)]
HostPort = Annotated[str, Meta(pattern=r"^[^\s/]+$", max_length=255)]
Argv = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the file in which only the named keys are accepted."""


class Credentials(Section, frozen=True, kw_only=True):
    """Where a key pair is found: names in an env file or the environment, or two files."""

    env_file: Text | None = None
    key: Text | None = None
    secret: Text | None = None
    key_file: Text | None = None
    secret_file: Text | None = None


class CredentialRoles(Section, frozen=True, kw_only=True):
    """Three roles, three keys; a role left out is simply not used."""

    bot: Credentials | None = None
    exporter: Credentials | None = None
    remediation: Credentials | None = None


class Venue(Section, frozen=True, kw_only=True):
    """The exchange a bot trades on.

    ``client_order_prefix`` is how the bot's own orders begin; without it every
    resting order counts as somebody else's.
    """

    kind: Literal["binance_spot", "binance_usdm", "alpaca"]
    base_url: Url
    sapi_base_url: Url | None = None
    account: Name = "main"
    client_order_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{2,20}$")] | None = None
    credentials: CredentialRoles = CredentialRoles()
    maintenance_windows: tuple[Text, ...] = ()

    @property
    def clock_ahead_limit_seconds(self) -> float | None:
        """From where on the venue refuses requests "ahead of the server's time".

        Binance, request security: a timestamp 1000 ms or more ahead is -1021.
        """
        return None if self.kind == "alpaca" else 1.0

    @property
    def market(self) -> str:
        """The market label of this kind of venue."""
        return {"binance_spot": "spot", "binance_usdm": "usdm", "alpaca": "us_equity"}[self.kind]


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


class ClockReference(Section, frozen=True, kw_only=True):
    """A second exchange whose clock is asked, without a key."""

    kind: Literal["binance_spot", "binance_usdm", "alpaca"]
    base_url: Url


class ExporterSettings(Section, frozen=True, kw_only=True):
    """How the exporter asks. Remote sources are polled in the background."""

    ntp_servers: tuple[HostPort, ...] = (
        "0.pool.ntp.org",
        "1.pool.ntp.org",
        "2.pool.ntp.org",
        "3.pool.ntp.org",
    )
    clock_references: tuple[ClockReference, ...] = ()
    poll_seconds: Annotated[float, Meta(ge=0.2, le=3600)] = 15.0
    ntp_poll_seconds: Annotated[float, Meta(ge=0.2, le=3600)] = 60.0
    stale_intervals: Count = 3
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 2.5
    clock_samples: Annotated[int, Meta(ge=5, le=50)] = 5


class Operator(Section, frozen=True, kw_only=True):
    """A person who may approve. The token identifies him; the journal names him."""

    name: Name
    token_env: Text | None = None
    token_file: Text | None = None


class Budget(Section, frozen=True, kw_only=True):
    """At most ``actions`` of one kind within ``window_seconds``."""

    actions: Count
    window_seconds: Seconds = 3600.0


class RemediationSettings(Section, frozen=True, kw_only=True):
    """What the receiver may do. Dry-run until the owner turns it off."""

    dry_run: bool = True
    data_dir: Text = "/var/lib/tradewarden"
    webhook_token_env: Text | None = None
    webhook_token_file: Text | None = None
    operators: tuple[Operator, ...] = ()
    external_url: Url = "http://127.0.0.1:9841"
    reconcile_seconds: Annotated[float, Meta(ge=0.5, le=3600)] = 30.0
    defer_escalate_seconds: Seconds = 600.0
    approval_seconds: Seconds = 3600.0
    restart_budget: Budget = Budget(actions=3)
    clock_budget: Budget = Budget(actions=6)
    incident_budget: Budget = Budget(actions=12)
    cooldown_seconds: Seconds = 300.0
    storm_scenarios: Count = 3
    verify_samples: Annotated[int, Meta(ge=2, le=100)] = 3
    verify_interval_seconds: Seconds = 5.0
    verify_within_seconds: Seconds = 300.0
    dry_run_seconds: Seconds = 60.0
    live_proof_seconds: Seconds = 120.0
    watch_seconds: Seconds = 3600.0
    stop_seconds: Seconds = 60.0
    command_seconds: Seconds = 120.0
    escalation_repeat_seconds: Seconds = 60.0
    fallback_pager_url: Url | None = None
    fallback_after_seconds: Seconds = 120.0


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
