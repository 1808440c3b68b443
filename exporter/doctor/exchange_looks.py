"""What is asked of one bot's exchange: single rounds of the watches behind the metrics.

So a check judges by the same readings as the alert of its scenario. Everything is taken out of a
watch as soon as its round is over, before any of it can count as stale.
"""

import time
from dataclasses import dataclass

from exporter.config import Bot, ExporterSettings
from exporter.doctor.look import Outcome
from exporter.errors import SourceError
from exporter.readings import (
    AccountReading,
    ClockReading,
    Comparison,
    KeyReading,
    MaintenanceReading,
    MarketHours,
    NetworkReading,
    RateLimit,
    StreamReading,
    SymbolRules,
)
from exporter.secrets import ApiKey
from exporter.sources.exchange import Exchange, RateBook, open_exchange
from exporter.sources.exchange.rate_limits import Meter
from exporter.watches.account import AccountWatch
from exporter.watches.keys import KeyWatch
from exporter.watches.streams import StreamsWatch
from exporter.watches.venue import VenueWatch
from exporter.watches.venue_connection import VenueConnection

# Our probe's streams speak every one (spot) or three seconds (USD-M), trades or not.
LISTEN_SECONDS = 10.0
_LISTEN_PAUSE_SECONDS = 0.1
# A single pass may take more of the limit than what asks for ever; half is left to the bots.
_SHARE = 0.5


class OnePassBook(RateBook):
    """The book of rate limits for one pass over all bots: silences are everybody's.

    A pass asks for its first answers before it has been told the limit, and goes on at once.
    """

    holds_back_by_documents = False

    def admit(self, meter: Meter, weight: int, share: float | None) -> None:
        """Count a request before it is sent, or refuse it, as a poller does."""
        super().admit(meter, weight, None if share is None else max(share, _SHARE))


@dataclass(frozen=True)
class VenueFindings:
    """One round at the venue. ``network_problem`` and ``status_problem`` say why one is None."""

    network: NetworkReading | None
    network_problem: str
    clock: Outcome[ClockReading]
    maintenance: MaintenanceReading | None
    status_problem: str
    rules: tuple[SymbolRules, ...] | None
    hours: MarketHours | None
    rate_limits: tuple[RateLimit, ...]
    quiet_until: float | None


@dataclass(frozen=True)
class StreamFindings:
    """What each stream has brought, and why the connection failed if it did."""

    streams: tuple[StreamReading, ...]
    problem: SourceError | None


@dataclass(frozen=True)
class AccountFindings:
    """The account, and the bot's own positions against it."""

    account: Outcome[AccountReading]
    comparison: Outcome[Comparison]


class ExchangeLooks:
    """Asks one bot's exchange.

    Args:
        bot: whose.
        settings: how long to wait.
        limits: the book of rate limits that all bots of this pass share.
        sharing: the other bots on its account.
    """

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        limits: RateBook,
        sharing: tuple[Bot, ...] = (),
    ) -> None:
        self._bot = bot
        self._sharing = sharing
        self._settings = settings
        self._limits = limits
        self._credentials = bot.venue.credentials.account_reader

    def venue(self) -> VenueFindings:
        """Look at what is known without an account."""
        watch = VenueWatch(self._bot, self._settings, self._open, limits=self._limits)
        try:
            watch.round()
            problem = watch.status.problem()
            return VenueFindings(
                network=watch.network,
                network_problem=watch.health["network"].detail,
                clock=Outcome.of(watch.clock),
                maintenance=watch.maintenance,
                status_problem=problem.detail if problem is not None else "",
                rules=watch.rules,
                hours=watch.hours,
                rate_limits=watch.rate_limits,
                quiet_until=watch.quiet_until,
            )
        finally:
            watch.close()

    def streams(self) -> StreamFindings | None:
        """Listen until each stream has spoken, but not long; None if there is none."""
        watch = StreamsWatch(self._bot, self._settings, self._open)
        if not watch.configured:
            return None
        try:
            deadline = time.monotonic() + LISTEN_SECONDS
            watch.round()
            problem = watch.market_data.problem()
            while problem is None and any(s.last_message is None for s in watch.streams):
                if time.monotonic() >= deadline:
                    break
                time.sleep(_LISTEN_PAUSE_SECONDS)
            return StreamFindings(watch.streams, problem)
        finally:
            watch.close()

    def rules(self) -> tuple[SymbolRules, ...]:
        """Read the rules of the bot's symbols; of all, if none are configured.

        Raises:
            SourceError: they cannot be read.
        """
        connection = VenueConnection(self._credentials, self._open)
        try:
            return connection.ask(lambda venue: venue.rules(self._bot.venue.symbols), tries=2)
        finally:
            connection.close()

    def account(self, rules: tuple[SymbolRules, ...] | None) -> AccountFindings:
        """Read the account and compare, until a difference is certain or gone."""
        watch = AccountWatch(
            self._bot, self._settings, self._open, lambda: rules, sharing=self._sharing
        )
        try:
            watch.round()
            return AccountFindings(Outcome.of(watch.account), Outcome.of(watch.comparison))
        finally:
            watch.close()

    def keys(self) -> tuple[KeyReading, ...]:
        """Look for each configured key, and ask the exchange about it."""
        watch = KeyWatch(self._bot, self._settings, self._open)
        watch.round()
        return watch.keys.current() or ()

    def _open(self, key: ApiKey | None) -> Exchange:
        return open_exchange(
            self._bot.venue, key, timeout=self._settings.timeout_seconds, limits=self._limits
        )
