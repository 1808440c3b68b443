"""Whatever stands where a bot's file should be: it is said, and nothing else suffers."""

import pytest

from tests.hostile.damage import DAMAGE
from tests.hostile.file_story import SCRAPE_SECONDS, Story, down, shows, tell
from tests.hostile.ground import check_log, unforeseen
from tests.hostile.places import PLACES, Place

# The first test that asks for the story waits until it is told, on a busy machine for minutes.
pytestmark = pytest.mark.timeout(600)
_PLACES = pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
_DAMAGE = pytest.mark.parametrize("damage", DAMAGE)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """All of it, told once: every scrape in it was answered in time, by every collector."""
    return tell(tmp_path_factory.mktemp("files"))


@_PLACES
@_DAMAGE
def test_it_shows_and_goes_again(story: Story, place: Place, damage: str) -> None:
    """At once, on the side of safety; and the file's return is all that it takes."""
    seen = story.seen[damage]
    assert shows(seen.during[-1], place, damage, seen.before)
    assert not down(seen.after, place.name)


@_PLACES
@_DAMAGE
def test_nothing_else_falls(story: Story, place: Place, damage: str) -> None:
    """One bad file is one bad source."""
    for scrape in story.seen[damage].during:
        assert down(scrape, place.name) <= place.may_fall


@_PLACES
@_DAMAGE
def test_each_failure_has_a_foreseen_reason(story: Story, place: Place, damage: str) -> None:
    """What was counted is in the closed set of the source, and never our own fault."""
    seen = story.seen[damage]
    for source in place.may_fall:
        before = seen.before.failures(place.name, source)
        assert not unforeseen(source, before, seen.during[-1].failures(place.name, source))


@_DAMAGE
def test_no_scrape_waits_for_a_file(story: Story, damage: str) -> None:
    """Not even for one that nobody will ever write to, or that is held by somebody else."""
    seen = story.seen[damage]
    # One that waited would do so for two thirds of the time that it has.
    assert min(scrape.seconds for scrape in [*seen.during, seen.after]) < SCRAPE_SECONDS / 2


def test_nothing_broke(story: Story) -> None:
    """Whatever happened was foreseen."""
    check_log(story.log)
