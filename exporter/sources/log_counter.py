"""Counts symptoms in whole blocks of lines, never line by line where it can be helped.

What a matching line must hold is looked for in a lower-case copy of the block, at the speed
of memory; only a line that holds it is judged, alone, by the regular expression. So the
result is what judging every line would give.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from exporter.sources.log_patterns import Event, compile_pattern

_Find = Callable[[bytes, int], int]


class LineCounter:
    """Counts, per event, the lines that it matches; a line counts once for each."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = tuple(
            (
                event.name,
                compile_pattern(event.pattern),
                (
                    *(_text_finder(text) for text in event.texts),
                    *(_expression_finder(expression) for expression in event.expressions),
                ),
            )
            for event in events
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The events' names."""
        return tuple(name for name, _, _ in self._events)

    def count(self, block: bytes) -> Mapping[str, int]:
        """Count in a block of lines, the last of which may lack its end.

        A line's end, CR included, and NULs before it (the hole that a truncation leaves under a
        writer that does not append) are no part of a line.
        """
        counts: Counter[str] = Counter()
        folded = block.lower()
        for name, pattern, finders in self._events:
            if finders:
                counts[name] = _count_probed(block, folded, pattern, finders)
            else:
                lines = block.removesuffix(b"\n").split(b"\n")
                counts[name] = sum(pattern.search(_bare(line)) is not None for line in lines)
        return counts


def _count_probed(
    block: bytes, folded: bytes, pattern: re.Pattern[bytes], finders: tuple[_Find, ...]
) -> int:
    matching: set[int] = set()
    for find in finders:
        position = find(folded, 0)
        while position >= 0:
            start = folded.rfind(b"\n", 0, position) + 1
            end = folded.find(b"\n", position)
            end = end if end >= 0 else len(folded)
            # A slice, not search(block, start, end): anchors must see one line only.
            if start not in matching and pattern.search(_bare(block[start:end])):
                matching.add(start)
            position = find(folded, end)
    return len(matching)


def _bare(line: bytes) -> bytes:
    return line.lstrip(b"\0").rstrip(b"\r")


def _text_finder(text: str) -> _Find:
    needle = text.encode()
    return lambda folded, position: folded.find(needle, position)


def _expression_finder(expression: str) -> _Find:
    search = re.compile(expression.encode()).search

    def find(folded: bytes, position: int) -> int:
        match = search(folded, position)
        return match.start() if match else -1

    return find
