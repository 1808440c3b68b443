"""One look at both sides, and the terms by which it is judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from exporter.config import Bot, Tolerances
from exporter.orders import prefixes_of
from exporter.readings import Fill, OpenOrder, Position, PositionsFileReading, SymbolRules
from exporter.reconcile.symbols import plain, split


@dataclass(frozen=True)
class Terms:
    """What of the bot's configuration and the venue's rules a comparison depends on.

    ``symbols`` are those that the bot trades, plainly spelt; empty means that nobody said.
    ``others_symbols`` are those of the other bots on its account that are compared, too.
    ``own_prefixes`` begin the orders of any of them, which all move the account; None means that
    any order may be theirs. ``rules`` are by plain symbol; None means that they are not known
    *now*, which is something else than an instrument without rules.
    """

    kind: str
    market: str
    tolerances: Tolerances
    symbols: frozenset[str]
    own_prefixes: tuple[str, ...] | None
    rules: Mapping[str, SymbolRules] | None
    others_symbols: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, bot: Bot, rules: Iterable[SymbolRules] | None, sharing: Iterable[Bot] = ()
    ) -> "Terms":
        """Return the terms for one bot, beside those that share its account."""
        venue, others = bot.venue, [other.venue for other in sharing]
        compared = [other for other in others if other.credentials.account_reader is not None]
        return cls(
            kind=venue.kind,
            market=venue.market,
            tolerances=bot.tolerances,
            symbols=frozenset(plain(symbol) for symbol in venue.symbols),
            own_prefixes=prefixes_of(venue, *others),
            rules=None if rules is None else {plain(rule.symbol): rule for rule in rules},
            others_symbols=frozenset(plain(s) for other in compared for s in other.symbols),
        )

    @property
    def is_spot(self) -> bool:
        """Whether the venue has balances instead of positions."""
        return self.kind == "binance_spot"

    def rule(self, symbol: str) -> SymbolRules | None:
        """Return the rules of a plain symbol, if they are known."""
        return (self.rules or {}).get(symbol)

    def assets(self, symbol: str) -> tuple[str, str]:
        """Return base and quote asset of a plain symbol."""
        rule = self.rule(symbol)
        return (rule.base_asset.upper(), rule.quote_asset.upper()) if rule else split(symbol)

    def name(self, symbol: str) -> str:
        """Return what a plain symbol's position goes by: for spot its base asset."""
        return self.assets(symbol)[0] if self.is_spot else symbol

    def step(self, symbol: str) -> Decimal | None:
        """Return the smallest quantity of a plain symbol; None while it is not known.

        An instrument for which the venue has no rules gets no allowance.
        """
        if (own := self.own_step(symbol)) is not None:
            return own
        if self.rules is None:
            return None
        rule = self.rule(symbol)
        return rule.step_size if rule else Decimal(0)

    def own_step(self, name: str) -> Decimal | None:
        """Return the configured step of a plain symbol or an asset."""
        steps = self.tolerances.steps.items()
        return next((Decimal(step) for symbol, step in steps if plain(symbol) == name), None)

    def baseline(self, asset: str) -> Decimal | None:
        """Return what the account holds of an asset beside the bot; None if nobody said."""
        baselines = self.tolerances.spot_baselines.items()
        return next((Decimal(held) for name, held in baselines if name.upper() == asset), None)


@dataclass(frozen=True)
class Neighbour:
    """The file of another bot on the account, and whether somebody compares that bot, too."""

    reading: PositionsFileReading
    is_compared: bool = True

    @classmethod
    def of(cls, bot: Bot, reading: PositionsFileReading) -> "Neighbour":
        """Return it for a bot: without a key nobody compares it."""
        return cls(reading, bot.venue.credentials.account_reader is not None)


@dataclass(frozen=True)
class BotSide:
    """The bot's positions file, read in full at ``at`` (seconds of a monotonic clock).

    ``others`` are the files of the other bots on its account, read then, too.
    """

    reading: PositionsFileReading
    at: float
    others: tuple[Neighbour, ...] = ()


@dataclass(frozen=True)
class ExchangeSide:
    """Every position of the account, from one successful query that began at ``at``."""

    positions: tuple[Position, ...]
    at: float


@dataclass(frozen=True)
class Sample:
    """One look at both sides, held together by looks at the bot's orders and file.

    ``at`` and the sides' times are of one monotonic clock, ``wall`` is the same moment in Unix
    time, for the stamps of orders. A side that could not be read in full is None, and
    ``problem`` says why. ``bot_before`` and ``orders_before`` were read before the positions were
    asked for, ``orders_after`` after; None means that nobody looked. ``recent`` holds the latest
    orders of those plain symbols whose history was read afterwards, ``fills`` their latest
    executions; ``unread`` says why a history could not be read. History only grows, so what
    changed before the positions were asked for is in it, too.
    """

    terms: Terms
    at: float
    wall: float
    bot: BotSide | None
    exchange: ExchangeSide | None
    problem: str = ""
    bot_before: BotSide | None = None
    orders_before: tuple[OpenOrder, ...] | None = None
    orders_after: tuple[OpenOrder, ...] | None = None
    recent: Mapping[str, tuple[OpenOrder, ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()

    def flaw(self) -> str:
        """Say why nothing may be concluded from this sample; empty if something may."""
        if self.problem or self.bot is None or self.exchange is None:
            return self.problem or "one side is missing"
        limits = self.terms.tolerances
        for side, at in (("bot's file", self.bot.at), ("exchange's answer", self.exchange.at)):
            if not 0 <= self.at - at <= limits.max_age_seconds:
                return f"the {side} is {self.at - at:.1f} s old"
        apart = abs(self.bot.at - self.exchange.at)
        if not apart <= limits.max_skew_seconds:
            return f"the two sides were read {apart:.1f} s apart"
        return ""

    def usable(self) -> "Sample":
        """Return the same without a side that is too old to be shown."""
        oldest = self.at - self.terms.tolerances.max_age_seconds

        def young(at: float) -> bool:
            return oldest <= at <= self.at

        return replace(
            self,
            bot=self.bot if self.bot and young(self.bot.at) else None,
            exchange=self.exchange if self.exchange and young(self.exchange.at) else None,
        )

    def orders(self) -> tuple[OpenOrder, ...]:
        """Return every order that was seen, the newest view first."""
        recent = tuple(order for orders in self.recent.values() for order in orders)
        return (*(self.orders_after or ()), *recent, *(self.orders_before or ()))
