"""One bot's instruments: are its own filters still the exchange's, and what does it pay?

Asked rarely, since rules change rarely; but after a failure again soon, and the bot's own file is
compared each minute, so that a fresh download shows. USD-M's fees weigh 20 for each symbol: a few
symbols a minute, or they would use up the share of the limit that reading the account needs.
"""

from collections.abc import Callable, Collection, Mapping

from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.market_hours import coins_of
from exporter.observation import Observation
from exporter.readings import Fee, SymbolRules
from exporter.secrets import ApiKey
from exporter.sources.exchange import Exchange
from exporter.sources.filters import Filters, read_filters
from exporter.watches.recovery import Recovery
from exporter.watches.timing import Timing
from exporter.watches.venue_connection import VenueConnection

_CHECK_SECONDS = 60.0
_USDM_FEES = 3  # symbols in one round


class RulesWatch:
    """Reads rules and fees, and compares the bot's own filters with them.

    Args:
        bot: whose symbols; without any configured, all of the venue.
        settings: how often, and how long to wait.
        open_exchange: makes a client with the key that is read here.
        timing: the clocks to go by.
    """

    name = "rules"

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        open_exchange: Callable[[ApiKey | None], Exchange],
        *,
        timing: Timing | None = None,
    ) -> None:
        self.seconds = min(settings.rules_poll_seconds, _CHECK_SECONDS)
        timing = timing or Timing()
        roles = bot.venue.credentials
        self._bot = bot
        self._timing = timing
        self._interval = settings.rules_poll_seconds
        self._has_key = (roles.exporter or roles.bot) is not None
        self._connection = VenueConnection(roles.exporter or roles.bot, open_exchange)
        self._due = timing.monotonic()
        self.recovery = Recovery(self.seconds, timing)
        self._unpriced: list[str] = []
        self._priced: dict[str, Fee] = {}
        self._coins: Mapping[str, bool] = {}
        stale = settings.stale_intervals * self._interval + 2 * settings.timeout_seconds
        clocks = {"wall": timing.wall, "monotonic": timing.monotonic}
        self.observed: Observation[None] = Observation(f"{bot.name}/rules", stale, **clocks)
        self._rules: Observation[tuple[SymbolRules, ...]] = Observation("", stale, **clocks)
        self._fees: Observation[tuple[Fee, ...] | None] = Observation("", stale, **clocks)
        self._outdated: Observation[int | None] = Observation("", stale, **clocks)

    @property
    def rules(self) -> tuple[SymbolRules, ...] | None:
        """Rules of the bot's symbols, or of all; None while unknown."""
        return self._rules.fresh()

    @property
    def coins(self) -> Mapping[str, bool]:
        """Which symbols are coins, by all rules that were ever read: they do not grow stale."""
        return self._coins

    @property
    def fees(self) -> tuple[Fee, ...] | None:
        """What the account pays; None while unknown, or if the venue does not say."""
        return self._fees.fresh()

    @property
    def filters_outdated(self) -> int | None:
        """How many of the bot's symbols have other filters now; None while unknown."""
        return self._outdated.current()

    def round(self) -> None:
        """Ask the exchange if it is time; compare in any case."""
        since = self.observed.now()
        due = since.monotonic >= self._due
        if due:
            self._unpriced = list(self._bot.venue.symbols)
            self._rules.ask(self._read_rules)
            failed = self._rules.problem() is not None
            self._due = since.monotonic + (self.seconds if failed else self._interval)
        asking = due or bool(self._unpriced)
        if asking:
            self.recovery.begin()
            self._fees.ask(self._read_fees)
        self._outdated.ask(self._compare)
        if asking:
            self.observed.ask(self._raise_first, since=since)

    def venue_answers(self, since: float) -> None:
        """Be told since when (monotonic) the venue answers: ask again what it did not before."""
        if self.observed.problem() is not None and self.recovery.is_due(since):
            self._due = float("-inf")
            self.recovery.wake()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _read_rules(self) -> tuple[SymbolRules, ...]:
        rules = self._connection.ask(
            lambda exchange: exchange.rules(self._bot.venue.symbols), tries=2
        )
        # Replaced, never changed: others read it meanwhile.
        self._coins = {**self._coins, **coins_of(rules)}
        return rules

    def _read_fees(self) -> tuple[Fee, ...] | None:
        """Ask for the next few symbols, and return all that are known."""
        if not self._unpriced or not self._has_key:
            self._unpriced = []
            return None
        most = _USDM_FEES if self._bot.venue.kind == "binance_usdm" else None
        symbols = self._unpriced[:most]
        try:
            fees = self._connection.ask(lambda exchange: exchange.fees(symbols), tries=2)
        except SourceError as error:
            if error.reason is not Reason.UNSUPPORTED:
                raise
            self._unpriced = []
            return None
        self._unpriced = self._unpriced[len(symbols) :]
        self._priced |= {fee.symbol: fee for fee in fees}
        return tuple(self._priced.values())

    def _raise_first(self) -> None:
        for problem in (self._rules.problem(), self._fees.problem()):
            if problem is not None:
                raise problem

    def _compare(self) -> int | None:
        rules = self.rules
        if rules is None:
            return None
        return count_outdated(read_filters(self._bot), rules, self._bot.venue.symbols)


def count_outdated(
    own: Mapping[str, Filters], rules: Collection[SymbolRules], symbols: Collection[str]
) -> int:
    """Count symbols whose filters differ; without named ones, those in the bot's file.

    A symbol that the bot trades and has no filters for counts; one that the exchange no longer
    lists does not: it has nothing to compare with.
    """
    current = {rule.symbol: rule for rule in rules}
    names = [symbol.upper() for symbol in symbols] or list(own)
    return sum(
        _differs(own.get(name), current[name]) for name in dict.fromkeys(names) if name in current
    )


def _differs(own: Filters | None, rule: SymbolRules) -> bool:
    if own is None:
        return True
    pairs = (
        (own.tick_size, rule.tick_size),
        (own.step_size, rule.step_size),
        (own.min_notional, rule.min_notional),
    )
    # Zero is a filter that the venue does not have.
    return any(mine is not None and theirs and mine != theirs for mine, theirs in pairs)
