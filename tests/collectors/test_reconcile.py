"""One pass without a history: what a person and the resume gate are told."""

from pathlib import Path

import pytest

from exporter.config import Bot
from exporter.readings import AccountReading, Position
from exporter.reconcile import differences
from tests.collectors.looks import KINDS, bot, held
from tests.sources.bots import make_bot


def _bot(market: str = "usdm", **tolerances: object) -> Bot:
    venue = {"kind": KINDS[market], "base_url": "http://127.0.0.1:9"}
    return make_bot(Path("/bot"), venue=venue, tolerances=tolerances)


def _differences(
    ours: dict[str, str], *theirs: Position, market: str = "usdm", **tolerances: object
) -> tuple[str, ...]:
    return differences(bot(ours), AccountReading(theirs, ()), _bot(market, **tolerances))


def test_futures_agree_exactly_or_not_at_all() -> None:
    """Equal values in other notation agree; without rules the smallest difference does not."""
    assert not _differences({"A": "0.010"}, held("A", "0.01"))
    assert not _differences({})
    assert not _differences({"A": "0"})
    assert _differences({"A": "0.010"}, held("A", "0.0100001"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"A": "1"}, ()),
        ({}, (held("A", "1"),)),
        ({"A": "1"}, (held("A", "-1"),)),
        ({"A": "1"}, (held("B", "1"),)),
    ],
    ids=["only the bot", "only the exchange", "other side", "other symbol"],
)
def test_every_kind_of_difference_shows(ours: dict[str, str], theirs: tuple[Position, ...]) -> None:
    """Both sides' symbols are compared, not only the bot's."""
    assert _differences(ours, *theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("BTC/USD", "BTCUSD"),
        ("BTC/USDT:USDT-270326", "BTCUSDT_270326"),
    ],
)
def test_spellings_of_a_symbol_are_one(ours: str, theirs: str) -> None:
    """Client libraries write BTC/USDT:USDT for BTCUSDT."""
    assert not _differences({ours: "1"}, held(theirs, "1"))


def test_a_dated_contract_is_not_the_perpetual_one() -> None:
    """The delivery date stays part of the name."""
    assert len(_differences({"BTC/USDT:USDT-270326": "1"}, held("BTCUSDT", "1"))) == 2


def test_hedge_legs_are_never_netted() -> None:
    """Long 2 and short 1 is not the same as long 1; what cannot be compared is said."""
    legs = (held("A", "2", "LONG"), held("A", "-1", "SHORT"))
    found = _differences({"A": "1"}, *legs)
    assert len(found) == 2
    assert "does not say which is which" in found[0]


@pytest.mark.parametrize(
    ("balance", "agrees"), [("1", True), ("5", True), ("0.998", True), ("0.99", False)]
)
def test_spot_must_hold_at_least_what_the_bot_believes(balance: str, agrees: bool) -> None:
    """More may be there for other reasons; a fee's worth less is a fee."""
    found = _differences(
        {"BTCUSDT": "1"}, held("BTC", balance, market="spot"), held("USDT", "9"), market="spot"
    )
    assert bool(found) is not agrees


def test_a_declared_baseline_makes_spot_exact() -> None:
    """What is beside the bot is known, so more than the rest is a difference, too."""
    found = _differences(
        {"BTCUSDT": "1"},
        held("BTC", "3.5", market="spot"),
        market="spot",
        spot_baselines={"BTC": "2"},
    )
    assert found == ("BTC: the bot says 1, the exchange says 1.5",)
