"""The way to the exchange breaks: what is in the way, how old market data is, who must wait."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import Venue
from tests.sim.simulator import Simulator
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
# What hangs costs this several times over; what answers may need it on a busy machine.
_TIMEOUT_SECONDS = 1.5


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each venue."""
    path = tmp_path_factory.mktemp("network")
    with stand(path, *_STREAMS, fast=_FAST, timeout=_TIMEOUT_SECONDS) as made:
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
    return page.value(name, stream=_STREAMS[of], observer="probe") or 0.0


def _flowing(ground: Ground, of: Venue) -> Page:
    """Return a scrape by which data has come since something was last done to the world.

    A listener comes back in its own time: the exchange allows 300 connections in 5 minutes.
    """

    def flows(page: Page) -> bool:
        sources = ("network", "market_data")
        return _last(page, of) > ground.disturbed and all(
            page.attempt(source) > ground.disturbed and page.number("source_up", source=source)
            for source in sources
        )

    return ground.until("data", flows, of)


def _silent(ground: Ground, of: Venue) -> Page:
    """Return a scrape in which the newest message is older than the bot wants it to be.

    The data ends on its own way: what was sent before the fault may be heard some time after it.
    """

    def is_old(page: Page) -> bool:
        return page.at - _last(page, of) > MARKET_DATA_SECONDS

    return ground.until("silence", is_old, of)


@pytest.mark.parametrize("of", ["binance_usdm", "binance_spot", "alpaca"])
def test_market_data_falls_silent(ground: Ground, of: Venue) -> None:
    """An open socket proves nothing: the newest message ages, and is stale by the threshold."""
    before = _flowing(ground, of)
    rules.judge(before, before, _STEM, ())
    with ground.broken(_STEM, kind="stream_silent"):
        old = _silent(ground, of)
        # A listener that hears nothing for so long connects anew, and says so for a moment.
        rules.judge(old, before, _STEM, _STALE, maybe=_CUT)
    rules.judge(_flowing(ground, of), before, _STEM, ())


def test_market_data_is_cut_off(ground: Ground) -> None:
    """A stream that is closed and not let in again is a source that is down, and soon stale."""
    of: Venue = "binance_usdm"
    before = _flowing(ground, of)
    rules.judge(before, before, _STEM, ())
    with ground.broken(_STEM, kind="stream_closed"):
        cut = ground.until("end", lambda p: not p.number("source_up", source="market_data"), of)
        assert cut.number("exchange_reachable") == 1
        rules.judge(cut, before, _STEM, _CUT, maybe=_STALE)
        rules.judge(_silent(ground, of), before, _STEM, _CUT | _STALE)
    rules.judge(_flowing(ground, of), before, _STEM, ())


def test_a_closed_market_may_be_silent(ground: Ground) -> None:
    """Shares do not trade at night, and that is no fault."""
    moment = ground.settings(market_open=False)
    before = ground.after(moment, "network", "exchange", of="alpaca")
    assert before.number("market_open") == 0
    with ground.broken(_STEM, kind="stream_silent"):
        rules.judge(_silent(ground, "alpaca"), before, _STEM, ())
    moment = ground.settings(market_open=True)
    assert ground.after(moment, "exchange", of="alpaca").number("market_open") == 1


@pytest.mark.parametrize("kind", ["rate_limited", "banned"])
def test_the_exchange_asks_for_silence(ground: Ground, kind: str) -> None:
    """It is kept until the moment that the exchange named, though the fault itself is gone.

    So that moment, and not the fault's end, is when the symptom must go. The half minute of a
    ban is not waited for: this is the last test here.
    """
    _flowing(ground, "binance_usdm")  # what fell silent in the tests before is back
    before = ground.calm(_STEM, "network", "exchange", "market_data")
    with ground.broken(_STEM, kind=kind) as moment:
        during = ground.after(moment, "exchange")
    until = during.number("exchange_quiet_until_timestamp_seconds")
    assert moment < until <= ground.disturbed + {"rate_limited": 15, "banned": 30}[kind]
    assert during.number("exchange_reachable") == 1
    sources = ("network", "exchange", "account")
    ground.after(ground.disturbed, *sources)  # what was on its way when silence was asked for
    requests = _futures_requests(ground.simulator)
    quiet = ground.after(ground.touch(), *sources)
    assert quiet.number("exchange_quiet_until_timestamp_seconds") == pytest.approx(until, abs=0.1)
    assert _futures_requests(ground.simulator) == requests
    rules.judge(during, before, _STEM, _WAIT)
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
