"""The bot takes more and more memory, or finds none left."""

import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.sim.conftest import DEADLINE, LiveBot, until
from tests.sim.holdings import Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.page import Page

_STEM = "memory_exhaustion"
_BOT: Venue = "binance_usdm"
_MEBIBYTE = 1 << 20
_LIMIT = 256 * _MEBIBYTE
_HIGH = {"TradingBotMemoryHigh"}
_CRITICAL = {*_HIGH, "TradingBotMemoryCritical"}
_WARN_RATIO, _CRITICAL_RATIO = 0.8, 0.92


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot with a limit of its own, which does not run yet."""
    changes = {"memory": {"limit_bytes": _LIMIT}}
    with stand(tmp_path_factory.mktemp("memory"), _BOT, changes=changes) as made:
        yield made


@pytest.fixture
def bot(ground: Ground) -> Iterator[LiveBot]:
    """A bot that has traded."""
    found = ground.bots[_BOT]
    filled = found.log.count("Filled")
    found.start()
    until(lambda: found.log.count("Filled") > filled, "a trade")
    yield found
    found.stop_all()


def _resident(bot: LiveBot) -> int:
    return int(psutil.Process(bot.process.pid).memory_info().rss)


def _when(bot: LiveBot, condition: Callable[[int], bool]) -> float:
    """Wait until the bot's memory is so; return a moment at which it is."""
    until(lambda: condition(_resident(bot)), "the bot's memory")
    return time.time()


@pytest.mark.parametrize(
    ("kind", "share", "fires"),
    [
        ("spike", _CRITICAL_RATIO, _CRITICAL),
        ("leak", _CRITICAL_RATIO, _CRITICAL),
        ("spike", _WARN_RATIO, _HIGH),
    ],
)
def test_it_takes_too_much(
    ground: Ground, bot: LiveBot, kind: str, share: float, fires: set[str]
) -> None:
    """The moment is that at which the kernel says so: a leak takes some steps until then."""
    ground.touch()
    before = ground.calm(_STEM, "process", "memory")
    wanted = int(share * _LIMIT) + 10 * _MEBIBYTE
    more = (wanted - _resident(bot)) // _MEBIBYTE
    with ground.broken(_STEM, kind=kind, mebibytes=more):
        moment = _when(bot, lambda resident: resident > share * _LIMIT)
        during = ground.after(moment, "memory")
        assert during.number("process_memory_limit_bytes") == _LIMIT
        assert during.number("process_memory_used_bytes") > share * _LIMIT
        assert during.number("process_resident_memory_bytes") > share * _LIMIT
        rules.judge(during, before, _STEM, fires)
    moment = _when(bot, lambda resident: resident < _WARN_RATIO * _LIMIT)
    after = ground.after(moment, "memory")
    rules.judge(after, before, _STEM, ())


def test_a_leak_is_seen_to_grow(ground: Ground, bot: LiveBot) -> None:
    """Each scrape shows what there is, long before it is too much."""
    start = _resident(bot)
    with ground.broken(_STEM, kind="leak", mebibytes=100):
        for step in (20, 50, 80):
            least = start + step * _MEBIBYTE
            moment = _when(bot, lambda resident: resident > least)  # noqa: B023
            page = ground.after(moment, "memory")
            assert page.number("process_memory_used_bytes") > least


def test_it_finds_none_left(ground: Ground, bot: LiveBot) -> None:
    """A MemoryError is in the log, the process is gone, and both are said."""
    before: Page = ground.after(time.time(), "process", "memory", "logs")
    with ground.broken(_STEM, kind="error"):
        bot.process.wait(DEADLINE)
        during = ground.after(time.time(), "process", "memory", "logs")
        rules.judge(during, before, _STEM, {"TradingBotMemoryErrorsLogged"})
        fires = {"TradingBotProcessDown", "TradingBotExceptionsLogged"}
        rules.judge(during, before, "process_crash", fires)
        for name in ("process_resident_memory_bytes", "process_memory_used_bytes"):
            assert during.value(name) is None
    process = bot.start()
    until(lambda: f"Starting TradingBot2 (pid {process.pid}," in bot.log, "the new process")
    after = ground.after(time.time(), "process", "memory", "logs")
    assert after.number("process_memory_used_bytes") < _WARN_RATIO * _LIMIT
    rules.judge(after, during, _STEM, ())
    rules.judge(after, during, "process_crash", ())
