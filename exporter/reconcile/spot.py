"""Balances, which are no positions: the same asset also belongs to other things.

Holding = free + locked. Where the owner declared what the account holds beside the bot (the
baseline), the rest must be the bot's. Where he did not, the exchange must hold at least what the
bot believes, less fees. The money that the bot pays with is not a position.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from exporter.readings import PositionKey
from exporter.reconcile.allowance import dust_allowance, fee_allowance
from exporter.reconcile.book import Book
from exporter.reconcile.sample import Sample, Terms
from exporter.reconcile.verdict import Pair

_ZERO = Decimal(0)


@dataclass
class _Asset:
    """What the bot has to do with one asset: how much, and by which plain symbols."""

    quantity: Decimal = _ZERO
    symbols: set[str] = field(default_factory=set)


def align_assets(sample: Sample, book: Book) -> tuple[Pair, ...]:
    """Return a pair per asset that the bot holds, trades, or that has a baseline."""
    terms = sample.terms
    baselines = {asset.upper() for asset in terms.tolerances.spot_baselines}
    held = {symbol: sum(legs.values(), _ZERO) for symbol, legs in book.legs.items()}
    assets, quotes = _bot_assets(terms, book, {*held, *baselines})
    names = {*assets, *baselines} - {quote for quote in quotes if quote not in assets}
    pairs = []
    for name in sorted(names):
        asset = assets.get(name)
        bot = None if sample.bot is None else asset.quantity if asset else _ZERO
        rest = held.get(name, _ZERO) - (terms.baseline(name) or _ZERO)
        exchange = None if sample.exchange is None else rest
        if bot or exchange:
            pairs.append(_pair(terms, book, name, asset, (bot, exchange)))
    return tuple(pairs)


def _bot_assets(
    terms: Terms, book: Book, known: set[str]
) -> tuple[dict[str, _Asset], frozenset[str]]:
    """Return the assets that the bot may hold, and those that it pays with."""
    assets: dict[str, _Asset] = {}
    quotes = set()
    plainly_named = set()
    for symbol in sorted({*book.sums, *terms.symbols}):
        base, quote = terms.assets(symbol)
        if terms.rule(symbol) is None and symbol in known:
            # Some bots write the asset itself.
            base, quote = symbol, ""
            plainly_named.add(symbol)
        asset = assets.setdefault(base, _Asset())
        asset.quantity += book.sums.get(symbol, _ZERO)
        if quote:
            asset.symbols.add(symbol)
            quotes.add(quote)
    # Cash in the bot's file, unless it is also the base of something traded.
    for name in plainly_named & quotes:
        if not assets[name].symbols:
            del assets[name]
    return assets, frozenset(quotes)


def _pair(
    terms: Terms,
    book: Book,
    name: str,
    asset: _Asset | None,
    sides: tuple[Decimal | None, Decimal | None],
) -> Pair:
    bot, exchange = sides
    symbols = sorted(asset.symbols) if asset else []
    price = next((book.prices[symbol] for symbol in symbols if symbol in book.prices), None)
    own = terms.own_step(name)
    steps = [terms.step(symbol) for symbol in symbols] if own is None else [own]
    known = [step for step in steps if step is not None]
    return Pair(
        key=PositionKey(terms.market, name, "BOTH"),
        bot=bot,
        exchange=exchange,
        symbols=tuple(book.spelt.get(symbol, symbol) for symbol in symbols),
        step=max(known, default=_ZERO) if len(known) == len(steps) else None,
        fee=fee_allowance(terms, bot or _ZERO),
        dust=dust_allowance(terms, symbols, price),
        at_least=terms.baseline(name) is None,
        balance=True,
        managed=not terms.symbols or asset is not None,
        price=price,
    )
