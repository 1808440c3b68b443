"""Balances: shared with other things, paid for with money, and reduced by fees."""

from decimal import Decimal
from typing import Any

import pytest

from exporter.readings import ComparedPosition, Comparison, Difference, Position, PositionState
from tests.collectors.looks import bot, held, only, order, rule, terms, three

MATCH, PENDING, MISMATCH = PositionState.MATCH, PositionState.PENDING, PositionState.MISMATCH


def _balance(asset: str, quantity: str) -> Position:
    return held(asset, quantity, market="spot")


def _compare(ours: dict[str, str], *theirs: Position, **limits: Any) -> Comparison:
    return three(bot(ours), *theirs, by=terms("spot", **limits))


def _by_asset(comparison: Comparison) -> dict[str, ComparedPosition]:
    return {position.key.symbol: position for position in comparison.positions}


@pytest.mark.parametrize(
    ("balance", "state"),
    [("1", MATCH), ("7", MATCH), ("0.998", MATCH), ("0.9979", MISMATCH), ("0", MISMATCH)],
)
def test_without_a_baseline_only_too_little_is_wrong(balance: str, state: PositionState) -> None:
    """Deposits, airdrops and other bots add; fees take at most fee_ratio."""
    assert only(_compare({"BTCUSDT": "1"}, _balance("BTC", balance))).state is state


@pytest.mark.parametrize(
    ("balance", "state", "difference"),
    [
        ("3", MATCH, Difference.NONE),
        ("2.998", MATCH, Difference.NONE),
        ("3.1", MISMATCH, Difference.SIZE),
        ("2.9", MISMATCH, Difference.SIZE),
        ("2", MISMATCH, Difference.MISSING_EXCHANGE),
        ("1.5", MISMATCH, Difference.MISSING_EXCHANGE),
    ],
)
def test_with_a_baseline_the_rest_is_the_bots(
    balance: str, state: PositionState, difference: Difference
) -> None:
    """What the account holds beside the bot is declared, so more is as wrong as less."""
    comparison = _compare({"BTCUSDT": "1"}, _balance("BTC", balance), spot_baselines={"BTC": "2"})
    assert (only(comparison).state, only(comparison).difference) == (state, difference)


def test_what_the_bot_pays_with_is_no_position() -> None:
    """The quote asset rises and falls with every trade."""
    comparison = _compare({"BTCUSDT": "1"}, _balance("BTC", "1"), _balance("USDT", "50000"))
    assert set(_by_asset(comparison)) == {"BTC"}
    baseline = _compare({"BTCUSDT": "1"}, _balance("USDT", "5"), spot_baselines={"USDT": "9"})
    assert set(_by_asset(baseline)) == {"BTC"}


def test_an_asset_that_is_held_and_paid_with_is_a_position() -> None:
    """ETHBTC is paid with what BTCUSDT holds."""
    ours = {"BTCUSDT": "1", "ETHBTC": "2"}
    comparison = _compare(ours, _balance("BTC", "0.5"), _balance("ETH", "2"))
    states = {name: p.state for name, p in _by_asset(comparison).items()}
    assert states == {"BTC": MISMATCH, "ETH": MATCH}


def test_foreign_assets_are_nobodys_business() -> None:
    """An airdrop is neither listed nor judged."""
    assert not _compare({}, _balance("DOGE", "1000")).positions


def test_an_asset_with_a_baseline_is_watched_though_the_bot_has_none() -> None:
    """It was declared, so its change means something."""
    gone = _compare({}, spot_baselines={"BNB": "0.5"})
    assert only(gone).difference is Difference.MISSING_EXCHANGE
    more = _compare({}, _balance("BNB", "1"), spot_baselines={"BNB": "0.5"})
    assert only(more).difference is Difference.MISSING_LOCAL
    traded = _compare({}, _balance("BNB", "1"), spot_baselines={"BNB": "0.5"}, symbols=["BTCUSDT"])
    assert only(traded).difference is Difference.UNMANAGED_SYMBOL


def test_symbols_of_one_asset_share_its_balance() -> None:
    """Two markets of the same coin are one holding."""
    rules = (rule("BTCUSDT", "BTC", "USDT"), rule("BTCUSDC", "BTC", "USDC"))
    ours = {"BTCUSDT": "1", "BTCUSDC": "0.5"}
    short = only(_compare(ours, _balance("BTC", "1.2"), rules=rules))
    assert (short.bot, short.state) == (Decimal("1.5"), MISMATCH)
    assert only(_compare(ours, _balance("BTC", "1.5"), rules=rules)).state is MATCH


@pytest.mark.parametrize("rules", [(), (rule("1000SATSFDUSD", "1000SATS", "FDUSD"),)])
def test_the_base_asset_comes_from_the_rules_or_the_name(rules: tuple[Any, ...]) -> None:
    """Where the venue did not say, the usual quotes are cut off the end."""
    comparison = _compare({"1000SATSFDUSD": "9"}, _balance("1000SATS", "9"), rules=rules)
    assert only(comparison).key.symbol == "1000SATS"
    assert only(comparison).state is MATCH


def test_a_file_may_name_the_asset_itself() -> None:
    """Some bots write BTC where others write BTCUSDT; cash they write is still no position."""
    comparison = _compare({"BTC": "1", "USDT": "900"}, _balance("BTC", "1"), _balance("USDT", "1"))
    assert _by_asset(comparison)["BTC"].state is MATCH
    cash = _compare({"BTCUSDT": "1", "USDT": "900"}, _balance("BTC", "1"), _balance("USDT", "1"))
    assert set(_by_asset(cash)) == {"BTC"}


def test_dust_excuses_a_size_and_never_a_position() -> None:
    """Less than anyone may trade: 5 USDT at 50000 is 0.0001 BTC."""
    rules = (rule("BTCUSDT", "BTC", "USDT", step="0.00001"),)
    limits: dict[str, Any] = {"rules": rules, "spot_baselines": {"BTC": "0"}, "fee_ratio": 0.0}
    priced = {"orders": (order(symbol="BTCUSDT"),)}

    def state(ours: str, theirs: str) -> PositionState:
        by = terms("spot", **limits)
        return only(three(bot({"BTCUSDT": ours}), _balance("BTC", theirs), by=by, **priced)).state

    assert state("0.01", "0.0101") is MATCH
    assert state("0.01", "0.01011") is MISMATCH
    assert state("0", "0.0001") is MISMATCH
    assert state("0.00009", "-0.00001") is MISMATCH
    assert state("0", "0.00001") is MATCH


def test_a_bot_that_believes_it_is_short_on_spot_is_wrong() -> None:
    """There is nothing to be short of, however large the balance."""
    position = only(_compare({"BTCUSDT": "-1"}, _balance("BTC", "5")))
    assert (position.state, position.difference) == (MISMATCH, Difference.SIDE)


def test_an_order_that_pays_with_the_asset_moves_it() -> None:
    """Buying ETH with BTC lowers the BTC balance."""
    paying = order(symbol="ETHBTC")
    looks = three(
        bot({"BTCUSDT": "1"}),
        _balance("BTC", "0.5"),
        by=terms("spot"),
        orders_before=(paying,),
    )
    assert only(looks).state is PENDING


def test_coins_of_alpaca_pay_fees_in_themselves_and_shares_do_not() -> None:
    """A bought coin arrives less the fee; a share arrives whole."""
    rules = (rule("BTCUSD", "BTC", "USD", "0.0001", "1"), rule("AAPL", "AAPL", "USD", "0.0001"))
    by = terms("us_equity", rules=rules)
    histories = {"recent": {"BTCUSD": (), "AAPL": ()}}
    coin = three(bot({"BTC/USD": "10"}), held("BTCUSD", "9.99"), by=by, **histories)
    share = three(bot({"AAPL": "10"}), held("AAPL", "9.99"), by=by, **histories)
    assert (only(coin).state, only(share).state) == (MATCH, MISMATCH)
