"""Do the bot's positions agree with the exchange's?"""

from decimal import Decimal

import pytest

from exporter.readings import AccountReading, Position
from exporter.reconcile import differences


def _account(*positions: tuple[str, str], market: str = "usdm") -> AccountReading:
    held = tuple(Position(market, symbol, "BOTH", Decimal(q)) for symbol, q in positions)
    return AccountReading(held, ())


def _local(**positions: str) -> dict[str, Decimal]:
    return {symbol: Decimal(quantity) for symbol, quantity in positions.items()}


def test_futures_agree_exactly_or_not_at_all() -> None:
    """Equal values in other notation agree; the smallest difference does not."""
    assert not differences(_local(A="0.010"), _account(("A", "0.01")), "binance_usdm")
    assert not differences({}, _account(), "binance_usdm")
    assert not differences(_local(A="0"), _account(), "binance_usdm")
    assert differences(_local(A="0.010"), _account(("A", "0.0100001")), "binance_usdm")


@pytest.mark.parametrize(
    ("local", "held"),
    [
        ({"A": "1"}, ()),
        ({}, (("A", "1"),)),
        ({"A": "1"}, (("A", "-1"),)),
        ({"A": "1"}, (("B", "1"),)),
    ],
    ids=["only the bot", "only the exchange", "other side", "other symbol"],
)
def test_every_kind_of_difference_shows(
    local: dict[str, str], held: tuple[tuple[str, str], ...]
) -> None:
    """Both sides' symbols are compared, not only the bot's."""
    assert differences(_local(**local), _account(*held), "binance_usdm")


def test_spellings_of_a_symbol_are_one() -> None:
    """Client libraries write BTC/USDT:USDT for BTCUSDT."""
    local = {"BTC/USDT:USDT": Decimal(1)}
    assert not differences(local, _account(("BTCUSDT", "1")), "binance_usdm")


def test_hedge_legs_are_never_netted() -> None:
    """Long 2 and short 1 is not the same as long 1."""
    legs = (
        Position("usdm", "A", "LONG", Decimal(2)),
        Position("usdm", "A", "SHORT", Decimal(-1)),
    )
    assert differences(_local(A="1"), AccountReading(legs, ()), "binance_usdm")


@pytest.mark.parametrize(
    ("held", "agrees"), [("1", True), ("5", True), ("0.999", True), ("0.99", False)]
)
def test_spot_must_hold_at_least_what_the_bot_believes(held: str, agrees: bool) -> None:
    """More may be there for other reasons; a fee's worth less is a fee."""
    account = _account(("BTC", held), market="spot")
    assert bool(differences(_local(BTCUSDT="1"), account, "binance_spot")) is not agrees
