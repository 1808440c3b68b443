"""A sample as pairs of quantities that mean the same thing: the union of both sides."""

from collections.abc import Iterator
from decimal import Decimal

from exporter.readings import PositionKey
from exporter.reconcile.allowance import dust_allowance, fee_allowance
from exporter.reconcile.book import Book, open_book
from exporter.reconcile.sample import Sample, Terms
from exporter.reconcile.spot import align_assets
from exporter.reconcile.verdict import Pair

_NO_SIDES = "the exchange holds legs of a hedge, and the bot's file does not say which is which"
_NETTED = "the bot's file holds both legs of a hedge, and the exchange only their sum"
_OPPOSITE = "files of the account hold both sides, and a flat exchange does not say if it nets them"
_ZERO = Decimal(0)
# Side, the bot's quantity, the exchange's, and why they cannot be compared.
_Row = tuple[str, Decimal | None, Decimal | None, str]


def align(sample: Sample) -> tuple[Pair, ...]:
    """Return a pair for everything that either side holds, in a fixed order.

    A symbol that one side does not name is zero there only because that side is complete; where
    a side is missing, so is its quantity.
    """
    book = open_book(sample)
    if sample.terms.is_spot:
        return align_assets(sample, book)
    return tuple(
        _pair(sample.terms, book, symbol, row)
        for symbol in sorted({*book.sums, *book.legs})
        for row in _rows(sample, book, symbol)
    )


def _rows(sample: Sample, book: Book, symbol: str) -> Iterator[_Row]:
    """Return one instrument's rows; the legs of a hedge are never netted."""
    net, named, legs = book.sums.get(symbol), book.named.get(symbol, {}), book.legs.get(symbol, {})
    hedged = any(side != "BOTH" for side in legs)
    opposite = symbol in book.joint and any(named.values())
    if symbol in book.joint and not hedged:
        named = {}  # two bots, each with one side of what may well be netted
    if sample.exchange is None:
        ours = named if len(named) > 1 else {"BOTH": net or _ZERO}
        yield from ((side, ours[side], None, "") for side in sorted(ours) if ours[side])
    elif sample.bot is None:
        yield from ((side, None, legs[side], "") for side in sorted(legs))
    elif hedged and net is not None and not named:
        yield from ((side, None, legs[side], _NO_SIDES) for side in sorted(legs))
    elif opposite and not net and not legs and sample.terms.kind != "alpaca":
        yield "BOTH", None, _ZERO, _OPPOSITE
    elif legs and not hedged and len(named) > 1:
        yield "BOTH", None, legs["BOTH"], _NETTED
    else:
        ours = named if hedged or len(named) > 1 else {"BOTH": net or _ZERO}
        for side in sorted({*ours, *legs}):
            mine, theirs = ours.get(side, _ZERO), legs.get(side, _ZERO)
            if mine or theirs:
                yield side, mine, theirs, ""


def _pair(terms: Terms, book: Book, symbol: str, row: _Row) -> Pair:
    side, bot, exchange, note = row
    price = book.prices.get(symbol)
    # Fees are taken from what was bought only with Alpaca's coins; contracts and shares are
    # never paid in themselves, and one step is all that may be between them.
    coin = terms.kind == "alpaca" and symbol in book.coins
    return Pair(
        key=PositionKey(terms.market, symbol, side),
        bot=bot,
        exchange=exchange,
        symbols=(book.spelt.get(symbol, symbol),),
        step=terms.step(symbol),
        fee=fee_allowance(terms, bot or _ZERO) if coin else _ZERO,
        dust=dust_allowance(terms, (symbol,), price) if coin else _ZERO,
        managed=not terms.symbols or symbol in terms.symbols,
        price=price,
        note=note,
    )
