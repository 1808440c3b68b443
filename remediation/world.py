"""Fresh readings for decisions and proof: the exporter's own sources, nothing cached."""

import threading
from collections.abc import Callable

from exporter.config import Bot, ClockReference, Config
from exporter.errors import Reason, SourceError
from exporter.readings import (
    AccountReading,
    BotSettings,
    ClockReading,
    ExchangeStatus,
    KillSwitchReading,
    PositionsFileReading,
    ProcessReading,
)
from exporter.secrets import ApiKey, read_api_key
from exporter.sources import bot as bot_files
from exporter.sources import evidence, host, ntp
from exporter.sources.exchange import Clock, Exchange, RateBook, open_clock, open_exchange
from exporter.sources.exchange.rate_limits import Meter
from exporter.sources.exchange.silences import SilenceStore


class _Silences(RateBook):
    """The book of silences. No share is kept to: who asks before acting must be answered."""

    def admit(self, meter: Meter, weight: int, share: float | None) -> None:  # noqa: ARG002
        """Refuse a request during a silence only."""
        super().admit(meter, weight, None)


class World:
    """Asks the host, the bot's files and the exchange, each time anew.

    What is kept: connections; how long venues want silence, of which the exporter may have heard
    before this process began (its record is read, never written); and which kill-switch state
    files and settings have been seen good, because their later absence means something else than
    having never existed.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._timeout = config.exporter.timeout_seconds
        self._lock = threading.Lock()
        self._seen_state: set[str] = set()
        self._last_settings: dict[str, BotSettings] = {}
        self._venues: dict[str, Exchange] = {}
        self._keys: dict[str, ApiKey | None] = {}
        self._clocks: dict[str, Clock] = {}
        self._limits = _Silences()
        self._limits.recall(SilenceStore(config.exporter.data_dir).load())

    def ntp_clock(self) -> ClockReading:
        """The local clock against NTP, by majority. Raises SourceError."""
        return ntp.read_clock(self._config.exporter.ntp_servers, timeout=self._timeout)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for venue in (*self._venues.values(), *self._clocks.values()):
                venue.close()
            self._venues.clear()
            self._clocks.clear()

    def exchange_clock(self, bot: Bot) -> ClockReading:
        """The local clock against the bot's exchange. Raises SourceError."""
        return self._open_venue(bot).clock(self._config.exporter.clock_samples)

    def reference_clocks(self) -> tuple[ClockReading, ...]:
        """The local clock against each second exchange; all or SourceError."""
        samples = self._config.exporter.clock_samples
        return tuple(
            self._clock(reference).clock(samples)
            for reference in self._config.exporter.clock_references
        )

    def _open_venue(self, bot: Bot) -> Exchange:
        """The client for what needs no key: an unreadable one must not hide the clock."""
        try:
            return self._venue(bot)
        except SourceError as error:
            if error.reason is not Reason.NO_CREDENTIALS:
                raise
            with self._lock:
                known = self._venues.get(bot.name)
            return known or self._client(bot, None)

    def _venue(self, bot: Bot) -> Exchange:
        """The client for signed requests. Raises SourceError: NO_CREDENTIALS."""
        roles = bot.venue.credentials
        credentials = roles.remediation or roles.exporter
        return self._client(bot, None if credentials is None else read_api_key(credentials))

    def _client(self, bot: Bot, key: ApiKey | None) -> Exchange:
        """The one client of a bot's venue, made anew only when its key has changed.

        All clients share one book: whoever asks during a silence (418, 429) prolongs the ban for
        the bot as well, whatever key and connection it has.
        """
        with self._lock:
            known = self._venues.get(bot.name)
            if known is None or not _same(self._keys.get(bot.name), key):
                if known is not None:
                    known.close()
                known = open_exchange(bot.venue, key, timeout=self._timeout, limits=self._limits)
                self._venues[bot.name], self._keys[bot.name] = known, key
            return known

    def _clock(self, reference: ClockReference) -> Clock:
        with self._lock:
            if reference.base_url not in self._clocks:
                self._clocks[reference.base_url] = open_clock(
                    reference, timeout=self._timeout, limits=self._limits
                )
            return self._clocks[reference.base_url]

    def settings(self, bot: Bot) -> BotSettings:
        """The bot's limits in force; never raises."""
        with self._lock:
            last = self._last_settings.get(bot.name)
        settings = bot_files.read_settings(bot, last)
        if settings.readable:
            with self._lock:
                self._last_settings[bot.name] = settings
        return settings

    def kill_switch(self, bot: Bot) -> KillSwitchReading:
        """Flag and state together; never raises."""
        with self._lock:
            seen = bot.name in self._seen_state
        reading = bot_files.read_kill_switch(bot, seen=seen)
        if not seen and bot_files.read_kill_switch(bot, seen=True).state_valid:
            # Valid even under the stricter question: the file exists.
            with self._lock:
                self._seen_state.add(bot.name)
        return reading

    def positions_file(self, bot: Bot) -> PositionsFileReading:
        """The bot's own positions. Raises SourceError."""
        return bot_files.read_positions(bot)

    def sharing_account(self, bot: Bot) -> tuple[Bot, ...]:
        """The other bots on a bot's account."""
        return self._config.sharing_account(bot)

    def account(self, bot: Bot) -> AccountReading:
        """Positions and open orders at the exchange, complete. Raises SourceError."""
        roles = bot.venue.credentials
        if roles.remediation is None and roles.exporter is None:
            raise SourceError(
                Reason.NO_CREDENTIALS,
                "venue.credentials has neither remediation nor exporter",
                permanent=True,
            )
        return self._venue(bot).account()

    def venue_status(self, bot: Bot) -> ExchangeStatus:
        """Whether the venue says it is in maintenance. Raises SourceError."""
        return self._open_venue(bot).status()

    def process(self, bot: Bot) -> ProcessReading:
        """The bot's live process. Raises SourceError."""
        return host.read_process(bot)

    def heartbeat(self, bot: Bot) -> float:
        """Unix time of the bot's last sign of life. Raises SourceError."""
        return bot_files.read_heartbeat(bot)

    def error_lines(self, bot: Bot, n: int = 50) -> tuple[str, ...]:
        """The last lines of the bot's logs that report an error; never raises."""
        return _or_why_not(lambda: bot_files.read_recent_errors(bot, n))

    def log_tail(self, bot: Bot, n: int = 100) -> tuple[str, ...]:
        """The last lines of the bot's logs; never raises."""
        return _or_why_not(lambda: bot_files.read_log_tail(bot, n))

    def kernel_lines(self, n: int = 20) -> tuple[str, ...]:
        """The kernel's last messages; never raises."""
        return _or_why_not(lambda: evidence.kernel_lines(n))

    def core_files(self, bot: Bot) -> tuple[str, ...]:
        """The newest core dumps; never raises."""
        return _or_why_not(lambda: evidence.core_files(bot.root))

    def unit_journal(self, bot: Bot) -> tuple[str, ...]:
        """The unit's journal of the last hour; never raises."""
        unit = bot.process.systemd_unit
        if unit is None:
            return ("no systemd unit is configured",)
        return _or_why_not(lambda: evidence.unit_journal(unit))


def _same(one: ApiKey | None, other: ApiKey | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.key.reveal(), one.secret.reveal()) == (other.key.reveal(), other.secret.reveal())


def _or_why_not(read: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Evidence must not stop a run: a failure becomes a line of it."""
    try:
        return read()
    except (SourceError, OSError) as error:
        return (f"cannot be read: {error}",)
