"""Whoever is at the other end does his worst: the exporter says what is lost, and goes on."""

import pytest

from exporter.errors import Reason
from tests.hostile.bots import CALM
from tests.hostile.cases import CASES, MAY_FALL, Case
from tests.hostile.ground import check_log, unforeseen
from tests.hostile.story import Story, tell

# The first test that asks for the story waits until it is told, on a busy machine for minutes.
pytestmark = pytest.mark.timeout(900)
_CASES = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
_LATE = {Reason.TIMEOUT.value}
_STATES = ("match", "pending", "mismatch", "unknown")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """All of it, told once: every scrape in it was answered in time, by every collector."""
    return tell(tmp_path_factory.mktemp("network"))


@_CASES
def test_what_is_lost_is_down_and_the_rest_is_not(story: Story, case: Case) -> None:
    """No other source of the bot suffers, and all are up again when it is over."""
    seen = story.seen[case.name]
    well = {source for source, up in seen.before.sources(seen.bot).items() if up}
    last = seen.during[-1]
    assert all(last.has_failed(seen.bot, source, seen.before) for source in case.down)
    for scrape in seen.during:
        down = {source for source, up in scrape.sources(seen.bot).items() if not up}
        assert down & well <= MAY_FALL[case.site]
    assert well >= case.down
    assert all(seen.after.sources(seen.bot)[source] for source in well)


@_CASES
def test_each_failure_has_a_foreseen_reason(story: Story, case: Case) -> None:
    """What was counted is in the closed set of the source, and never our own fault."""
    seen = story.seen[case.name]
    for source in seen.before.sources(seen.bot):
        before = seen.before.failures(seen.bot, source)
        assert not unforeseen(source, before, seen.during[-1].failures(seen.bot, source))


@_CASES
def test_positions_are_unknown_and_never_judged_on_lies(story: Story, case: Case) -> None:
    """Neither in order nor different: nobody can tell while the account cannot be read."""
    seen = story.seen[case.name]
    states = {
        state: seen.during[-1].value(f'tradingbot_positions{{bot="{seen.bot}",state="{state}"}}')
        for state in _STATES
    }
    assert None not in states.values()
    if "account" in case.down:
        assert states["match"] == states["mismatch"] == 0
        assert (states["unknown"] or 0) >= 1


@_CASES
def test_safety_is_read_from_files_as_before(story: Story, case: Case) -> None:
    """The kill switch neither vanishes nor trips for what somebody else says."""
    seen = story.seen[case.name]
    assert seen.during[-1].value(f'tradingbot_kill_switch_engaged{{bot="{seen.bot}"}}') == 0
    assert seen.during[-1].value(f'tradingbot_process_up{{bot="{seen.bot}"}}') == 0


def test_a_calm_bot_beside_them_notices_nothing(story: Story) -> None:
    """Dozens of attacks at once, and one exchange that is as always.

    A busy machine may be late for it; it is well in the end, under attack, and nothing that
    was sent to its neighbours is held against it.
    """
    for seen in story.seen.values():
        assert all(seen.during[-1].sources(CALM).values())
        for source in seen.before.sources(CALM):
            before = seen.before.failures(CALM, source)
            after = seen.during[-1].failures(CALM, source)
            assert {reason for reason in after if after[reason] > before[reason]} <= _LATE


def test_pages_for_people_can_be_read_meanwhile(story: Story) -> None:
    """Nothing that was sent gets out of its quotes."""
    for text in story.pages.values():
        assert text.strip()
        assert "\x1b" not in text
        assert "<title>Sign in" not in text


def test_nothing_broke(story: Story) -> None:
    """Whatever happened was foreseen."""
    check_log(story.log)
