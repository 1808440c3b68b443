"""Who is asked next, where not everybody can be."""

from collections.abc import Collection

Group = tuple[str, ...]


class Turns:
    """A queue of groups of names, of which each look takes the first few.

    A group stays in front for as many looks as its turn has and then goes to the end; one that is
    new begins there. So of any number of groups that stay, each has a whole turn again and again.

    Args:
        most: names in one look; a group is never divided, so a larger one comes alone.
        looks: in one turn.
    """

    def __init__(self, most: int, looks: int) -> None:
        self._most = most
        self._looks = looks
        self._left: dict[Group, int] = {}

    def take(self, groups: Collection[Group]) -> tuple[str, ...]:
        """Return the names to ask for in this look; groups that are not there now are forgotten."""
        there = set(groups)
        queue = {group: left for group, left in self._left.items() if group in there}
        queue |= {group: self._looks for group in groups if group not in queue}
        chosen: dict[str, None] = {}
        asked = set()
        for group in queue:
            if chosen and len({*chosen, *group}) > self._most:
                break
            chosen |= dict.fromkeys(group)
            asked.add(group)
        left = {group: looks - (group in asked) for group, looks in queue.items()}
        over = dict.fromkeys((group for group, looks in left.items() if not looks), self._looks)
        self._left = {group: looks for group, looks in left.items() if looks} | over
        return tuple(chosen)
