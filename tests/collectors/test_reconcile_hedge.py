"""Hedge mode: two legs of one symbol are two positions."""

from decimal import Decimal

from exporter.readings import Difference, PositionState
from tests.collectors.looks import bot, held, only, three

LEGS = (held("BTCUSDT", "2", "LONG"), held("BTCUSDT", "-1", "SHORT"))
NAMED = [("BTCUSDT", "LONG", "2"), ("BTCUSDT", "SHORT", "-1")]


def test_legs_that_the_file_names_are_compared_one_by_one() -> None:
    """Equal legs agree; one that moved differs alone."""
    ours = bot({"BTCUSDT": "1"}, NAMED)
    states = {p.key.side: p.state for p in three(ours, *LEGS).positions}
    assert states == {"LONG": PositionState.MATCH, "SHORT": PositionState.MATCH}
    moved = three(ours, LEGS[0], held("BTCUSDT", "-1.5", "SHORT"))
    states = {p.key.side: p.state for p in moved.positions}
    assert states == {"LONG": PositionState.MATCH, "SHORT": PositionState.MISMATCH}


def test_equal_sums_of_different_legs_are_a_mismatch() -> None:
    """Long 3 and short 2 is not long 2 and short 1."""
    other = (held("BTCUSDT", "3", "LONG"), held("BTCUSDT", "-2", "SHORT"))
    comparison = three(bot({"BTCUSDT": "1"}, NAMED), *other)
    assert comparison.count(PositionState.MISMATCH) == 2


def test_a_number_without_a_side_cannot_be_compared_with_legs() -> None:
    """Unknown, with the reason, also where the sum would agree."""
    comparison = three(bot({"BTCUSDT": "1"}), *LEGS)
    assert comparison.count(PositionState.UNKNOWN) == 2
    assert all(p.bot is None and "which is which" in p.note for p in comparison.positions)
    alone = only(three(bot({"BTCUSDT": "2"}), LEGS[0]))
    assert alone.state is PositionState.UNKNOWN


def test_a_symbol_that_the_file_does_not_name_is_flat_there() -> None:
    """The file is complete, so these legs are not the bot's."""
    comparison = three(bot({}), *LEGS)
    assert {p.difference for p in comparison.positions} == {Difference.MISSING_LOCAL}
    assert comparison.count(PositionState.MISMATCH) == 2


def test_legs_that_are_gone_at_the_exchange() -> None:
    """The exchange leaves flat legs out of its complete answer."""
    comparison = three(bot({"BTCUSDT": "1"}, NAMED))
    assert {p.difference for p in comparison.positions} == {Difference.MISSING_EXCHANGE}
    assert {p.exchange for p in comparison.positions} == {Decimal(0)}


def test_a_flat_leg_is_no_leg() -> None:
    """An answer that lists both sides with zeros does not make the file's number unclear."""
    flat = (held("BTCUSDT", "0", "LONG"), held("BTCUSDT", "0", "SHORT"))
    position = only(three(bot({"BTCUSDT": "1"}), *flat))
    assert position.difference is Difference.MISSING_EXCHANGE


def test_two_legs_against_a_sum_cannot_be_compared() -> None:
    """The exchange nets, the file does not: somebody is wrong about the mode."""
    position = only(three(bot({"BTCUSDT": "1"}, NAMED), held("BTCUSDT", "1")))
    assert position.state is PositionState.UNKNOWN


def test_one_named_side_in_one_way_mode_is_just_a_sign() -> None:
    """Most files that name a side mean the sign by it."""
    ours = bot({"BTCUSDT": "-1"}, [("BTCUSDT", "SHORT", "-1")])
    assert only(three(ours, held("BTCUSDT", "-1"))).state is PositionState.MATCH
    assert only(three(ours, held("BTCUSDT", "-1", "SHORT"))).state is PositionState.MATCH
    assert only(three(ours, held("BTCUSDT", "1"))).difference is Difference.SIDE
