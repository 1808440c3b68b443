"""Text that every match of a regular expression must contain, read off the expression.

Conservative: where the expression is not plainly understood there is none, and lines are
then judged one by one. Wrong in that direction costs time; in the other it would lose lines.
"""

import re
from collections.abc import Iterator

_SHORTEST = 3
_QUANTIFIER = re.compile(r"[*?+]|\{\d*,?\d*\}")
_FLAGS_OR_COMMENT = re.compile(r"\(\?[aiLmsux#-]")
_CLASS_ESCAPES = frozenset("dDwWsSbBAZ")


class _NotUnderstood(Exception):  # noqa: N818 - no error: a reason to judge line by line
    pass


def required(pattern: str) -> tuple[str, ...]:
    """Return lower-case texts of which every matching line has at least one; empty if unknown."""
    if _FLAGS_OR_COMMENT.search(pattern) or not pattern.isascii():
        return ()
    try:
        branches = list(_branches(pattern))
    except _NotUnderstood:
        return ()
    longest = [max(runs, key=len, default="") for runs in branches]
    if any(len(text) < _SHORTEST for text in longest):
        return ()
    return tuple(dict.fromkeys(text.lower() for text in longest))


def encode(pattern: str) -> bytes:
    """Return the expression for bytes: a character that is several of them stays one atom.

    Raises:
        ValueError: a set such as ``[é]`` would mean single bytes.
    """
    if pattern.isascii():
        return pattern.encode()
    parts, position = [], 0
    while position < len(pattern):
        if pattern[position] == "[":
            end = _end_of_set(pattern, position)
            if not pattern[position:end].isascii():
                raise ValueError("a set in brackets may hold ASCII only")
        elif pattern[position].isascii():
            end = position + (2 if pattern[position] == "\\" else 1)
            if not pattern[position:end].isascii():
                raise ValueError("a backslash stands before a character that is not ASCII")
        else:
            end = position + 1
        text = pattern[position:end]
        parts.append(text if text.isascii() else f"(?:{text})")
        position = end
    return "".join(parts).encode()


def _branches(pattern: str) -> Iterator[list[str]]:
    """Yield, for each alternative outside of groups, the runs of plain text in it."""
    runs = [""]
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if quantifier := _QUANTIFIER.match(pattern, position):
            position = quantifier.end()
            # What it repeats may be absent, unless it is a plus; either way a new run begins.
            if char != "+":
                runs[-1] = runs[-1][:-1]
            runs.append("")
            continue
        if char == "|":
            yield runs
            runs = [""]
        elif char == "\\":
            position += 1
            escaped = pattern[position : position + 1]
            if escaped in _CLASS_ESCAPES:
                runs.append("")
            elif not escaped or escaped.isalnum():
                raise _NotUnderstood
            else:
                runs[-1] += escaped
        elif char in "[(":
            end_of = _end_of_set if char == "[" else _end_of_group
            position = end_of(pattern, position) - 1
            runs.append("")
        elif char in ".^$\n":
            runs.append("")
        else:
            runs[-1] += char
        position += 1
    yield runs


def _end_of_set(pattern: str, start: int) -> int:
    """Where a set in brackets ends: a bracket right at its start belongs to it."""
    position = start + 1
    position += pattern.startswith("^", position)
    position += pattern.startswith("]", position)
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1


def _end_of_group(pattern: str, start: int) -> int:
    depth = 0
    position = start
    while position < len(pattern):
        char = pattern[position]
        if char == "[":
            position = _end_of_set(pattern, position)
            continue
        if char == "\\":
            position += 1
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    raise _NotUnderstood
