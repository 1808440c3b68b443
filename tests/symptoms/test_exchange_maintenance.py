"""The exchange is in maintenance: by its own word, by its answers, by its streams."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import SYMBOL, Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.page import Page
from tests.symptoms.venues import VENUES

_STEM = "exchange_maintenance"
_FAST = ("poll", "rules_poll", "account_poll")
_ON = {"TradingBotExchangeMaintenance"}
_HALTED = {*_ON, "TradingBotSymbolNotTradable"}
_DOWN = {*_ON, "TradingBotRulesUnknown"}
_SOURCES = ("exchange", "rules")


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
        assert _causes(seen.during) == cause
        tradable = seen.during.number("exchange_symbol_tradable", symbol=SYMBOL[of])
        assert tradable == (kind != "symbol_break")
    for page in (seen.before, seen.after):
        assert page.number("exchange_maintenance") == 0
        assert _causes(page) == set()
        assert page.number("exchange_symbol_tradable", symbol=SYMBOL[of]) == 1


def _causes(page: Page) -> set[str]:
    return page.which("exchange_maintenance_cause", "cause")


def _streams_return(ground: Ground) -> None:
    """Wait until each bot's listener is back: streams are shut down at all venues."""
    for venue in VENUES:
        ground.until("return of streams", lambda page: not _causes(page), venue)


@pytest.mark.parametrize("of", ["binance_usdm", "binance_spot"])
def test_streams_are_shut_down(ground: Ground, of: Venue) -> None:
    """Announced, ended, and nobody is let in again, while everything else still answers.

    The end of one stream is no maintenance: one server of many is replaced every day. A listener
    must have tried to return first, and in its own time it comes back.
    """
    before = ground.calm(_STEM, *_SOURCES, of=of)
    with ground.broken(_STEM, kind="shutdown"):
        during = ground.until("loss of streams", lambda page: _causes(page) == {"stream"}, of)
        assert during.number("exchange_reachable") == 1
        rules.judge(during, before, _STEM, _ON)
    _streams_return(ground)
    ground.calm(_STEM, *_SOURCES, of=of)


def test_everything_at_once(ground: Ground) -> None:
    """By its own word, by its answers and by its streams; all of it goes again."""
    before = ground.calm(_STEM, *_SOURCES)
    with ground.broken(_STEM, kind="full") as moment:
        during = ground.after(moment, *_SOURCES)
        assert _causes(during) >= {"status", "errors"}
        rules.judge(during, before, _STEM, _DOWN)
    _streams_return(ground)
    ground.calm(_STEM, *_SOURCES)


@pytest.mark.parametrize("of", VENUES)
def test_resting_orders_are_expired(ground: Ground, of: Venue) -> None:
    """An exchange that clears its books is not in maintenance yet, but the orders are gone."""
    sources = (*_SOURCES, "account")
    with ground.broken("partial_fills", venue=of) as moment:
        resting = ground.after(moment, "account", of=of)
        assert resting.which("open_orders", "status") == {"PARTIALLY_FILLED"}
        with ground.fault(_STEM, *sources, fires=(), of=of, kind="orders_expired") as seen:
            assert seen.during.which("open_orders", "status") == set()
