"""Is an own order moving this pair now? Then the sample proves nothing against it.

The looks at orders and file before and after the position query make a sandwich: what is equal
in both did not change in between.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporter.orders import is_in_flight, is_own
from exporter.readings import OpenOrder
from exporter.reconcile.book import bot_quantities
from exporter.reconcile.sample import Sample, Terms
from exporter.reconcile.symbols import plain
from exporter.reconcile.verdict import Pair


class Motion(enum.Enum):
    """Whether a sample counts as evidence against a pair; if not, why."""

    NONE = ""
    NOT_SEEN = "the bot's orders were not read before and after"
    NOT_ASKED = "the history of the bot's orders has not been read yet"
    UNREAD = "the history of the bot's orders cannot be read"
    FILE = "the bot's file is changing"
    ORDER = "an order of the bot has just changed"
    IN_FLIGHT = "an order of the bot is in flight"


@dataclass(frozen=True)
class Finding:
    """The motion, what to say of it, and since when (monotonic seconds) the pair was moving."""

    motion: Motion
    note: str = ""
    moved_at: float | None = None


@dataclass(frozen=True)
class Looks:
    """A sample's orders by what they move: a plain symbol, or for spot each of both assets.

    ``own_*`` hold the bot's orders and the times of its fills; ``all`` everybody's orders.
    ``changed`` are the names whose figure in the bot's file is another than before. ``complete``
    is False when nobody looked before or after.
    """

    complete: bool
    changed: frozenset[str]
    own_before: Mapping[str, Sequence[OpenOrder]]
    own_after: Mapping[str, Sequence[OpenOrder]]
    own_recent: Mapping[str, Sequence[OpenOrder]]
    own_fills: Mapping[str, Sequence[float]]
    all: Mapping[str, Sequence[OpenOrder]]


def sort_looks(sample: Sample) -> Looks:
    """Sort the looks by name, once per sample."""
    terms = sample.terms
    before, after = sample.orders_before or (), sample.orders_after or ()
    recent = tuple(order for orders in sample.recent.values() for order in orders)

    def own(orders: Iterable[OpenOrder]) -> Mapping[str, Sequence[OpenOrder]]:
        return _by_name((o for o in orders if is_own(o, terms.own_prefixes)), terms)

    looked = (sample.orders_before, sample.orders_after, sample.bot_before)
    return Looks(
        complete=None not in looked,
        changed=_changed(sample),
        own_before=own(before),
        own_after=own(after),
        own_recent=own(recent),
        own_fills=_own_fills(sample, (*after, *recent, *before)),
        all=_by_name((*after, *recent, *before), terms),
    )


def find_motion(sample: Sample, pair: Pair, looks: Looks) -> Finding:
    """Say whether anything of the bot's moved the pair around the position query."""
    name = pair.key.symbol
    if not looks.complete:
        return Finding(Motion.NOT_SEEN, Motion.NOT_SEEN.value)
    if not looks.changed.isdisjoint({name, *map(plain, pair.symbols)}):
        return Finding(Motion.FILE, Motion.FILE.value, sample.at)
    before, after = looks.own_before.get(name, ()), looks.own_after.get(name, ())
    if _states(before) != _states(after):
        return Finding(Motion.ORDER, Motion.ORDER.value, sample.at)
    orders = (*after, *looks.own_recent.get(name, ()))
    if any(is_in_flight(order) for order in orders):
        return Finding(Motion.IN_FLIGHT, Motion.IN_FLIGHT.value, sample.at)
    stamps = [stamp for order in orders if (stamp := _stamp(order)) is not None]
    ages = [sample.wall - stamp for stamp in (*stamps, *looks.own_fills.get(name, ()))]
    # An age below zero is a clock that is wrong, and as good a sign of a fresh change.
    if ages and min(ages) < sample.terms.tolerances.grace_seconds:
        return Finding(Motion.ORDER, Motion.ORDER.value, sample.at - max(0.0, min(ages)))
    return _history(sample, pair)


def needs_history(pair: Pair) -> bool:
    """Say whether the bot's latest orders matter: it has none where it does not trade."""
    return pair.managed or bool(pair.bot)


def _history(sample: Sample, pair: Pair) -> Finding:
    if not needs_history(pair):
        return Finding(Motion.NONE)
    for symbol in map(plain, pair.symbols):
        if (why := sample.unread.get(symbol)) is not None:
            return Finding(Motion.UNREAD, f"{Motion.UNREAD.value}: {why}")
        if symbol not in sample.recent:
            return Finding(Motion.NOT_ASKED, Motion.NOT_ASKED.value)
    return Finding(Motion.NONE)


def _changed(sample: Sample) -> frozenset[str]:
    before, legs_before = bot_quantities(sample.bot_before)
    after, legs_after = bot_quantities(sample.bot)
    return frozenset(
        name
        for name in {*before, *after}
        if before.get(name) != after.get(name) or legs_before.get(name) != legs_after.get(name)
    )


def _own_fills(sample: Sample, orders: Iterable[OpenOrder]) -> Mapping[str, Sequence[float]]:
    terms, found = sample.terms, dict[str, list[float]]()
    known = {order.order_id: is_own(order, terms.own_prefixes) for order in orders}
    for fill in sample.fills:
        # A fill does not say whose order it was; in doubt it was the bot's.
        if known.get(fill.order_id, True):
            for name in _names(fill.symbol, terms):
                found.setdefault(name, []).append(fill.time)
    return found


def _by_name(orders: Iterable[OpenOrder], terms: Terms) -> Mapping[str, Sequence[OpenOrder]]:
    named: dict[str, list[OpenOrder]] = {}
    for order in orders:
        for name in _names(order.symbol, terms):
            named.setdefault(name, []).append(order)
    return named


def _names(symbol: str, terms: Terms) -> tuple[str, ...]:
    """Return what an order on a symbol moves: paying with an asset moves it, too."""
    return terms.assets(plain(symbol)) if terms.is_spot else (plain(symbol),)


def _states(orders: Iterable[OpenOrder]) -> frozenset[tuple[object, ...]]:
    return frozenset(
        (o.kind, o.order_id, o.status, o.quantity, o.executed, o.price) for o in orders
    )


def _stamp(order: OpenOrder) -> float | None:
    return order.updated if order.updated is not None else order.created
