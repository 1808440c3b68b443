"""The definition of a mismatch, clause by clause (facts on trading, section 5)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exporter.readings import Difference, PositionState
from exporter.reconcile import BotSide, ExchangeSide, History, compare, suspects
from tests.collectors.looks import (
    START,
    WALL,
    bot,
    fill,
    held,
    only,
    order,
    rule,
    sample,
    settle,
    terms,
    three,
)

MATCH, PENDING, MISMATCH, UNKNOWN = (
    PositionState.MATCH,
    PositionState.PENDING,
    PositionState.MISMATCH,
    PositionState.UNKNOWN,
)
OURS, THEIRS = bot({"BTCUSDT": "0.010"}), held("BTCUSDT", "0.025")


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ({}, "0.010", Difference.MISSING_LOCAL),
        ({"BTCUSDT": "0.010"}, "0", Difference.MISSING_EXCHANGE),
        ({"BTCUSDT": "0.010"}, "0.020", Difference.SIZE),
        ({"BTCUSDT": "0.010"}, "-0.010", Difference.SIDE),
    ],
)
def test_each_way_to_differ_has_its_name(
    ours: dict[str, str], theirs: str, difference: Difference
) -> None:
    """A class tells a person where to look."""
    position = only(three(bot(ours), held("BTCUSDT", theirs)))
    assert (position.state, position.difference) == (MISMATCH, difference)


def test_a_symbol_that_the_bot_does_not_trade_is_unmanaged() -> None:
    """Somebody else's position, if it was declared what the bot trades."""
    by = terms(symbols=["BTCUSDT"])
    position = only(three(bot({}), held("XRPUSDT", "100"), by=by))
    assert position.difference is Difference.UNMANAGED_SYMBOL
    assert only(three(bot({}), held("XRPUSDT", "100"))).difference is Difference.MISSING_LOCAL


def test_it_takes_three_samples_over_the_time() -> None:
    """Neither three quick looks nor two slow ones make a mismatch."""
    looks = [sample(OURS, THEIRS, after=t) for t in (0.0, 2.0, 4.0)]
    assert [only(settle(*looks[:n])).state for n in (1, 2, 3)] == [PENDING, PENDING, MISMATCH]
    quick = [sample(OURS, THEIRS, after=t) for t in (0.0, 1.0, 3.9)]
    assert only(settle(*quick)).state is PENDING
    slow = [sample(OURS, THEIRS, after=t) for t in (0.0, 9.0)]
    assert only(settle(*slow)).state is PENDING


def test_an_unknown_in_between_starts_over() -> None:
    """Samples are consecutive, or they prove nothing together."""
    looks = [sample(OURS, THEIRS, after=t) for t in (0.0, 2.0, 4.0, 6.0, 8.0)]
    lost = replace(looks[2], exchange=None, problem="the account cannot be read")
    assert only(settle(*looks[:2], lost, looks[3])).state is PENDING
    assert only(settle(*looks[:2], lost, *looks[3:])).state is PENDING


def test_one_match_clears_at_once_and_starts_over() -> None:
    """A mismatch ends with the first sample that agrees."""
    looks = [sample(OURS, THEIRS, after=t) for t in (0.0, 2.0, 4.0)]
    good = sample(OURS, held("BTCUSDT", "0.010"), after=6.0)
    assert only(settle(*looks, good)).state is MATCH
    assert only(settle(*looks, good, sample(OURS, THEIRS, after=8.0))).state is PENDING


@pytest.mark.parametrize(
    "changes",
    [
        {"bot": None, "problem": "the file is damaged"},
        {"exchange": None, "problem": "the account cannot be read"},
        {"bot": BotSide(OURS, START - 31)},
        {"exchange": ExchangeSide((THEIRS,), START - 31)},
        {"exchange": ExchangeSide((THEIRS,), START + 1)},
        {"bot": BotSide(OURS, START - 11)},
    ],
    ids=["no file", "no account", "old file", "old account", "from the future", "too far apart"],
)
def test_no_verdict_on_less_than_two_whole_and_fresh_sides(changes: dict[str, Any]) -> None:
    """Unknown is a state of its own, with a reason; it ends a run of samples."""
    broken = replace(sample(OURS, THEIRS), **changes)
    comparison, memory = compare(broken, History())
    assert comparison.reason
    assert only(comparison).state is UNKNOWN
    assert only(comparison).note == comparison.reason
    assert not memory.runs


def test_unknown_is_counted_when_there_is_nothing_to_list() -> None:
    """Two unreadable sides are one unknown, not zero positions."""
    comparison = settle(replace(sample(bot({})), bot=None, exchange=None, problem="both are gone"))
    assert comparison.count(UNKNOWN) == 1


def test_an_old_side_is_not_shown() -> None:
    """What it said is not what is."""
    old = only(settle(replace(sample(OURS, THEIRS), bot=BotSide(OURS, START - 31))))
    assert (old.bot, old.exchange) == (None, Decimal("0.025"))


def test_a_missing_side_is_not_zero() -> None:
    """A quantity that nobody read is None."""
    without_bot = only(settle(replace(sample(OURS, THEIRS), bot=None, problem="gone")))
    assert (without_bot.bot, without_bot.exchange) == (None, Decimal("0.025"))
    without_exchange = only(settle(replace(sample(OURS, THEIRS), exchange=None, problem="gone")))
    assert (without_exchange.bot, without_exchange.exchange) == (Decimal("0.010"), None)
    assert without_exchange.delta is None


@pytest.mark.parametrize(
    "changes",
    [
        {"orders_before": None},
        {"orders_after": None},
        {"bot_before": None},
        {"recent": {}},
        {"bot_before": BotSide(bot({"BTCUSDT": "0.025"}), START)},
        {"orders_before": (order(),)},
        {"orders_after": (order(),)},
        {"orders_before": (order(executed=Decimal("0.1")),), "orders_after": (order(),)},
        {"orders_before": (o := order(status="PENDING_CANCEL"),), "orders_after": (o,)},
        {"orders_before": (o := order(updated=WALL - 4.9),), "orders_after": (o,)},
        {"recent": {"BTCUSDT": (order(status="FILLED", updated=WALL - 4.9),)}},
        {"recent": {"BTCUSDT": (order(status="FILLED", updated=WALL + 60),)}},
        {"fills": (fill(WALL - 4.9),)},
        {"fills": (fill(WALL - 4.9, "unheard of"),)},
    ],
    ids=[
        "orders not seen before",
        "orders not seen after",
        "file not seen before",
        "history not asked",
        "the file changed",
        "an order went",
        "an order came",
        "an order filled",
        "in flight",
        "changed within grace",
        "filled within grace",
        "stamped by a clock ahead",
        "a fill within grace",
        "a fill of an unknown order",
    ],
)
def test_a_position_that_the_bot_is_moving_waits(changes: dict[str, Any]) -> None:
    """Samples taken while an own order works prove nothing, however many there are."""
    looks = [replace(sample(OURS, THEIRS, after=2.0 * n), wall=WALL, **changes) for n in range(5)]
    assert only(settle(*looks)).state is PENDING
    assert only(settle(*looks)).note


def test_a_disturbed_sample_neither_counts_nor_ends_a_run() -> None:
    """Two differing samples, one with an order at work, one more after the grace: a mismatch."""
    disturbed = sample(OURS, THEIRS, after=4.0, orders_before=(order(),))
    calm = [sample(OURS, THEIRS, after=t) for t in (0.0, 2.0, 10.0)]
    assert only(settle(*calm[:2], disturbed)).state is PENDING
    assert only(settle(*calm[:2], disturbed, calm[2])).state is MISMATCH


def test_the_grace_runs_on_our_own_clock() -> None:
    """An order that vanished has no stamp to go by: it was seen to move, so it just moved."""
    disturbed = sample(OURS, THEIRS, after=0.0, orders_before=(order(),))
    soon = sample(OURS, THEIRS, after=4.9)
    _, memory = compare(disturbed, History())
    comparison, memory = compare(soon, memory)
    assert only(comparison).state is PENDING
    assert not memory.runs[only(comparison).key].count
    assert memory.quiet_at(5.0) == START + 5.0


@pytest.mark.parametrize(
    "changes",
    [
        {"orders_before": (order("web_1"),)},
        {"recent": {"BTCUSDT": (order("web_1", updated=WALL),)}},
        {"orders_before": (order(symbol="ETHUSDT"),)},
        {"orders": (order("web_1"),), "fills": (fill(WALL, "web_1"),)},
    ],
    ids=["came", "filled", "of another symbol", "executed"],
)
def test_other_peoples_orders_excuse_nothing(changes: dict[str, Any]) -> None:
    """What a stranger trades on the account is a mismatch, not a reason to wait."""
    assert only(three(OURS, THEIRS, **changes)).state is MISMATCH


def test_no_history_is_needed_where_the_bot_does_not_trade() -> None:
    """An unmanaged symbol has no own orders; asking for them would cost the bot's budget."""
    by = terms(symbols=["BTCUSDT"])
    foreign = sample(bot({}), held("XRPUSDT", "100"), by=by, recent={})
    assert suspects(foreign) == ()
    assert only(three(bot({}), held("XRPUSDT", "100"), by=by, recent={})).state is MISMATCH
    assert suspects(sample(OURS, THEIRS, by=by)) == (("BTCUSDT",),)


def test_without_a_prefix_any_order_may_be_the_bots() -> None:
    """Then every change makes the comparison wait."""
    by = replace(terms(), own_prefixes=None)
    looks = [sample(OURS, THEIRS, by=by, after=t, orders_before=(order("x"),)) for t in (0.0, 9.0)]
    assert only(settle(*looks, looks[1])).state is PENDING
    forced = {"recent": {"BTCUSDT": (order("adl_autoclose", updated=WALL + 4),)}}
    assert only(three(OURS, THEIRS, by=by, **forced)).state is MISMATCH, "the exchange's are not"


def test_an_order_history_that_cannot_be_read_is_unknown() -> None:
    """Whether an own order moved cannot be told: neither a mismatch nor a wait without end."""
    position = only(three(OURS, THEIRS, recent={}, unread={"BTCUSDT": "timeout: 2.5 s"}))
    assert position.state is UNKNOWN
    assert "timeout" in position.note


@pytest.mark.parametrize("client_id", ["autoclose-17", "adl_autoclose", "settlement_autoclose-3"])
def test_a_forced_close_is_a_mismatch_that_explains_itself(client_id: str) -> None:
    """The exchange may close a position; the bot must still be told, and the reader why."""
    forced = order(client_id, status="FILLED", updated=WALL - 1)
    position = only(three(OURS, held("BTCUSDT", "0"), recent={"BTCUSDT": (forced,)}))
    assert (position.state, position.difference) == (MISMATCH, Difference.MISSING_EXCHANGE)
    assert client_id in position.note


def test_a_share_split_explains_itself() -> None:
    """Four times the shares, after a split of four to one."""
    by = terms("us_equity", rules=(rule("AAPL", "AAPL", "USD", "0.000000001", "0"),))
    position = only(three(bot({"AAPL": "10"}), held("AAPL", "40", market="us_equity"), by=by))
    assert position.state is MISMATCH
    assert "factor of 4" in position.note


@pytest.mark.parametrize(
    ("ours", "theirs", "state"),
    [
        ("0.010", "0.011", MATCH),
        ("0.010", "0.0111", MISMATCH),
        ("0", "0.001", MATCH),
        ("0", "0.0011", MISMATCH),
        ("-0.001", "0", MATCH),
    ],
)
def test_futures_may_be_one_step_apart(ours: str, theirs: str, state: PositionState) -> None:
    """One step and not more, also between flat and not flat."""
    comparison = three(bot({"BTCUSDT": ours}), held("BTCUSDT", theirs))
    assert only(comparison).state is state


def test_a_configured_step_overrides_the_venues() -> None:
    """And it is there before the venue's rules are."""
    by = terms(rules=None, steps={"BTCUSDT": "0.1"})
    assert only(three(OURS, THEIRS, by=by)).state is MATCH


def test_a_difference_of_unknown_weight_is_unknown() -> None:
    """Without the step nobody can say whether it is more than one."""
    position = only(three(OURS, THEIRS, by=terms(rules=None)))
    assert position.state is UNKNOWN
    assert "step" in position.note
    assert only(three(OURS, held("BTCUSDT", "0.010"), by=terms(rules=None))).state is MATCH


def test_an_instrument_without_rules_gets_no_allowance() -> None:
    """The venue's rules are known, and this one is not among them: it is compared exactly."""
    assert only(three(bot({"XRPUSDT": "1"}), held("XRPUSDT", "1.1"))).state is MISMATCH


def test_ages_and_time_of_the_verdict() -> None:
    """How old each side was when it was judged."""
    one = replace(sample(OURS, THEIRS), bot=BotSide(OURS, START - 2), wall=WALL)
    comparison = settle(one)
    assert (comparison.bot_age_seconds, comparison.exchange_age_seconds) == (2.0, 0.0)
    assert comparison.judged == WALL


def test_the_notional_is_the_larger_side_at_the_venues_price() -> None:
    """What is at stake; without a price it is not known."""
    marked = replace(THEIRS, mark_price=Decimal(40_000))
    assert only(three(OURS, marked)).notional == Decimal(1000)
    assert only(three(OURS, THEIRS)).notional is None
    assert only(three(OURS, THEIRS, orders=(order(),))).notional == Decimal(1250)
