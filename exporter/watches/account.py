"""One bot's account at the exchange, and whether the bot's own positions agree with it.

A difference is looked at again at once, until it is certain or gone: then a mismatch shows
within one interval, and one slow fill does not. Looks that follow the first ask for little, the
positions and the orders of the symbols that differ, since each costs the bot's own budget.
"""

from collections.abc import Callable
from dataclasses import replace

from exporter.config import Bot, Credentials, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.keys import REFUSALS
from exporter.observation import Observation
from exporter.readings import AccountReading, Comparison, Fill, OpenOrder, SymbolRules
from exporter.reconcile import (
    BotSide,
    ExchangeSide,
    History,
    Neighbour,
    Sample,
    Terms,
    compare,
    suspects,
)
from exporter.reconcile.symbols import plain
from exporter.secrets import ApiKey, read_api_key
from exporter.sources import bot as bot_source
from exporter.sources.exchange import Exchange
from exporter.watches.recovery import Recovery
from exporter.watches.timing import Timing
from exporter.watches.turns import Turns

# An order history is 15 (futures) to 40 (spot) of the exchange's weight for each symbol.
_MOST_HISTORIES = 3
_LONGEST_HISTORY_SECONDS = 3600.0
# Asked again at once: not a reason to know nothing for a whole interval.
_ONE_LOST_PACKET = (Reason.TIMEOUT, Reason.NETWORK)
# After samples that an order of the bot has spoilt.
_MORE_LOOKS = 2


class AccountWatch:
    """Reads one account; compares its positions with the bot's file.

    Args:
        bot: whose account.
        sharing: the other bots on it, whose files belong to the comparison, too.
        settings: how often, and how long to wait.
        open_exchange: makes a client with the key that is read here.
        rules: the instruments' rules as far as they are known now; None while they are not.
        on_key: told after each round how the exchange took the key: the refusal, or None.
        timing: the clocks to go by.
    """

    name = "account"

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        open_exchange: Callable[[ApiKey | None], Exchange],
        rules: Callable[[], tuple[SymbolRules, ...] | None],
        *,
        sharing: tuple[Bot, ...] = (),
        on_key: Callable[[SourceError | None], None] = lambda _: None,
        timing: Timing | None = None,
    ) -> None:
        self.seconds = settings.account_poll_seconds
        self._bot = bot
        self._sharing = sharing
        self._open = open_exchange
        self._rules = rules
        self._on_key = on_key
        self._timing = timing or Timing()
        limits = bot.tolerances
        self._credentials = bot.venue.credentials.account_reader
        self._pause_seconds = limits.confirm_seconds / (limits.samples - 1)
        # Once spoilt by an order, once sure, and a slow answer.
        self._longest = 2 * limits.grace_seconds + limits.confirm_seconds + settings.timeout_seconds
        stale = settings.stale_intervals * self.seconds + settings.timeout_seconds + self._longest
        clocks = {"wall": self._timing.wall, "monotonic": self._timing.monotonic}
        self.account: Observation[AccountReading] = Observation(
            f"{bot.name}/account", stale, **clocks
        )
        self.comparison: Observation[Comparison] = Observation("", stale, **clocks)
        # Of a whole round: an attempt counts as made once its comparison is there, too.
        self.asked: Observation[None] = Observation("", stale, **clocks)
        self._client: Exchange | None = None
        self._orders: tuple[OpenOrder, ...] | None = None
        self._memory = History()
        self._turns = Turns(_MOST_HISTORIES, limits.samples)
        self._spent = False
        self.recovery = Recovery(self.seconds, self._timing)

    @property
    def has_account(self) -> bool:
        """Whether a key is configured that may read the account."""
        return self._credentials is not None

    def round(self) -> None:
        """Read the account once and compare; look again while a difference is not certain."""
        if (credentials := self._credentials) is None:
            return
        since = self.asked.now()
        self.recovery.begin()
        before, _ = self._read_bot()
        began = self._timing.monotonic()
        account = self.account.ask(lambda: self._read_account(credentials))
        self.comparison.ask(lambda: self._compare(before, account, began))
        self.asked.ask(self._raise_problem, since=since)

    def venue_answers(self, since: float) -> None:
        """Be told since when (monotonic) the venue answers: ask again what it did not before."""
        if self.asked.problem() is not None and self.recovery.is_due(since):
            self.recovery.wake()

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _raise_problem(self) -> None:
        if (problem := self.account.problem()) is not None:
            raise problem

    def _read_account(self, credentials: Credentials) -> AccountReading:
        try:
            if self._client is None:
                self._client = self._open(read_api_key(credentials))
            try:
                account = self._client.account()
            except SourceError as error:
                if error.reason not in _ONE_LOST_PACKET:
                    raise
                account = self._client.account()
        except SourceError as error:
            if error.reason in REFUSALS:
                self.close()  # it may have been replaced on disk
                self._on_key(error)
            raise
        self._on_key(None)
        return account

    def _compare(
        self, before: BotSide | None, account: AccountReading | None, began: float
    ) -> Comparison:
        client = self._client
        if account is None or client is None:
            self._orders = None
            problem = f"the account cannot be read: {self.account.problem()}"
            return self._judge(self._sample(None, None, problem))
        sample = self._sample(ExchangeSide(account.positions, began), before)
        sample = replace(sample, orders_before=self._orders, orders_after=account.open_orders)
        self._orders = account.open_orders
        comparison = self._judge(self._with_histories(client, sample))
        for _ in range(self._bot.tolerances.samples + _MORE_LOOKS):
            if not self._wait(began):
                break
            if (again := self._look_again(client, account.open_orders)) is None:
                break
            comparison = self._judge(again)
        return comparison

    def _wait(self, began: float) -> bool:
        """Wait until another look can settle something; False if none can in this round."""
        if self._spent:
            return False
        now, grace = self._timing.monotonic(), self._bot.tolerances.grace_seconds
        seconds = max(self._pause_seconds, self._memory.quiet_at(grace) - now)
        if not self._memory.waiting or now + seconds - began > self._longest:
            return False
        self._timing.pause(seconds)
        return True

    def _look_again(self, client: Exchange, orders: tuple[OpenOrder, ...]) -> Sample | None:
        """Ask for the positions alone; what the bot's orders did since then is in its history."""
        before, _ = self._read_bot()
        began = self._timing.monotonic()
        try:
            positions = client.positions()
        except SourceError:
            return None  # what was seen so far stands; the next round asks again
        sample = self._sample(ExchangeSide(positions, began), before)
        sample = replace(sample, orders_before=orders, orders_after=orders)
        return self._with_histories(client, sample)

    def _sample(
        self, exchange: ExchangeSide | None, before: BotSide | None, problem: str = ""
    ) -> Sample:
        side, unreadable = self._read_bot()
        return Sample(
            terms=Terms.of(self._bot, self._rules(), self._sharing),
            at=self._timing.monotonic(),
            wall=self._timing.wall(),
            bot=side,
            exchange=exchange,
            problem=problem or unreadable,
            bot_before=before,
        )

    def _read_bot(self) -> tuple[BotSide | None, str]:
        at = self._timing.monotonic()
        others = []
        try:
            own = bot_source.read_positions(self._bot)
        except SourceError as error:
            return None, f"the bot's positions cannot be read: {error}"
        for other in self._sharing:
            try:
                others.append(Neighbour.of(other, bot_source.read_positions(other)))
            except SourceError as error:
                words = f"the positions of {other.name}, which shares the account, cannot be read"
                return None, f"{words}: {error}"
        return BotSide(own, at, tuple(others)), ""

    def _with_histories(self, client: Exchange, sample: Sample) -> Sample:
        """Add what the bot's orders did lately, for a few symbols that differ, in turns."""
        recent: dict[str, tuple[OpenOrder, ...]] = {}
        unread: dict[str, str] = {}
        fills: list[Fill] = []
        self._spent = False
        for symbol in self._turns.take(suspects(sample)):
            since = sample.wall - self._history_seconds()
            try:
                orders = client.orders(symbol, since)
                fills.extend(client.fills(symbol, since))
                recent[plain(symbol)] = orders
            except SourceError as error:
                # Our share of the limit is used up: not a reason to call anything unknown.
                if error.reason is Reason.BUDGET:
                    self._spent = True
                else:
                    unread[plain(symbol)] = str(error)
        timing = self._timing
        return replace(
            sample,
            at=timing.monotonic(),
            wall=timing.wall(),
            recent=recent,
            unread=unread,
            fills=tuple(fills),
        )

    def _history_seconds(self) -> float:
        """Back to the last round and a little more, for a clock that is off."""
        reach = self._bot.tolerances.grace_seconds + 2 * self.seconds
        return min(reach, _LONGEST_HISTORY_SECONDS)

    def _judge(self, sample: Sample) -> Comparison:
        comparison, self._memory = compare(sample, self._memory)
        return comparison
