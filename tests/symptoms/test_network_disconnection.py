"""The way to the exchange breaks: what is in the way, how old market data is, who must wait."""

import time
from collections.abc import Iterator

import pytest

from tests.sim.holdings import Venue
from tests.sim.simulator import Simulator
from tests.sim.stream.server import TICK_SECONDS
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.page import Page
from tests.symptoms.venues import MARKET_DATA_SECONDS

_STEM = "network_disconnection"
_FAST = ("poll", "ntp_poll", "account_poll")
_UNREACHABLE = {"TradingBotExchangeUnreachable"}
_STALE = {"TradingBotMarketDataStale", "TradingBotStreamStale"}
_CUT = {"TradingBotMarketDataUnknown"}
_WAIT = {"TradingBotExchangeBan", "TradingBotRateLimited"}
_STREAMS: dict[Venue, str] = {
    "binance_usdm": "btcusdt@markPrice",
    "binance_spot": "btcusdt@miniTicker",
    "alpaca": "AAPL@lastTrade",
}
# A listener hears no sooner of a change than the exchange speaks; then it comes back within the
# pause between two attempts, which is never below a second: the exchange allows 300 in 5 minutes.
_SPEAKS_SECONDS = 2 * TICK_SECONDS
_RETURNS_SECONDS = 1.0 + _SPEAKS_SECONDS


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each venue."""
    path = tmp_path_factory.mktemp("network")
    with stand(path, "binance_usdm", "binance_spot", "alpaca", fast=_FAST, timeout=0.6) as made:
        yield made


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("refused", "refused"),
        ("hang", "timeout"),
        ("reset", "reset"),
        ("drop", "reset"),
        ("garbage", "unknown"),
        ("one_way", "timeout"),
        ("html", "server"),
        ("forbidden", "firewall"),
        ("restricted", "restricted"),
    ],
)
def test_the_exchange_alone_is_out_of_reach(ground: Ground, kind: str, fault: str) -> None:
    """The newest probe says what is in the way, and that others can be reached."""
    streams = _STALE | _CUT  # a listener's, with a test of their own
    with ground.fault(_STEM, "network", fires=_UNREACHABLE, maybe=streams, kind=kind) as seen:
        assert seen.during.number("exchange_reachable") == 0
        assert seen.during.which("network_fault", "fault") == {fault}
        assert seen.during.number("network_others_reachable") == 1
    assert seen.after.number("exchange_reachable") == 1
    assert seen.after.which("network_fault", "fault") == {"none"}


@pytest.mark.parametrize("of", ["binance_spot", "alpaca"])
def test_every_venue_is_probed(ground: Ground, of: Venue) -> None:
    """A broken way to one venue's host is told by that venue's own bot."""
    streams = _STALE | _CUT
    with ground.fault(
        _STEM, "network", fires=_UNREACHABLE, maybe=streams, of=of, kind="refused"
    ) as seen:
        assert seen.during.which("network_fault", "fault") == {"refused"}
    assert seen.after.which("network_fault", "fault") == {"none"}


@pytest.mark.parametrize("kind", ["refused", "hang"])
def test_nobody_can_be_reached(ground: Ground, kind: str) -> None:
    """When others are gone as well, the fault is this host's, and NTP is gone with them."""
    with ground.fault(
        _STEM,
        *("network", "ntp"),
        fires=_UNREACHABLE,
        maybe=_STALE | _CUT,
        kind=kind,
        scope="internet",
    ) as seen:
        assert seen.during.which("network_fault", "fault") == {"local"}
        assert seen.during.number("network_others_reachable") == 0
        assert seen.during.number("source_up", source="ntp") == 0
    assert seen.after.which("network_fault", "fault") == {"none"}
    assert seen.after.number("source_up", source="ntp") == 1


def _last(page: Page, of: Venue) -> float:
    name = "market_data_last_message_timestamp_seconds"
    return page.number(name, stream=_STREAMS[of], observer="probe")


def _until(ground: Ground, moment: float, of: Venue) -> Page:
    """Return the first scrape that was asked for after a moment."""
    while True:
        page = ground.scrape(of)
        if page.at > moment:
            return page
        time.sleep(TICK_SECONDS)


@pytest.mark.parametrize("of", ["binance_usdm", "binance_spot", "alpaca"])
def test_market_data_falls_silent(ground: Ground, of: Venue) -> None:
    """An open socket proves nothing: the newest message ages, and is stale by the threshold."""
    before = ground.after(ground.disturbed + _RETURNS_SECONDS, "network", "market_data", of=of)
    rules.judge(before, before, _STEM, ())
    with ground.broken(_STEM, kind="stream_silent") as moment:
        young = ground.after(moment + _SPEAKS_SECONDS, "market_data", of=of)
        assert _last(young, of) < moment + _SPEAKS_SECONDS
        old = _until(ground, _last(young, of) + MARKET_DATA_SECONDS, of)
        assert _last(old, of) == _last(young, of)
        rules.judge(old, before, _STEM, _STALE)
    after = ground.after(ground.disturbed + _SPEAKS_SECONDS, "market_data", of=of)
    rules.judge(after, before, _STEM, ())


def test_market_data_is_cut_off(ground: Ground) -> None:
    """A stream that is closed and not let in again is a source that is down, and soon stale."""
    of: Venue = "binance_usdm"
    before = ground.after(ground.disturbed + _RETURNS_SECONDS, "network", "market_data", of=of)
    rules.judge(before, before, _STEM, ())
    with ground.broken(_STEM, kind="stream_closed") as moment:
        cut = ground.after(moment + _SPEAKS_SECONDS, "market_data", of=of)
        assert cut.number("exchange_reachable") == 1
        rules.judge(cut, before, _STEM, _CUT, maybe=_STALE)
        old = _until(ground, _last(cut, of) + MARKET_DATA_SECONDS, of)
        rules.judge(old, before, _STEM, _CUT | _STALE)
    after = ground.after(ground.disturbed + _RETURNS_SECONDS, "market_data", of=of)
    rules.judge(after, before, _STEM, ())


def test_a_closed_market_may_be_silent(ground: Ground) -> None:
    """Shares do not trade at night, and that is no fault."""
    moment = ground.settings(market_open=False)
    before = ground.after(moment, "network", "exchange", of="alpaca")
    assert before.number("market_open") == 0
    with ground.broken(_STEM, kind="stream_silent") as moment:
        young = ground.after(moment, "market_data", of="alpaca")
        old = _until(ground, _last(young, "alpaca") + MARKET_DATA_SECONDS, "alpaca")
        rules.judge(old, before, _STEM, ())
    moment = ground.settings(market_open=True)
    assert ground.after(moment, "exchange", of="alpaca").number("market_open") == 1


@pytest.mark.parametrize("kind", ["rate_limited", "banned"])
def test_the_exchange_asks_for_silence(ground: Ground, kind: str) -> None:
    """It is kept until the moment that the exchange named, though the fault itself is gone.

    So that moment, and not the fault's end, is when the symptom must go. The half minute of a
    ban is not waited for: this is the last test here.
    """
    before = ground.calm(_STEM, "network", "exchange", "market_data")
    with ground.broken(_STEM, kind=kind) as moment:
        during = ground.after(moment, "exchange")
    until = during.number("exchange_quiet_until_timestamp_seconds")
    assert moment < until <= ground.disturbed + {"rate_limited": 5, "banned": 30}[kind]
    assert during.number("exchange_reachable") == 1
    rules.judge(during, before, _STEM, _WAIT)
    requests = _futures_requests(ground.simulator)
    quiet = ground.after(ground.disturbed, "network", "exchange", "account")
    assert quiet.number("exchange_quiet_until_timestamp_seconds") == pytest.approx(until, abs=0.1)
    assert _futures_requests(ground.simulator) == requests
    if kind == "rate_limited":
        after = ground.after(until, "exchange")
        assert after.value("exchange_quiet_until_timestamp_seconds") is None
        rules.judge(after, during, _STEM, ())


def _futures_requests(simulator: Simulator) -> int:
    """How many requests have come of the kind that nobody sends to the second exchange."""
    paths = ("GET /fapi/", "GET /sapi/")
    with simulator.world.lock:
        counted = simulator.world.requests.items()
        return sum(count for (_, endpoint), count in counted if endpoint.startswith(paths))
