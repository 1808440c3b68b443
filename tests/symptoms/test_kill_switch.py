"""The bot is told to stop: by its own limit, by a person, or by a state nobody can read."""

from collections.abc import Iterator

import pytest

from tests.sim.conftest import until
from tests.sim.holdings import Venue
from tests.sources.bots import write
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand

_STEM = "kill_switch"
_BOT: Venue = "binance_usdm"
_FLAG, _STATE = "state/kill_switch.flag", "state/kill_switch_state.json"
_ENGAGED = {"TradingBotKillSwitchEngaged"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot that trades."""
    with stand(tmp_path_factory.mktemp("switch"), _BOT, fast={"data_poll"}) as made:
        made.bots[_BOT].start()
        until(lambda: "Filled" in made.bots[_BOT].log, "a trade")
        yield made


def test_a_person_has_pulled_it(ground: Ground) -> None:
    """An empty flag is enough."""
    with ground.fault(_STEM, "bot_files", fires=_ENGAGED, cause="manual") as seen:
        assert seen.during.number("kill_switch_engaged") == 1
        assert seen.during.number("paused") == 0
    assert seen.after.number("kill_switch_engaged") == 0


def test_a_state_that_nobody_can_read_is_engaged(ground: Ground) -> None:
    """Half a file is no permission to trade, and is a damaged file besides."""
    sources = ("bot_files", "data_files")  # a state file is judged twice
    with ground.fault(_STEM, *sources, fires=_ENGAGED, cause="state_unreadable") as seen:
        assert seen.during.number("kill_switch_engaged") == 1
        assert seen.during.number("file_valid", file=_STATE) == 0
        assert seen.during.number("source_up", source="bot_files") == 0
        rules.judge(seen.during, seen.before, "data_corruption", {"TradingBotFileInvalid"})
    assert seen.after.number("file_valid", file=_STATE) == 1


def test_the_bot_has_pulled_it_itself(ground: Ground) -> None:
    """Orders are refused until it has had enough; what it latched outlives that.

    The fault's moment is that at which the bot engages the switch, and a person must release it.
    """
    bot = ground.bots[_BOT]
    before = ground.calm(_STEM, "bot_files")
    with ground.broken(_STEM, cause="errors"):
        until((bot.root / _FLAG).exists, "the flag")
        during = ground.after(ground.touch(), "bot_files")
        rules.judge(during, before, _STEM, _ENGAGED)
        until(lambda: "Kill switch triggered" in bot.log, "the last word")
        said = ground.after(ground.touch(), "logs")
        name, event = "log_events_total", "kill_switch_triggered"
        assert said.number(name, event=event) == before.number(name, event=event) + 1
    latched = ground.after(ground.disturbed, "bot_files")
    rules.judge(latched, before, _STEM, _ENGAGED)
    (bot.root / _FLAG).unlink()
    write(bot.root, _STATE, '{"tripped": false}')
    after = ground.after(ground.touch(), "bot_files")
    assert after.number("kill_switch_engaged") == 0
    rules.judge(after, before, _STEM, ())
