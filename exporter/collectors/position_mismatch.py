"""Does the bot's own view of its positions agree with the exchange's?"""

from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric

from exporter.collectors.families import bot_gauge
from exporter.position_gap import find_gap
from exporter.readings import (
    ComparedPosition,
    Comparison,
    Difference,
    PositionGap,
    PositionState,
)
from exporter.series import Series
from exporter.snapshot import BotSnapshot, Snapshot

_MAX_SERIES = 100
_DIFFERENCES = tuple(one for one in Difference if one is not Difference.NONE)

QUANTITY = bot_gauge(
    "position_quantity",
    "Size held, negative = short: holder=bot is the bot's own file (with what other bots on the"
    " account hold of the same), holder=exchange is the truth (spot: per asset, less the"
    " configured baseline). Display only, rounded.",
    "market",
    "symbol",
    "side",
    "holder",
    source="account",
)
DIFFERENCE = bot_gauge(
    "position_difference",
    "Exchange minus bot, rounded; absent when either is unknown. Fees and rounding differ, too:"
    " position_state judges.",
    "market",
    "symbol",
    "side",
    source="account",
)
NOTIONAL = bot_gauge(
    "position_notional",
    "Value of the larger of both sides, in the quote currency; absent without a price.",
    "market",
    "symbol",
    "side",
    source="account",
)
STATE = bot_gauge(
    "position_state",
    "1 for the state that a position is in: match, pending (differs, not yet for certain),"
    " mismatch, unknown.",
    "market",
    "symbol",
    "side",
    "state",
    source="account",
)
POSITIONS = bot_gauge(
    "positions",
    "How many positions are in each state. A comparison that could not be made counts as one"
    " unknown.",
    "state",
    source="account",
)
DIFFERENCES = bot_gauge(
    "position_differences",
    "How many mismatched positions differ in which way; unmanaged_symbol is one that the bot does"
    " not trade.",
    "difference",
    source="account",
)
READ = bot_gauge(
    "position_read_timestamp_seconds",
    "When the side that was last compared was read: holder=bot the file, holder=exchange the"
    " account.",
    "holder",
    source="account",
)
GAP = bot_gauge(
    "position_gap",
    "1 for why positions have never been compared, though nothing is lost: gap=no_key if no key"
    " that may read the account is configured, gap=no_file if paths.positions has not been there"
    " since the exporter started and the account holds nothing that the bot could have. The"
    " positions are unknown all the same.",
    "gap",
    source="account",
)
FAMILIES = (QUANTITY, DIFFERENCE, NOTIONAL, STATE, POSITIONS, DIFFERENCES, READ, GAP)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn the comparison into metrics; what is unknown is counted and never left out."""
    quantity, difference, notional = QUANTITY.gauge(), DIFFERENCE.gauge(), NOTIONAL.gauge()
    state, positions, differences = STATE.gauge(), POSITIONS.gauge(), DIFFERENCES.gauge()
    read, gaps = READ.gauge(), GAP.gauge()
    for item in snapshot.bots:
        _count(item, positions, differences)
        _add_gap(item, snapshot.bots, gaps)
        _add_quantities(item, quantity)
        if (comparison := item.comparison) is None:
            continue
        name = item.bot.name
        for holder, stamp in _read_times(comparison):
            read.add_metric([name, holder], stamp)
        for position in _shown(comparison):
            labels = [name, *_labels(position)]
            state.add_metric([*labels, position.state.value], 1)
            if position.delta is not None:
                difference.add_metric(labels, float(position.delta))
            if position.notional is not None:
                notional.add_metric(labels, float(position.notional))
    return quantity, difference, notional, state, positions, differences, read, gaps


def _count(item: BotSnapshot, positions: Series, differences: Series) -> None:
    comparison, name = item.comparison, item.bot.name
    if comparison is None:
        if item.polled:
            for state in PositionState:
                positions.add_metric([name, state.value], int(state is PositionState.UNKNOWN))
        return
    for state in PositionState:
        positions.add_metric([name, state.value], comparison.count(state))
    wrong = [p.difference for p in comparison.positions if p.state is PositionState.MISMATCH]
    for difference in _DIFFERENCES:
        differences.add_metric([name, difference.value], wrong.count(difference))


def _add_gap(item: BotSnapshot, bots: Iterable[BotSnapshot], gaps: Series) -> None:
    if item.polled:
        found = find_gap(item, bots)
        for gap in PositionGap:
            gaps.add_metric([item.bot.name, gap.value], float(gap is found))


def _shown(comparison: Comparison) -> list[ComparedPosition]:
    """Return as many as there is room for, those that match last."""
    order = sorted(comparison.positions, key=lambda p: p.state is PositionState.MATCH)
    return order[:_MAX_SERIES]


def _add_quantities(item: BotSnapshot, quantity: Series) -> None:
    """Show what was compared; without a comparison, whichever side can be read."""
    name, market = item.bot.name, item.bot.venue.market
    if item.comparison is not None and item.comparison.positions:
        for position in _shown(item.comparison):
            for holder, size in (("bot", position.bot), ("exchange", position.exchange)):
                if size is not None:
                    quantity.add_metric([name, *_labels(position), holder], float(size))
        return
    if item.positions is not None:
        for symbol, size in sorted(item.positions.positions.items())[:_MAX_SERIES]:
            quantity.add_metric([name, market, symbol, "BOTH", "bot"], float(size))
    for held in item.account.positions[:_MAX_SERIES] if item.account else ():
        labels = [name, held.market, held.symbol, held.side, "exchange"]
        quantity.add_metric(labels, float(held.quantity))


def _labels(position: ComparedPosition) -> tuple[str, str, str]:
    key = position.key
    return key.market, key.symbol, key.side


def _read_times(comparison: Comparison) -> Iterator[tuple[str, float]]:
    ages = {"bot": comparison.bot_age_seconds, "exchange": comparison.exchange_age_seconds}
    for holder, age in ages.items():
        if age is not None and comparison.judged is not None:
            yield holder, comparison.judged - age
