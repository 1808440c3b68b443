"""Repeated samples: match, pending, mismatch or unknown, per position."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from exporter.orders import is_forced
from exporter.readings import (
    ComparedPosition,
    Comparison,
    Difference,
    PositionKey,
    PositionState,
)
from exporter.reconcile.align import align
from exporter.reconcile.quiet import Looks, Motion, find_motion, needs_history, sort_looks
from exporter.reconcile.sample import Sample
from exporter.reconcile.verdict import Pair, judge

_ONE_SIDE = "one side is not known"
_NO_STEP = "the step size of the symbol is not known now"
_SPLIT_FACTORS = range(2, 101)


@dataclass(frozen=True)
class Run:
    """Consecutive samples that count and differ: how many, and when the first was taken.

    ``certain`` is whether the last of them made it a mismatch.
    """

    first_at: float
    count: int = 0
    forced: str = ""
    certain: bool = False


@dataclass(frozen=True)
class History:
    """What earlier samples said of positions that do not match; monotonic times.

    ``moved`` is when an own order, or the bot's file, was last seen to change a position.
    ``waiting`` is whether another sample, taken soon, can settle something.
    """

    runs: Mapping[PositionKey, Run] = field(default_factory=dict)
    moved: Mapping[PositionKey, float] = field(default_factory=dict)
    waiting: bool = False

    def quiet_at(self, grace_seconds: float) -> float:
        """Return when the last change is old enough for a sample to count."""
        return max(self.moved.values(), default=float("-inf")) + grace_seconds


def compare(sample: Sample, memory: History) -> tuple[Comparison, History]:
    """Judge one more sample; return the verdicts and what to remember for the next."""
    flaw = sample.flaw()
    if flaw:
        # What is not known interrupts every run: the next samples begin anew.
        unknown = tuple(
            _compared(p, PositionState.UNKNOWN, note=flaw) for p in align(sample.usable())
        )
        return _comparison(sample, unknown, flaw), History(moved=memory.moved)
    looks = sort_looks(sample)
    verdicts = [_judge_one(sample, pair, looks, memory) for pair in align(sample)]
    remembered = History(
        runs={v.position.key: v.run for v in verdicts if v.run is not None},
        moved={v.position.key: v.moved_at for v in verdicts if v.moved_at is not None},
        waiting=any(verdict.waiting for verdict in verdicts),
    )
    return _comparison(sample, tuple(v.position for v in verdicts), ""), remembered


def suspects(sample: Sample) -> tuple[tuple[str, ...], ...]:
    """Return whose orders must be looked at: the symbols of each differing pair, in a fixed order.

    They are spelt as the venue does. A pair is judged only when the histories of all its symbols
    were read for the same sample.
    """
    if sample.flaw():
        return ()
    differing = (p for p in align(sample) if not p.note and judge(p) is not Difference.NONE)
    groups = (pair.symbols for pair in differing if needs_history(pair))
    return tuple(dict.fromkeys(symbols for symbols in groups if symbols))


@dataclass(frozen=True)
class _Verdict:
    """One position judged, and what to remember of it."""

    position: ComparedPosition
    run: Run | None = None
    moved_at: float | None = None
    waiting: bool = False


def _judge_one(sample: Sample, pair: Pair, looks: Looks, memory: History) -> _Verdict:
    if pair.note or pair.bot is None or pair.exchange is None:
        note = pair.note or _ONE_SIDE
        return _Verdict(_compared(pair, PositionState.UNKNOWN, note=note))
    difference = judge(pair)
    if difference is Difference.NONE:
        return _Verdict(_compared(pair, PositionState.MATCH))
    if pair.step is None:
        return _Verdict(_compared(pair, PositionState.UNKNOWN, difference, _NO_STEP))
    finding = find_motion(sample, pair, looks)
    times = [t for t in (finding.moved_at, memory.moved.get(pair.key)) if t is not None]
    moved_at = max(times, default=None)
    if finding.motion is Motion.UNREAD:
        position = _compared(pair, PositionState.UNKNOWN, difference, finding.note)
        return _Verdict(position, None, moved_at)
    limits = sample.terms.tolerances
    run = memory.runs.get(pair.key, Run(sample.at))
    run = replace(run, forced=_forced(pair, looks) or run.forced)
    recently = moved_at is not None and sample.at - moved_at < limits.grace_seconds
    unasked = finding.motion is Motion.NOT_ASKED
    # A sample that proves nothing is left out; it neither adds to a run nor ends it. What was
    # certain stays so while others have their turn, until something of the bot's moves it.
    if recently or not (finding.motion is Motion.NONE or (unasked and run.certain)):
        note = finding.note or Motion.ORDER.value
        position = _compared(pair, PositionState.PENDING, difference, note)
        return _Verdict(position, replace(run, certain=False), moved_at, waiting=True)
    if not unasked:
        run = _extended(run, sample)
    state = PositionState.MISMATCH if run.certain else PositionState.PENDING
    position = _compared(pair, state, difference, run.forced or _split(sample, pair))
    return _Verdict(position, run, moved_at, not run.certain)


def _extended(run: Run, sample: Sample) -> Run:
    """Add a sample that counts."""
    limits = sample.terms.tolerances
    first_at, count = run.first_at if run.count else sample.at, run.count + 1
    certain = count >= limits.samples and sample.at - first_at >= limits.confirm_seconds
    return replace(run, first_at=first_at, count=count, certain=certain)


def _forced(pair: Pair, looks: Looks) -> str:
    orders = looks.all.get(pair.key.symbol, ())
    ids = sorted(order.client_order_id for order in orders if is_forced(order))
    return f"the exchange itself closed it: order {ids[0][:60]}" if ids else ""


def _split(sample: Sample, pair: Pair) -> str:
    """Say that a share's quantities are as far apart as a split would put them."""
    if sample.terms.kind != "alpaca" or not pair.bot or not pair.exchange:
        return ""
    larger, smaller = sorted((pair.bot, pair.exchange), key=abs, reverse=True)
    factor = larger / smaller
    if factor in _SPLIT_FACTORS:
        return f"the quantities differ by a factor of {factor:f}, as after a split of the share"
    return ""


def _compared(
    pair: Pair,
    state: PositionState,
    difference: Difference = Difference.NONE,
    note: str = "",
) -> ComparedPosition:
    return ComparedPosition(
        pair.key, pair.bot, pair.exchange, pair.notional, state, difference, note
    )


def _comparison(sample: Sample, positions: tuple[ComparedPosition, ...], reason: str) -> Comparison:
    return Comparison(
        positions=positions,
        reason=reason,
        bot_age_seconds=sample.at - sample.bot.at if sample.bot else None,
        exchange_age_seconds=sample.at - sample.exchange.at if sample.exchange else None,
        judged=sample.wall,
    )
