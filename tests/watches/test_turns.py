"""Who is asked next, where not everybody can be."""

from collections.abc import Collection, Iterator

from hypothesis import given
from hypothesis import strategies as st

from exporter.watches.turns import Group, Turns

_GROUPS = st.lists(
    st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=4, unique=True).map(tuple),
    max_size=8,
    unique=True,
)


@given(_GROUPS, st.integers(1, 4), st.integers(1, 5), st.lists(_GROUPS, max_size=20))
def test_whoever_stays_is_asked_in_full_within_bounded_looks(
    staying: list[Group], most: int, looks: int, passing: list[list[Group]]
) -> None:
    """Whoever comes and goes meanwhile, and whatever was asked before."""
    turns = Turns(most, looks)
    turns.take([group for groups in passing for group in groups])
    asked = dict.fromkeys(staying, 0)
    behind = {group for groups in passing for group in groups}
    for number in range((len(staying) + len(behind)) * looks):
        coming = passing[number % len(passing)] if passing else []
        names = set(turns.take(list(dict.fromkeys((*coming, *staying)))))
        for group in staying:
            asked[group] += names.issuperset(group)
    assert all(count >= looks for count in asked.values())


@given(_GROUPS, st.integers(1, 4))
def test_a_look_takes_no_more_than_it_may(groups: list[Group], most: int) -> None:
    """Except for one group that is larger by itself; and it never takes nothing."""
    turns = Turns(most, 3)
    for _ in range(5):
        names = turns.take(groups)
        assert len(names) <= max(most, *map(len, groups)) if groups else names == ()
        assert len(set(names)) == len(names)
        assert bool(names) == bool(groups)


def test_a_turn_is_not_interrupted() -> None:
    """The first three are asked until their turn is over, and only then the others."""
    groups = [(name,) for name in "abcdefg"]
    turns = Turns(3, 2)
    seen = ["".join(turns.take(groups)) for _ in range(6)]
    assert seen == ["abc", "abc", "def", "def", "gab", "gab"]


class _Listed(Collection[Group]):
    """Groups in a list, which is searched from its beginning; counts the searches."""

    def __init__(self, groups: list[Group]) -> None:
        self._groups = groups
        self.searches = 0

    def __contains__(self, group: object) -> bool:
        self.searches += 1
        return group in self._groups

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


def test_many_groups_are_not_searched_for_each_of_them() -> None:
    """Or a thousand orders would take a million steps in each look."""
    groups = _Listed([(str(number),) for number in range(50)])
    turns = Turns(3, 2)
    for _ in range(5):
        assert len(turns.take(groups)) == 3
    assert groups.searches == 0
