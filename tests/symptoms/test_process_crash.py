"""The bot's process ends: without a word, or properly."""

from collections.abc import Iterator

import pytest

from tests.sim.conftest import DEADLINE, until
from tests.sim.holdings import Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.page import Page

_STEM = "process_crash"
_BOT: Venue = "binance_usdm"
_DOWN, _STOPPED = {"TradingBotProcessDown"}, {"TradingBotStopped"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot that does not run yet."""
    with stand(tmp_path_factory.mktemp("crash"), _BOT, fast={"account_poll"}) as made:
        yield made


@pytest.fixture
def running(ground: Ground) -> Iterator[Page]:
    """The page of a bot that has traded; whatever runs of it afterwards is stopped."""
    bot = ground.bots[_BOT]
    filled = bot.log.count("Filled")
    bot.start()
    until(lambda: bot.log.count("Filled") > filled, "a trade")
    page = ground.after(ground.touch(), "process", "heartbeat")
    assert page.number("process_up") == 1
    rules.judge(page, page, _STEM, ())
    yield page
    bot.stop_all()


@pytest.mark.parametrize(("signal", "clean", "fires"), [("KILL", 0, _DOWN), ("TERM", 1, _STOPPED)])
def test_it_is_gone_and_comes_back(
    ground: Ground, running: Page, signal: str, clean: int, fires: set[str]
) -> None:
    """Only a crash is an emergency; a new process ends either."""
    bot = ground.bots[_BOT]
    with ground.broken(_STEM, signal=signal) as moment:
        during = ground.after(moment, "process")
        assert during.number("process_up") == 0
        assert during.number("process_last_exit_clean") == clean
        exits = "process_unclean_exits_total"
        assert during.number(exits) == running.number(exits) + (not clean)
        rules.judge(during, running, _STEM, fires)
    bot.process.wait(DEADLINE)
    process = bot.start()
    until(lambda: f"Starting TradingBot2 (pid {process.pid}," in bot.log, "the new process")
    after = ground.after(ground.touch(), "process")
    assert after.number("process_up") == 1
    assert after.number("process_last_exit_clean") == 0
    started = "process_start_time_seconds"
    assert after.number(started) > running.number(started)
    restarts = "process_restarts_total"
    assert after.number(restarts) == running.number(restarts) + 1
    rules.judge(after, during, _STEM, ())


def test_an_order_is_left_behind(ground: Ground, running: Page) -> None:
    """A resting order that the bot's files do not know is somebody else's."""
    rules.judge(running, running, "api_key", ())
    with ground.broken(_STEM, orphan=True) as moment:
        during = ground.after(moment, "process", "account")
        assert during.number("foreign_open_orders") == 1
        rules.judge(during, running, "api_key", {"TradingBotForeignOrders"})
    after = ground.after(ground.disturbed, "account")
    assert after.number("foreign_open_orders") == 0
    rules.judge(after, during, "api_key", ())
