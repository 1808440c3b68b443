"""The exchange is in maintenance: by its own word, by its answers, by its streams."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import SYMBOL, Venue
from tests.sim.stream.server import TICK_SECONDS
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.venues import VENUES

_STEM = "exchange_maintenance"
_FAST = ("poll", "rules_poll", "account_poll")
_ON = {"TradingBotExchangeMaintenance"}
_HALTED = {*_ON, "TradingBotSymbolNotTradable"}
_DOWN = {*_ON, "TradingBotRulesUnknown"}
_SOURCES = ("exchange", "rules")
# The end of one stream is no maintenance: one server of many is replaced every day. Two returns
# in a row must have failed first, before each of which a listener pauses for a second at most.
_SPEAKS_SECONDS = 2 * TICK_SECONDS
_LOST_SECONDS = 2 * 1.0 + _SPEAKS_SECONDS
_RETURNS_SECONDS = 1.0 + _SPEAKS_SECONDS


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each venue."""
    with stand(tmp_path_factory.mktemp("maintenance"), *VENUES, fast=_FAST) as made:
        yield made


@pytest.mark.parametrize(
    ("of", "kind", "cause", "fires"),
    [
        ("binance_usdm", "status", {"status"}, _ON),
        ("binance_usdm", "503", {"errors"}, _DOWN),
        ("binance_usdm", "symbol_break", {"symbol"}, _HALTED),
        ("binance_spot", "status", {"status"}, _ON),
        ("binance_spot", "503", {"errors"}, _DOWN),
        ("binance_spot", "symbol_break", {"symbol"}, _HALTED),
        ("alpaca", "503", {"errors"}, _DOWN),
        ("alpaca", "symbol_break", {"symbol"}, _HALTED),
    ],
)
def test_the_venue_does_not_serve(
    ground: Ground, of: Venue, kind: str, cause: set[str], fires: set[str]
) -> None:
    """One round is enough: what could be a hiccup is asked about again within it."""
    with ground.fault(_STEM, *_SOURCES, fires=fires, of=of, kind=kind) as seen:
        assert seen.during.which("exchange_maintenance_cause", "cause") == cause
        tradable = seen.during.number("exchange_symbol_tradable", symbol=SYMBOL[of])
        assert tradable == (kind != "symbol_break")
    for page in (seen.before, seen.after):
        assert page.number("exchange_maintenance") == 0
        assert page.which("exchange_maintenance_cause", "cause") == set()
        assert page.number("exchange_symbol_tradable", symbol=SYMBOL[of]) == 1


@pytest.mark.parametrize("of", ["binance_usdm", "binance_spot"])
def test_streams_are_shut_down(ground: Ground, of: Venue) -> None:
    """Announced, ended, and nobody is let in again, while everything else still answers."""
    before = ground.calm(_STEM, *_SOURCES, of=of)
    with ground.broken(_STEM, kind="shutdown") as moment:
        during = ground.after(moment + _LOST_SECONDS, "exchange", of=of)
        assert during.which("exchange_maintenance_cause", "cause") == {"stream"}
        assert during.number("exchange_reachable") == 1
        rules.judge(during, before, _STEM, _ON)
    after = ground.after(ground.disturbed + _RETURNS_SECONDS, "exchange", of=of)
    rules.judge(after, before, _STEM, ())


def test_everything_at_once(ground: Ground) -> None:
    """By its own word, by its answers and by its streams; all of it goes again."""
    before = ground.calm(_STEM, *_SOURCES)
    with ground.broken(_STEM, kind="full") as moment:
        during = ground.after(moment, *_SOURCES)
        assert during.which("exchange_maintenance_cause", "cause") >= {"status", "errors"}
        rules.judge(during, before, _STEM, _DOWN)
    after = ground.after(ground.disturbed + _RETURNS_SECONDS, *_SOURCES)
    assert after.which("exchange_maintenance_cause", "cause") == set()
    rules.judge(after, before, _STEM, ())


@pytest.mark.parametrize("of", VENUES)
def test_resting_orders_are_expired(ground: Ground, of: Venue) -> None:
    """An exchange that clears its books is not in maintenance yet, but the orders are gone."""
    sources = (*_SOURCES, "account")
    with ground.broken("partial_fills", venue=of) as moment:
        resting = ground.after(moment, "account", of=of)
        assert resting.which("open_orders", "status") == {"PARTIALLY_FILLED"}
        with ground.fault(_STEM, *sources, fires=(), of=of, kind="orders_expired") as seen:
            assert seen.during.which("open_orders", "status") == set()
