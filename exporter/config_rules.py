"""Rules of the configuration file that span keys, and values that only look right."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from exporter import maintenance_windows
from exporter.config import Bot, Config, Credentials, Venue
from exporter.errors import ConfigError
from exporter.sources import log_patterns

# Hosts at which real money moves; a mode that contradicts them is refused.
LIVE_HOSTS = re.compile(
    r"^(api\d?|api-gcp|fapi|dapi)\.binance\.(com|us)$|^api\.alpaca\.markets$", re.IGNORECASE
)
TEST_HOSTS = re.compile(
    r"^(testnet\.binance\.vision|demo-f?api\.binance\.com|testnet\.binancefuture\.com"
    r"|paper-api\.alpaca\.markets)$",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._]*")


def judge(config: Config) -> None:
    """Refuse what the shape alone cannot tell.

    Raises:
        ConfigError: the first rule that is broken.
    """
    names = [bot.name for bot in config.bots]
    for index, bot in enumerate(config.bots):
        where = f"bots[{index}]"
        if names.index(bot.name) != index:
            raise ConfigError(f"{where}.name", f"{bot.name} is used twice", "a name of its own")
        _judge_bot(where, bot)
    _judge_accounts(config.bots)
    if len(config.exporter.ntp_servers) in (1, 2):
        raise ConfigError(
            "exporter.ntp_servers",
            "has too few servers to outvote a wrong one",
            "at least three, better four; or [] to use none",
        )
    settings = config.remediation
    _judge_one_of(
        "remediation",
        required=False,
        webhook_token_env=settings.webhook_token_env,
        webhook_token_file=settings.webhook_token_file,
    )
    for index, operator in enumerate(settings.operators):
        _judge_one_of(
            f"remediation.operators[{index}]",
            token_env=operator.token_env,
            token_file=operator.token_file,
        )


def _judge_accounts(bots: tuple[Bot, ...]) -> None:
    """Refuse to guess whether two keys at one address open the same account.

    Bots that share one are compared with it together: taken for one, two accounts would each
    hide what the other's bots should not hold.
    """
    for index, bot in enumerate(bots):
        key, venue = bot.venue.credentials.account_reader, bot.venue
        for other in bots[:index]:
            if (
                venue.address == other.venue.address
                and None in (venue.account, other.venue.account)
                and None not in (key, other.venue.credentials.account_reader)
                and key != other.venue.credentials.account_reader
            ):
                words = "two keys at one address may be two accounts"
                raise ConfigError(
                    f"bots[{index}].venue.account",
                    f"is needed here and for {other.name}: {words}",
                    "the same name for both if they share the account, else one for each",
                )


def _judge_bot(where: str, bot: Bot) -> None:
    if not Path(bot.root).is_absolute():
        raise ConfigError(f"{where}.root", f"{bot.root} is relative", "an absolute path")
    host = urlsplit(bot.venue.base_url).hostname or ""
    if bot.mode == "paper" and LIVE_HOSTS.match(host):
        raise ConfigError(f"{where}.mode", f"is paper, but {host} trades real money", "live")
    if bot.mode == "live" and TEST_HOSTS.match(host):
        raise ConfigError(f"{where}.mode", f"is live, but {host} is a test venue", "paper")
    _judge_venue(f"{where}.venue", bot.venue)
    process, beat = bot.process, bot.heartbeat
    _judge_one_of(
        f"{where}.process",
        systemd_unit=process.systemd_unit,
        pidfile=process.pidfile,
        cmdline=process.cmdline,
    )
    _judge_one_of(
        f"{where}.heartbeat", file=beat.file, log_pattern=beat.log_pattern, http=beat.http
    )
    for name, pattern in (
        ("process.cmdline", process.cmdline),
        ("heartbeat.log_pattern", beat.log_pattern),
    ):
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ConfigError(f"{where}.{name}", f"is no regular expression: {error}") from error
    if bot.clock_sync.warn_threshold_ms >= bot.clock_sync.kill_threshold_ms:
        raise ConfigError(
            f"{where}.clock_sync.warn_threshold_ms",
            "is not below kill_threshold_ms",
            f"less than {bot.clock_sync.kill_threshold_ms:g}",
        )
    if bot.memory.warn_ratio >= bot.memory.critical_ratio:
        raise ConfigError(
            f"{where}.memory.warn_ratio",
            "is not below critical_ratio",
            f"less than {bot.memory.critical_ratio:g}",
        )
    _judge_log_events(f"{where}.log_events", bot.log_events)
    for symbol, step in bot.tolerances.steps.items():
        if not Decimal(step):
            raise ConfigError(
                f"{where}.tolerances.steps.{symbol}", "is zero", "the smallest tradable quantity"
            )


def _judge_log_events(where: str, patterns: Mapping[str, str]) -> None:
    if len(patterns) > log_patterns.MAX_CONFIGURED:
        raise ConfigError(
            where, f"has {len(patterns)} events", f"at most {log_patterns.MAX_CONFIGURED}"
        )
    for name, pattern in patterns.items():
        if problem := log_patterns.problem_with(name, pattern):
            raise ConfigError(f"{where}.{name}", problem, log_patterns.ACCEPTED)


def _judge_venue(where: str, venue: Venue) -> None:
    roles = venue.credentials
    for role in ("bot", "exporter", "remediation"):
        if (credentials := getattr(roles, role)) is not None:
            _judge_credentials(f"{where}.credentials.{role}", credentials)
    for number, symbol in enumerate(venue.symbols):
        if not _SYMBOL.fullmatch(symbol):
            key = f"{where}.symbols[{number}]"
            raise ConfigError(key, f"is {symbol}", "the exchange's own spelling, such as BTCUSDT")
    for number, window in enumerate(venue.maintenance_windows):
        try:
            maintenance_windows.parse(window)
        except ValueError as error:
            key = f"{where}.maintenance_windows[{number}]"
            raise ConfigError(key, str(error), maintenance_windows.ACCEPTED) from error
    if venue.proxy is not None:
        _judge_one_of(f"{where}.proxy", env_file=venue.proxy.env_file, url=venue.proxy.url)
        if "@" in urlsplit(venue.proxy.url or "").netloc:
            raise ConfigError(
                f"{where}.proxy.url", "holds a password", "env_file, in which the password may be"
            )


def _judge_credentials(where: str, credentials: Credentials) -> None:
    by_name = credentials.key is not None and credentials.secret is not None
    by_file = credentials.key_file is not None and credentials.secret_file is not None
    if by_name == by_file or (by_file and credentials.env_file is not None):
        raise ConfigError(
            where, "names no complete key pair", "key and secret, or key_file and secret_file"
        )


def _judge_one_of(where: str, *, required: bool = True, **options: str | None) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1 or (required and not given):
        problem = f"has {' and '.join(given)}" if given else "names nothing"
        raise ConfigError(where, problem, f"exactly one of {', '.join(options)}")
