"""A clock goes wrong: whose it is shows in which reference differs."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import Venue
from tests.symptoms.ground import Ground, stand

_STEM = "clock_drift"
_FAST = ("poll", "ntp_poll", "account_poll", "key_poll")
_WARNING = {"TradingBotClockDriftWarning"}
_CRITICAL = {*_WARNING, "TradingBotClockDriftCritical"}
_CLOSE_SECONDS = 0.2
_SHOWN_BY = {"local": {"exchange", "ntp"}, "exchange": {"exchange"}, "ntp": {"ntp"}, "ntp_one": ()}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each kind of exchange clock; they warn at half a second and stop at two."""
    with stand(tmp_path_factory.mktemp("clock"), "binance_usdm", "alpaca", fast=_FAST) as made:
        yield made


@pytest.mark.parametrize(
    ("of", "where", "seconds", "fires"),
    [
        ("binance_usdm", "local", 3.0, _CRITICAL),
        ("binance_usdm", "local", -3.0, _CRITICAL),
        ("binance_usdm", "local", -0.8, _WARNING),
        ("binance_usdm", "exchange", -2.5, _CRITICAL),
        ("binance_usdm", "exchange", 0.8, _WARNING),
        ("binance_usdm", "ntp", 3.0, _CRITICAL),
        ("binance_usdm", "ntp_one", 3.0, set[str]()),
        ("alpaca", "local", 3.0, _CRITICAL),
        ("alpaca", "exchange", -0.8, _WARNING),
    ],
)
def test_a_clock_is_off(
    ground: Ground, of: Venue, where: str, seconds: float, *, fires: set[str]
) -> None:
    """Positive is ahead; one lying time server of four is outvoted."""
    with ground.fault(
        _STEM, "exchange", "ntp", fires=fires, of=of, where=where, offset_seconds=seconds
    ) as seen:
        for reference in ("exchange", "ntp"):
            offset = seen.during.number("clock_offset_seconds", reference=reference)
            expected = seconds if reference in _SHOWN_BY[where] else 0.0
            assert offset == pytest.approx(expected, abs=_CLOSE_SECONDS)
    for reference in ("exchange", "ntp"):
        offset = seen.after.number("clock_offset_seconds", reference=reference)
        assert offset == pytest.approx(0.0, abs=_CLOSE_SECONDS)


@pytest.mark.parametrize(("of", "fires"), [("binance_usdm", _CRITICAL), ("alpaca", _WARNING)])
def test_a_clock_that_only_the_venue_does_not_accept(
    ground: Ground, of: Venue, fires: set[str]
) -> None:
    """Binance refuses what is a second ahead, whatever the bot's own limit is."""
    with ground.fault(
        _STEM, "exchange", "ntp", fires=fires, of=of, where="exchange", offset_seconds=1.4
    ):
        pass


def test_drift_does_not_blind_the_exporter(ground: Ground) -> None:
    """Its own requests carry the exchange's time: the account can be read all along."""
    sources = ("exchange", "ntp", "account", "key")
    with ground.fault(_STEM, *sources, fires=_CRITICAL, offset_seconds=30.0) as seen:
        assert {s: seen.during.number("source_up", source=s) for s in sources} == {
            **dict.fromkeys(sources, 1.0)
        }
        assert seen.during.number("positions", state="unknown") == 0
