"""The account holds something else than the bot believes, at every venue."""

import json
from collections.abc import Iterator

import pytest

from tests.sim.holdings import OTHER, SYMBOL, Venue
from tests.sources.bots import write
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.venues import HELD, VENUES, believe

_STEM = "position_mismatch"
_MISMATCH = {"TradingBotPositionMismatch"}
_UNMANAGED = {*_MISMATCH, "TradingBotUnmanagedPosition"}
_USDM: Venue = "binance_usdm"
_NAMES: dict[Venue, str] = {**OTHER, "binance_spot": "ETH"}  # balances are of assets


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each venue, which agrees with its account.

    Nothing here is the bot's own order: those make it wait for at least five seconds.
    """
    with stand(tmp_path_factory.mktemp("position"), *VENUES, fast={"account_poll"}) as made:
        yield made


@pytest.mark.parametrize("of", VENUES)
@pytest.mark.parametrize("kind", ["size", "missing_exchange", "side"])
def test_somebody_has_traded_beside_the_bot(ground: Ground, of: Venue, kind: str) -> None:
    """A round does not end before the difference is certain, so it shows after one."""
    if (kind, of) == ("side", "binance_spot"):
        pytest.skip("nobody is short of a coin")
    with ground.fault(
        _STEM, "account", fires=_MISMATCH, of=of, venue=of, kind=kind, bot=of
    ) as seen:
        assert seen.during.which("position_differences", "difference") == {kind}
        assert seen.during.number("positions", state="mismatch") == 1
        assert seen.during.which("position_state", "state") >= {"mismatch"}
    for page in (seen.before, seen.after):
        assert page.which("position_differences", "difference") == set()
        assert page.which("positions", "state") == {"match"}


@pytest.mark.parametrize("of", VENUES)
def test_a_symbol_that_the_bot_does_not_trade(ground: Ground, of: Venue) -> None:
    """Nobody manages it: an alert of its own."""
    with ground.fault(
        _STEM, "account", fires=_UNMANAGED, of=of, venue=of, kind="unmanaged", bot=of
    ) as seen:
        assert seen.during.which("position_differences", "difference") == {"unmanaged_symbol"}
        assert seen.during.which("position_state", "symbol", state="mismatch") == {_NAMES[of]}


@pytest.mark.parametrize("of", VENUES)
def test_the_bot_does_not_know_what_it_holds(ground: Ground, of: Venue) -> None:
    """Its file has no line for what was bought of its own symbol."""
    symbol = SYMBOL[of]
    ground.settings(holdings=[{"venue": of, "symbol": symbol, "quantity": "0"}])
    believe(ground.root(of))
    ground.after(ground.touch(), "account", of=of)
    with ground.fault(
        _STEM,
        "account",
        fires=_MISMATCH,
        of=of,
        venue=of,
        kind="missing_local",
        symbol=symbol,
        bot=of,
    ) as seen:
        assert seen.during.which("position_differences", "difference") == {"missing_local"}
    ground.settings(holdings=[{"venue": of, "symbol": symbol, "quantity": HELD[of]}])
    believe(ground.root(of), **{symbol: HELD[of]})
    ground.after(ground.touch(), "account", of=of)


@pytest.mark.parametrize("of", VENUES)
def test_the_bot_forgets_what_it_holds(ground: Ground, of: Venue) -> None:
    """A file that disagrees is as good as a trade that nobody told the bot of."""
    before = ground.calm(_STEM, "account", of=of)
    believe(ground.root(of), **{SYMBOL[of]: "77"})
    during = ground.after(ground.touch(), "account", of=of)
    rules.judge(during, before, _STEM, _MISMATCH)
    believe(ground.root(of), **{SYMBOL[of]: HELD[of]})
    after = ground.after(ground.touch(), "account", of=of)
    rules.judge(after, before, _STEM, ())


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_one_leg_of_a_hedge(ground: Ground, side: str) -> None:
    """Legs are compared one by one: what one has too much, the other does not make up for."""
    flat = {"venue": _USDM, "symbol": SYMBOL[_USDM], "quantity": "0"}
    legs = [
        {**flat, "quantity": "0.010", "side": "LONG"},
        {**flat, "quantity": "-0.004", "side": "SHORT"},
    ]
    rows = [
        {"symbol": SYMBOL[_USDM], "qty": "0.010", "side": "LONG"},
        {"symbol": SYMBOL[_USDM], "qty": "0.004", "side": "SHORT"},
    ]
    ground.settings(holdings=[flat])
    ground.settings(hedge_mode=True, holdings=legs)
    write(ground.root(_USDM), "state/positions.json", json.dumps(rows))
    ground.after(ground.touch(), "account")
    with ground.fault(
        _STEM,
        "account",
        fires=_MISMATCH,
        of=_USDM,
        venue=_USDM,
        kind="size",
        side=side,
        bot=_USDM,
    ) as seen:
        page = seen.during
        assert page.which("position_state", "side", state="mismatch") == {side}
        assert page.number("positions", state="match") == 1
    ground.settings(holdings=[{**leg, "quantity": "0"} for leg in legs])
    held = {**flat, "quantity": HELD[_USDM]}
    ground.settings(hedge_mode=False, holdings=[held])
    believe(ground.root(_USDM), **{SYMBOL[_USDM]: HELD[_USDM]})
    ground.after(ground.touch(), "account", of=_USDM)


def test_a_file_that_cannot_be_read_is_no_position_at_all(ground: Ground) -> None:
    """Unknown, which is neither a match nor a flat account."""
    before = ground.calm(_STEM, "account", of=_USDM)
    write(ground.root(_USDM), "state/positions.json", '{"BTCUSDT": {"qty"')
    during = ground.after(ground.touch(), "account", of=_USDM)
    assert during.which("positions", "state") == {"unknown"}
    rules.judge(during, before, _STEM, {"TradingBotPositionsUnknown"})
    believe(ground.root(_USDM), **{SYMBOL[_USDM]: HELD[_USDM]})
    after = ground.after(ground.touch(), "account", of=_USDM)
    rules.judge(after, before, _STEM, ())
