"""Both sides of a sample by plain symbol: built once, since either may name thousands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exporter.readings import Position, SymbolRules
from exporter.reconcile.allowance import order_prices
from exporter.reconcile.sample import BotSide, Sample
from exporter.reconcile.symbols import plain

Legs = Mapping[str, Decimal]


@dataclass(frozen=True)
class Book:
    """What each side says of each symbol.

    ``sums`` are the bot's quantities, ``named`` the legs that its file names, ``legs`` what the
    exchange holds by position side (flat ones are left out). ``prices`` are the venue's own, else
    those of orders. ``spelt`` is the venue's spelling, ``coins`` are Alpaca's crypto pairs.
    """

    sums: Mapping[str, Decimal]
    named: Mapping[str, Legs]
    legs: Mapping[str, Legs]
    prices: Mapping[str, Decimal]
    spelt: Mapping[str, str]
    coins: frozenset[str]


def open_book(sample: Sample) -> Book:
    """Sort a sample by symbol."""
    sums, named = bot_quantities(sample.bot)
    positions = sample.exchange.positions if sample.exchange else ()
    rules = (sample.terms.rules or {}).items()
    spelt = {plain(p.symbol): p.symbol for p in positions}
    marks = {plain(p.symbol): p.mark_price for p in positions if p.mark_price}
    return Book(
        sums=sums,
        named=named,
        legs=_exchange_legs(positions),
        prices={**order_prices(sample.orders()), **marks},
        spelt={**spelt, **{symbol: rule.symbol for symbol, rule in rules}},
        coins=frozenset(symbol for symbol, rule in rules if _is_pair(symbol, rule)),
    )


def _is_pair(symbol: str, rule: SymbolRules) -> bool:
    """Say whether a symbol names what it is paid with: a coin does, a share does not."""
    return symbol == f"{rule.base_asset}{rule.quote_asset}".upper()


def bot_quantities(side: BotSide | None) -> tuple[dict[str, Decimal], dict[str, Legs]]:
    """Return the bot's quantities by plain symbol, and the legs that its file names."""
    sums: dict[str, Decimal] = {}
    named: dict[str, dict[str, Decimal]] = {}
    if side is not None:
        for name, quantity in side.reading.positions.items():
            _add(sums, plain(name), quantity)
        for (name, leg), quantity in side.reading.legs.items():
            _add(named.setdefault(plain(name), {}), leg, quantity)
    return sums, dict(named)


def _exchange_legs(positions: Iterable[Position]) -> dict[str, Legs]:
    legs: dict[str, dict[str, Decimal]] = {}
    for position in positions:
        if position.quantity:
            _add(legs.setdefault(plain(position.symbol), {}), position.side, position.quantity)
    return dict(legs)


def _add(quantities: dict[str, Decimal], name: str, quantity: Decimal) -> None:
    quantities[name] = quantities.get(name, Decimal(0)) + quantity
