"""One bot's exchange each round: the way there, its clock, its state, and whether it serves.

An exchange limits and bans by call, so nothing here depends on how often we are scraped. A round
costs about 10 of the exchange's weight, 30 on spot, whose exchangeInfo for named symbols weighs
20: a few percent of our own share at the default interval. So the symbols' states are asked each
time, too, and a halt shows within one interval. USD-M cannot name symbols: there the whole list
comes (weight 1, about 1 MB, 10 ms to read).
"""

from collections.abc import Callable
from typing import NoReturn, Protocol, TypeVar

from exporter import maintenance_windows
from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.maintenance import ERRORS_TO_ENTER, SERVER_REASONS, MaintenanceJudge, Signs
from exporter.observation import Observation
from exporter.readings import (
    ClockReading,
    ExchangeStatus,
    LatencySample,
    MaintenanceReading,
    MarketHours,
    NetworkReading,
    RateLimit,
    SymbolRules,
)
from exporter.secrets import ApiKey
from exporter.snapshot import Health
from exporter.sources.exchange import Exchange, RateBook, host_of
from exporter.watches.network import NetworkWatch
from exporter.watches.timing import Timing
from exporter.watches.venue_connection import VenueConnection
from exporter.watches.venue_symbols import SymbolsSchedule

_PAUSE_SECONDS = 0.2
_TRIES = 2
_REQUESTS = 3  # that can wait for a timeout: two pings and the status page
# Whatever is asked next would fare no better, and only make the round longer.
_NO_USE = frozenset(
    {
        Reason.DNS,
        Reason.REFUSED,
        Reason.TIMEOUT,
        Reason.TLS,
        Reason.NETWORK,
        Reason.PROXY,
        Reason.FIREWALL,
        Reason.RESTRICTED_LOCATION,
        Reason.BANNED,
        Reason.RATE_LIMITED,
    }
)
# Refused by ourselves: that says nothing about the exchange.
_NOT_SENT = frozenset({Reason.BUDGET, Reason.NO_CREDENTIALS, Reason.UNSUPPORTED})

T = TypeVar("T")


class StreamSigns(Protocol):
    """What a listener on the venue's streams knows of their end."""

    @property
    def shutdown_announced(self) -> bool:
        """Whether the exchange has said that it will end them, and nothing came since."""

    @property
    def stream_lost(self) -> bool:
        """Whether attempts to come back have failed after that."""


class VenueWatch:
    """Asks one venue for everything that is known without an account.

    Args:
        bot: whose venue.
        settings: how often, and how long to wait.
        open_exchange: makes a client; with a key only where the venue answers to nothing else.
        limits: the book of all rate limits, to know when the venue wants silence.
        streams: what the venue's streams say of their end; None without any.
        on_answer: told after each round in which the venue answered since when it does without
            a break: a monotonic time, minus infinity if it always has.
        timing: the clocks to go by.
    """

    name = "venue"

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        open_exchange: Callable[[ApiKey | None], Exchange],
        *,
        limits: RateBook,
        streams: StreamSigns | None = None,
        on_answer: Callable[[float], None] = lambda _: None,
        timing: Timing | None = None,
    ) -> None:
        self.seconds = settings.poll_seconds
        timing = timing or Timing()
        roles = bot.venue.credentials
        keyed = bot.venue.kind == "alpaca"
        self._bot = bot
        self._samples = settings.clock_samples
        self._limits = limits
        self._streams = streams
        self._on_answer = on_answer
        self._answers_since: float | None = float("-inf")
        self._timing = timing
        self._connection = VenueConnection(
            (roles.exporter or roles.bot) if keyed else None, open_exchange
        )
        self._way = NetworkWatch(bot, settings, self.seconds, timing, limits)
        self._judge = MaintenanceJudge()
        self._windows = tuple(map(maintenance_windows.parse, bot.venue.maintenance_windows))
        self._outcomes: list[Reason | None] = []
        # A round in flight may take this long before it can be called late.
        longest = self._way.longest + _REQUESTS * settings.timeout_seconds
        self._stale = settings.stale_intervals * self.seconds + longest
        self._ping: Observation[LatencySample] = self._observation("")
        self.clock: Observation[ClockReading] = self._observation("exchange")
        # Of a whole round: an attempt counts as made once its verdict is there, too.
        self._asked: Observation[None] = self._observation("")
        self.status: Observation[ExchangeStatus] = self._observation("status")
        self._schedule = SymbolsSchedule(bot.venue, self.seconds, timing.monotonic)
        self._rules: Observation[tuple[SymbolRules, ...]] = self._observation(
            "symbols", more=settings.stale_intervals * self._schedule.pause
        )
        self._hours: Observation[MarketHours | None] = self._observation("")
        self._maintenance: Observation[MaintenanceReading | None] = self._observation("")
        self._rate_limits: tuple[RateLimit, ...] = ()

    @property
    def network(self) -> NetworkReading | None:
        """The newest probe, if it is young and none has failed since."""
        return self._way.network.current()

    @property
    def maintenance(self) -> MaintenanceReading | None:
        """The newest verdict; None while it cannot be told."""
        return self._maintenance.current()

    @property
    def rules(self) -> tuple[SymbolRules, ...] | None:
        """Rules and states of the bot's symbols."""
        return self._rules.fresh()

    @property
    def hours(self) -> MarketHours | None:
        """The market's hours; None if it never closes, or if that is not known."""
        return self._hours.fresh()

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]:
        """What the newest answers said of the limits."""
        return self._rate_limits

    @property
    def quiet_until(self) -> float | None:
        """Until when the venue wants silence, Unix time; None if it does not."""
        return self._limits.quiet_until(host_of(self._bot.venue.base_url))

    @property
    def health(self) -> dict[str, Health]:
        """How asking has gone, by source."""
        return {"network": self._way.network.health(), "exchange": self._asked.health()}

    @property
    def symbols_health(self) -> Health | None:
        """How asking for the symbols' states has gone; None without symbols to ask for."""
        return self._rules.health() if self._bot.venue.symbols else None

    def round(self) -> None:
        """Look at everything once.

        1. The way there, by a connection of its own.
        2. A ping; without an answer the rest is not asked, but what another host tells is.
        3. Clock, symbols, hours.
        4. If the exchange answers that it cannot serve: again, until that is certain.
        5. The verdict: maintenance, or not, or unknown.
        """
        since = self._asked.now()
        self._outcomes = []
        network = self._way.look(ask=self.quiet_until is None)
        problem = self._knock()
        tries = 1 if problem is not None else _TRIES
        status = self._ask(self.status, lambda exchange: exchange.status(), tries=tries)
        self._ask(self.clock, lambda exchange: exchange.clock(self._samples), problem)
        rules = self._ask_rules(problem)
        if self._bot.venue.kind == "alpaca":
            self._ask(self._hours, lambda exchange: exchange.hours(), problem)
        self._make_certain()
        self._rate_limits = self._read_limits()
        self._maintenance.ask(lambda: self._judge.judge(self._signs(network, status, rules)))
        self._asked.ask(self._raise_clock_problem, since=since)
        self._tell(status)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _raise_clock_problem(self) -> None:
        if (problem := self.clock.problem()) is not None:
            raise problem

    def _tell(self, status: ExchangeStatus | None) -> None:
        """Have asked again at once what failed while the venue did not answer."""
        if self._ping.problem() is not None or (status is not None and status.maintenance):
            self._answers_since = None
            return
        if self._answers_since is None:
            self._answers_since = self._timing.monotonic()
        self._on_answer(self._answers_since)

    def _observation(self, source: str, *, more: float = 0.0) -> Observation[T]:
        return Observation(
            f"{self._bot.name}/{source}" if source else "",
            self._stale + more,
            wall=self._timing.wall,
            monotonic=self._timing.monotonic,
        )

    def _knock(self) -> SourceError | None:
        """Ping; return why it is no use to go on, None if it is."""
        self._ask(self._ping, lambda exchange: exchange.ping())
        problem = self._ping.problem()
        return problem if problem is not None and problem.reason in _NO_USE else None

    def _ask(
        self,
        observation: Observation[T],
        read: Callable[[Exchange], T],
        known_problem: SourceError | None = None,
        *,
        tries: int = _TRIES,
    ) -> T | None:
        """Ask one thing; ``known_problem`` is what it would run into."""
        if known_problem is not None:
            return observation.ask(lambda: _fail(known_problem))
        value = observation.ask(lambda: self._connection.ask(read, tries=tries))
        problem = observation.problem()
        if problem is None or problem.reason not in _NOT_SENT:
            self._outcomes.append(problem.reason if problem is not None else None)
        return value

    def _ask_rules(self, problem: SourceError | None) -> tuple[SymbolRules, ...] | None:
        symbols = self._bot.venue.symbols
        if not symbols:
            return ()
        if not self._schedule.is_due():
            return self._rules.current()
        rules = self._ask(self._rules, lambda exchange: exchange.rules(symbols), problem)
        failure = self._rules.problem()
        # A list of megabytes that is too long will be too long in the next round, too.
        if rules is None and (failure is None or failure.reason is not Reason.TOO_LARGE):
            self._schedule.failed()
        return rules

    def _make_certain(self) -> None:
        """Whether the newest failures are the beginning of more: ask again, but not for long."""
        for _ in range(ERRORS_TO_ENTER - 1):
            run = 0
            for outcome in reversed(self._outcomes):
                if outcome not in SERVER_REASONS:
                    break
                run += 1
            if not 0 < run < ERRORS_TO_ENTER:
                return
            self._timing.pause(_PAUSE_SECONDS)
            self._ask(self._ping, lambda exchange: exchange.ping())

    def _read_limits(self) -> tuple[RateLimit, ...]:
        try:
            return self._connection.ask(lambda exchange: exchange.rate_limits())
        except SourceError:
            return ()

    def _signs(
        self,
        network: NetworkReading | None,
        status: ExchangeStatus | None,
        rules: tuple[SymbolRules, ...] | None,
    ) -> Signs:
        now = self._timing.wall()
        return Signs(
            status=status,
            rules=rules,
            outcomes=tuple(self._outcomes),
            shutdown_announced=self._streams is not None and self._streams.shutdown_announced,
            stream_lost=self._streams is not None and self._streams.stream_lost,
            network=network,
            scheduled=maintenance_windows.is_scheduled(self._windows, now),
            next_start=maintenance_windows.next_start(self._windows, now),
        )


def _fail(problem: SourceError) -> NoReturn:
    raise SourceError(problem.reason, problem.detail, permanent=problem.permanent)
