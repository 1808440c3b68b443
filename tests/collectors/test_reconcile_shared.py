"""Bots that share an account: the exchange knows only what they hold together."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.readings import AccountReading, Comparison, Difference, Position, PositionState
from exporter.reconcile import BotSide, Neighbour, Terms, differences
from tests.collectors.looks import KINDS, RULES, bot, held, order, rule, sample, settle
from tests.sources.bots import make_bot

MATCH, PENDING, MISMATCH = PositionState.MATCH, PositionState.PENDING, PositionState.MISMATCH
_SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
_ALL_RULES = (*RULES, rule("XRPUSDT", "XRP", "USDT"), rule("BTCUSDC", "BTC", "USDC"))


def _bot(
    name: str,
    market: str,
    symbols: tuple[str, ...],
    prefix: str,
    *,
    compared: bool = True,
    **limits: Any,
) -> Any:
    key = {"env_file": "/etc/keys", "key": "KEY", "secret": "SECRET"}
    venue = {
        "credentials": {"exporter": key} if compared else {},
        "kind": KINDS[market],
        "base_url": "http://127.0.0.1:9",
        "client_order_prefix": prefix,
        "symbols": list(symbols),
    }
    return make_bot(Path("/bot"), name=name, venue=venue, tolerances=limits)


def _compare(
    ours: dict[str, str],
    others: dict[str, str],
    *theirs: Position,
    market: str = "usdm",
    mine: tuple[str, ...] = (),
    their_symbols: tuple[str, ...] = (),
    legs: Any = (),
    other_legs: Any = (),
    changes: Any = None,
    compared: bool = True,
    **limits: Any,
) -> Comparison:
    """Judge one bot's account three times, beside another bot's file."""
    first = _bot("first", market, mine, "one-", **limits)
    second = _bot("second", market, their_symbols, "two-", compared=compared)
    terms = Terms.of(first, _ALL_RULES, [second])
    looks = []
    for after in (0.0, 2.0, 4.0):
        one = sample(bot(ours, legs), *theirs, by=terms, after=after, **(changes or {}))
        side = BotSide(
            bot(ours, legs), one.at, (Neighbour(bot(others, other_legs), is_compared=compared),)
        )
        looks.append(replace(one, bot=side, bot_before=side))
    return settle(*looks)


def _states(comparison: Comparison) -> dict[tuple[str, str], PositionState]:
    return {(p.key.symbol, p.key.side): p.state for p in comparison.positions}


def test_each_has_its_own_symbols_and_nothing_is_unmanaged() -> None:
    """What belongs to the other bot is judged there."""
    account = (held("BTCUSDT", "1"), held("ETHUSDT", "2"))
    for listed in (("BTCUSDT",), ()):
        comparison = _compare({"BTCUSDT": "1"}, {"ETHUSDT": "2"}, *account, mine=listed)
        assert _states(comparison) == {("BTCUSDT", "BOTH"): MATCH}


def test_the_other_bots_difference_is_not_this_ones() -> None:
    """Its own comparison finds it, whether by its file or by what it is to trade."""
    for others in ({"ETHUSDT": "5"}, {}):
        comparison = _compare(
            {"BTCUSDT": "1"},
            others,
            held("BTCUSDT", "1"),
            held("ETHUSDT", "2"),
            their_symbols=("ETHUSDT",),
        )
        assert _states(comparison) == {("BTCUSDT", "BOTH"): MATCH}


def test_what_no_bot_knows_of_is_everybodys_alarm() -> None:
    """Neither may call it the other's."""
    for mine, theirs in ((("BTCUSDT",), ("ETHUSDT",)), (("ETHUSDT",), ("BTCUSDT",))):
        comparison = _compare({}, {}, held("XRPUSDT", "1"), mine=mine, their_symbols=theirs)
        (position,) = comparison.positions
        assert (position.state, position.difference) == (MISMATCH, Difference.UNMANAGED_SYMBOL)


@pytest.mark.parametrize(("exchange", "state"), [("3", MATCH), ("2", MISMATCH), ("4", MISMATCH)])
def test_one_symbol_of_two_bots_is_compared_as_a_sum(exchange: str, state: PositionState) -> None:
    """Nobody can say whose part of it is missing, so both say so."""
    ours, others = {"BTCUSDT": "1"}, {"BTC/USDT:USDT": "2"}
    for first, second in ((ours, others), (others, ours)):
        (position,) = _compare(first, second, held("BTCUSDT", exchange)).positions
        assert (position.state, position.bot) == (state, Decimal(3))


def test_opposite_bets_cancel_each_other_out() -> None:
    """One-way mode: the account is flat, and both bots are right."""
    assert not _compare({"BTCUSDT": "1"}, {"BTCUSDT": "-1"}).positions
    (position,) = _compare({"BTCUSDT": "1"}, {"BTCUSDT": "-1"}, held("BTCUSDT", "1")).positions
    assert position.state is MISMATCH


def test_the_legs_of_two_bots_add_up_side_by_side() -> None:
    """In hedge mode each leg is compared with the legs of both files."""
    comparison = _compare(
        {"BTCUSDT": "1"},
        {"BTCUSDT": "-2"},
        held("BTCUSDT", "1", "LONG"),
        held("BTCUSDT", "-2", "SHORT"),
        legs=[("BTCUSDT", "LONG", "1")],
        other_legs=[("BTCUSDT", "SHORT", "-2")],
    )
    assert _states(comparison) == {("BTCUSDT", "LONG"): MATCH, ("BTCUSDT", "SHORT"): MATCH}


def test_a_file_without_sides_spoils_the_legs_of_both() -> None:
    """What cannot be said is unknown, not a difference."""
    comparison = _compare(
        {"BTCUSDT": "1"},
        {"BTCUSDT": "-2"},
        held("BTCUSDT", "1", "LONG"),
        held("BTCUSDT", "-2", "SHORT"),
        legs=[("BTCUSDT", "LONG", "1")],
    )
    assert set(_states(comparison).values()) == {PositionState.UNKNOWN}


_LONG_SHORT: Any = {
    "legs": [("BTCUSDT", "LONG", "1")],
    "other_legs": [("BTCUSDT", "SHORT", "-0.4")],
}


@pytest.mark.parametrize(("exchange", "state"), [("0.6", MATCH), ("1", MISMATCH)])
def test_sides_that_two_bots_name_are_netted_by_the_exchange(
    exchange: str, state: PositionState
) -> None:
    """No bot of them hedges, and the account is in one-way mode."""
    comparison = _compare(
        {"BTCUSDT": "1"}, {"BTCUSDT": "-0.4"}, held("BTCUSDT", exchange), **_LONG_SHORT
    )
    assert _states(comparison) == {("BTCUSDT", "BOTH"): state}


def test_the_side_of_a_closed_position_is_no_hedge() -> None:
    """Some bots leave a row of zero behind."""
    comparison = _compare(
        {"BTCUSDT": "1"},
        {"BTCUSDT": "0"},
        held("BTCUSDT", "1"),
        legs=[("BTCUSDT", "LONG", "1")],
        other_legs=[("BTCUSDT", "SHORT", "0")],
    )
    assert _states(comparison) == {("BTCUSDT", "BOTH"): MATCH}


@pytest.mark.parametrize(("market", "unknown"), [("usdm", 1), ("us_equity", 0)])
def test_opposite_sides_and_a_flat_exchange(market: str, unknown: int) -> None:
    """In hedge mode both would be missing; only where there is no such mode all is well."""
    comparison = _compare(
        {"BTCUSDT": "1"},
        {"BTCUSDT": "-1"},
        market=market,
        legs=[("BTCUSDT", "LONG", "1")],
        other_legs=[("BTCUSDT", "SHORT", "-1")],
    )
    assert comparison.count(PositionState.UNKNOWN) == unknown
    assert len(comparison.positions) == unknown


def test_a_bot_that_nobody_compares_is_compared_by_the_others() -> None:
    """Without a key of its own its symbols would be nobody's business."""
    for others in ({"ETHUSDT": "5"}, {}):
        comparison = _compare(
            {"BTCUSDT": "1"},
            others,
            held("BTCUSDT", "1"),
            held("ETHUSDT", "2"),
            their_symbols=("ETHUSDT",),
            compared=False,
        )
        assert _states(comparison)["ETHUSDT", "BOTH"] is MISMATCH


def test_an_order_of_the_other_bot_excuses_a_difference() -> None:
    """Its fill moves the account before its file."""
    resting = order("two-7", status="PARTIALLY_FILLED")
    moved = replace(resting, executed=Decimal("0.5"))
    changes = {"orders_before": (resting,), "orders_after": (moved,)}
    ours, others = {"BTCUSDT": "1"}, {"BTCUSDT": "1"}
    (position,) = _compare(ours, others, held("BTCUSDT", "1.5"), changes=changes).positions
    assert position.state is PENDING


def test_spot_balances_are_shared_by_asset() -> None:
    """Whatever pair the coin was bought in; and another bot's coin is its own business."""
    ours, others = {"BTCUSDT": "1"}, {"BTCUSDC": "2", "ETHUSDT": "4"}
    for balance, state in (("5", MATCH), ("3.5", MISMATCH)):
        comparison = _compare(
            ours,
            others,
            held("BTC", balance, market="spot"),
            held("ETH", "1", market="spot"),
            held("USDC", "70", market="spot"),
            market="spot",
            spot_baselines={"BTC": "2"},
        )
        assert _states(comparison) == {("BTC", "BOTH"): state}


def test_a_single_pass_knows_the_other_bots_too() -> None:
    """The comparison of a repair is the same as the metrics'."""
    first, second = (_bot(name, "usdm", (), f"{name}-") for name in ("one", "two"))
    account = AccountReading((held("BTCUSDT", "1"), held("ETHUSDT", "2")), ())
    ours, others = bot({"BTCUSDT": "1"}), bot({"ETHUSDT": "2"})
    assert differences(ours, account, first)
    assert not differences(ours, account, first, sharing=[second], others=[others])


@given(
    st.dictionaries(st.sampled_from(_SYMBOLS), st.integers(-3, 3)),
    st.dictionaries(st.sampled_from(_SYMBOLS), st.integers(-3, 3)),
    st.sets(st.sampled_from(_SYMBOLS)),
    st.sets(st.sampled_from(_SYMBOLS)),
    st.none() | st.sampled_from(_SYMBOLS),
)
def test_a_difference_is_seen_by_somebody_and_only_if_there_is_one(
    ours: dict[str, int],
    others: dict[str, int],
    my_symbols: set[str],
    their_symbols: set[str],
    wrong: str | None,
) -> None:
    """Sharing hides no difference from both bots, and makes none up."""
    account = {s: ours.get(s, 0) + others.get(s, 0) + (s == wrong) for s in _SYMBOLS}
    theirs = tuple(held(symbol, str(quantity)) for symbol, quantity in account.items())
    texts = [{s: str(q) for s, q in one.items()} for one in (ours, others)]
    lists = [tuple(sorted(one)) for one in (my_symbols, their_symbols)]
    found = set()
    for me, you in ((0, 1), (1, 0)):
        comparison = _compare(
            texts[me], texts[you], *theirs, mine=lists[me], their_symbols=lists[you]
        )
        states = {p.key.symbol: p.state for p in comparison.positions}
        found |= {symbol for symbol, state in states.items() if state is not MATCH}
    assert found == ({wrong} if wrong else set())
