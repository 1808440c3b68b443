"""What holds for every sequence of samples whatsoever."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exporter.readings import Position, PositionState, SymbolRules
from exporter.reconcile import BotSide, ExchangeSide, History, Sample, compare
from tests.collectors.looks import RULES, START, bot, held, order, sample, terms

_SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
_STEPS = {"BTCUSDT": Decimal("0.001"), "ETHUSDT": Decimal("0.01"), "XRPUSDT": Decimal(0)}
_quantities = st.decimals(-5, 5, places=4)
_files = st.dictionaries(st.sampled_from(_SYMBOLS), _quantities.map(str))
_ages = st.floats(-1, 40)


@st.composite
def _positions(draw: st.DrawFn, market: str = "usdm") -> tuple[Position, ...]:
    """Return one-way positions or the legs of a hedge."""
    found = []
    for symbol in draw(st.sets(st.sampled_from(_SYMBOLS))):
        sides = draw(st.sampled_from((("BOTH",), ("LONG",), ("LONG", "SHORT"))))
        found += [held(symbol, str(draw(_quantities)), side, market) for side in sides]
    return tuple(found)


@st.composite
def _samples(draw: st.DrawFn) -> list[Sample]:
    """Return up to six looks, more or less broken, at times that only increase."""
    found, after = [], 0.0
    rules = draw(st.sampled_from((RULES, (), None)))
    for _ in range(draw(st.integers(1, 6))):
        after += draw(st.floats(0, 5))
        ours, at = bot(draw(_files)), START + after
        one = sample(ours, by=terms(rules=rules), after=after)
        found.append(
            replace(
                one,
                bot=draw(st.none() | st.just(BotSide(ours, at - draw(_ages)))),
                exchange=draw(
                    st.none() | st.just(ExchangeSide(draw(_positions()), at - draw(_ages)))
                ),
                orders_before=draw(st.none() | st.just(()) | st.just((order(),))),
                recent=draw(st.sampled_from(({}, dict.fromkeys(_SYMBOLS, ())))),
            )
        )
    return found


def _is_whole_and_fresh(one: Sample) -> bool:
    if one.bot is None or one.exchange is None:
        return False
    ages = (one.at - one.bot.at, one.at - one.exchange.at)
    return all(0 <= age <= 30 for age in ages) and abs(one.bot.at - one.exchange.at) <= 10


@given(_samples())
def test_stale_or_incomplete_data_never_match(looks: list[Sample]) -> None:
    """Nor do they mismatch: everything is unknown, and at least one thing is."""
    memory = History()
    for one in looks:
        comparison, memory = compare(one, memory)
        if not _is_whole_and_fresh(one):
            assert {p.state for p in comparison.positions} <= {PositionState.UNKNOWN}
            assert comparison.count(PositionState.UNKNOWN) >= 1
            assert comparison.reason


@given(_samples())
def test_a_quantity_is_zero_only_in_a_side_that_was_read(looks: list[Sample]) -> None:
    """Absent from a complete side is zero; absent from an incomplete one is unknown."""
    memory = History()
    for one in looks:
        comparison, memory = compare(one, memory)
        for position in comparison.positions:
            assert one.bot is not None or position.bot is None
            assert one.exchange is not None or position.exchange is None
            assert position.bot is not None or position.state is PositionState.UNKNOWN
            assert position.exchange is not None or position.state is PositionState.UNKNOWN


@given(_samples())
def test_a_mismatch_has_been_seen_often_and_long_enough(looks: list[Sample]) -> None:
    """Three whole samples in a row that differ by more than a step, over four seconds."""
    memory = History()
    for index, one in enumerate(looks):
        comparison, memory = compare(one, memory)
        for position in comparison.positions:
            if position.state is not PositionState.MISMATCH:
                continue
            assert position.delta is not None
            assert abs(position.delta) > _STEPS[position.key.symbol] * bool(one.terms.rules)
            assert one.orders_before == one.orders_after
            assert one.recent
            seen = [old for old in looks[: index + 1] if _is_whole_and_fresh(old)]
            assert len(seen) >= 3
            assert one.at - seen[0].at >= 4.0


@given(_files, st.data())
def test_within_one_step_futures_never_mismatch(file: dict[str, str], data: st.DataObject) -> None:
    """However often it is asked."""
    theirs = []
    for symbol, quantity in file.items():
        shift = data.draw(st.decimals(-_STEPS[symbol], _STEPS[symbol], places=4))
        theirs.append(held(symbol, str(Decimal(quantity) + shift)))
    memory = History()
    for after in range(0, 20, 2):
        comparison, memory = compare(sample(bot(file), *theirs, after=float(after)), memory)
        assert {p.state for p in comparison.positions} <= {PositionState.MATCH}


@given(
    st.decimals("0.01", 100, places=4),
    st.decimals(0, "0.002", places=6),
    st.booleans(),
)
def test_fees_never_mismatch_on_spot(bought: Decimal, fee: Decimal, declared: bool) -> None:
    """What a fee of at most fee_ratio took from a purchase is nobody's loss."""
    limits = {"spot_baselines": {"BTC": "3"}} if declared else {}
    balance = bought * (1 - fee) + (3 if declared else 0)
    memory = History()
    for after in (0.0, 2.0, 4.0, 6.0):
        one = sample(
            bot({"BTCUSDT": str(bought)}),
            held("BTC", str(balance), market="spot"),
            by=terms("spot", **limits),
            after=after,
        )
        comparison, memory = compare(one, memory)
        assert [p.state for p in comparison.positions] == [PositionState.MATCH]


@given(_files, _positions())
def test_legs_and_numbers_without_a_side_are_never_compared(
    file: dict[str, str], theirs: tuple[Position, ...]
) -> None:
    """A hedged symbol that the file names without sides is unknown, agreeing or not."""
    hedged = {p.symbol for p in theirs if p.side != "BOTH" and p.quantity}
    memory = History()
    for after in (0.0, 2.0, 4.0):
        comparison, memory = compare(sample(bot(file), *theirs, after=after), memory)
    for position in comparison.positions:
        if position.key.symbol in hedged & set(file):
            assert position.state is PositionState.UNKNOWN
        elif position.key.symbol in hedged:
            assert position.bot == 0


@given(_files, _positions(), st.permutations(RULES))
def test_the_order_of_things_does_not_matter(
    file: dict[str, str], theirs: tuple[Position, ...], rules: list[SymbolRules]
) -> None:
    """The same content gives the same verdict, however it is listed."""
    backwards = dict(reversed(file.items()))
    one = sample(bot(file), *theirs, by=terms(rules=RULES))
    other = sample(bot(backwards), *reversed(theirs), by=terms(rules=tuple(rules)))
    assert compare(one, History()) == compare(other, History())
