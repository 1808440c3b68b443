"""Both sides of a sample by plain symbol: built once, since either may name thousands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exporter.readings import Position, PositionsFileReading
from exporter.reconcile.allowance import order_prices
from exporter.reconcile.sample import BotSide, Sample
from exporter.reconcile.symbols import plain

Legs = Mapping[str, Decimal]


@dataclass(frozen=True)
class Book:
    """What each side says of each symbol.

    ``sums`` are the bot's quantities, ``named`` the legs that its file names, ``legs`` what the
    exchange holds by position side (flat ones are left out). On an account that several bots
    share, what another bot holds of the same is counted in, since the exchange knows only their
    sum; what is the other bots' alone is left out on both sides. ``joint`` are symbols of which
    one file names the long and another one the short leg. ``prices`` are the venue's own,
    else those of orders. ``spelt`` is the venue's spelling, ``coins`` are Alpaca's crypto pairs.
    """

    sums: Mapping[str, Decimal]
    named: Mapping[str, Legs]
    joint: frozenset[str]
    legs: Mapping[str, Legs]
    prices: Mapping[str, Decimal]
    spelt: Mapping[str, str]
    coins: frozenset[str]


def open_book(sample: Sample) -> Book:
    """Sort a sample by symbol."""
    elsewhere = _elsewhere(sample)
    sums, named = bot_quantities(sample.bot)
    positions = sample.exchange.positions if sample.exchange else ()
    rules = (sample.terms.rules or {}).items()
    spelt = {plain(p.symbol): p.symbol for p in positions}
    marks = {plain(p.symbol): p.mark_price for p in positions if p.mark_price}
    return Book(
        sums={s: q for s, q in sums.items() if s not in elsewhere},
        named=named,
        joint=_joint(sample.bot),
        legs={s: q for s, q in _exchange_legs(positions).items() if s not in elsewhere},
        prices={**order_prices(sample.orders()), **marks},
        spelt={**spelt, **{symbol: rule.symbol for symbol, rule in rules}},
        coins=frozenset(symbol for symbol, rule in rules if rule.is_pair),
    )


def _elsewhere(sample: Sample) -> frozenset[str]:
    """Return the plain symbols that are another bot's business and none of this one's."""
    terms, side = sample.terms, sample.bot
    names = {terms.name(symbol) for symbol in (_held(side.reading) if side else ())}
    names |= {terms.name(symbol) for symbol in terms.symbols}
    names |= {asset.upper() for asset in terms.tolerances.spot_baselines}
    others = (one.reading for one in (side.others if side else ()) if one.is_compared)
    theirs = {symbol for reading in others for symbol in _held(reading)}
    return frozenset(s for s in {*theirs, *terms.others_symbols} if terms.name(s) not in names)


def _held(reading: PositionsFileReading) -> Iterable[str]:
    return (plain(symbol) for symbol, quantity in reading.positions.items() if quantity)


def bot_quantities(side: BotSide | None) -> tuple[dict[str, Decimal], dict[str, Legs]]:
    """Return the bots' quantities by plain symbol, and the legs that their files name.

    A symbol that one of the files holds without saying on which side has no legs.
    """
    sums: dict[str, Decimal] = {}
    named: dict[str, dict[str, Decimal]] = {}
    nameless = set()
    for reading in _readings(side):
        with_legs = {name for name, _ in reading.legs}
        for name, quantity in reading.positions.items():
            _add(sums, plain(name), quantity)
            if quantity and name not in with_legs:
                nameless.add(plain(name))
        for (name, leg), quantity in reading.legs.items():
            _add(named.setdefault(plain(name), {}), leg, quantity)
    return sums, {name: legs for name, legs in named.items() if name not in nameless}


def _joint(side: BotSide | None) -> frozenset[str]:
    """Return the plain symbols whose two legs no single file names: no bot means to hedge."""
    legs: dict[str, set[str]] = {}
    hedged = set()
    for reading in _readings(side):
        own: dict[str, set[str]] = {}
        for name, leg in reading.legs:
            own.setdefault(plain(name), set()).add(leg)
        for name, sides in own.items():
            legs.setdefault(name, set()).update(sides)
            if len(sides) > 1:
                hedged.add(name)
    return frozenset(name for name, sides in legs.items() if len(sides) > 1) - hedged


def _readings(side: BotSide | None) -> Iterable[PositionsFileReading]:
    return (side.reading, *(other.reading for other in side.others)) if side else ()


def _exchange_legs(positions: Iterable[Position]) -> dict[str, Legs]:
    legs: dict[str, dict[str, Decimal]] = {}
    for position in positions:
        if position.quantity:
            _add(legs.setdefault(plain(position.symbol), {}), position.side, position.quantity)
    return dict(legs)


def _add(quantities: dict[str, Decimal], name: str, quantity: Decimal) -> None:
    quantities[name] = quantities.get(name, Decimal(0)) + quantity
