"""Just enough PromQL to know which metrics and labels an expression names."""

import re
from dataclasses import dataclass

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?\s*(\[[^\]]*\])?\s*(\()?")
_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)")
_KEYWORDS = {"and", "or", "unless", "bool", "offset"}

# Series that Prometheus itself makes.
SYNTHETIC = frozenset({"up", "ALERTS"})


@dataclass(frozen=True)
class Selector:
    """One vector selector: metric, names of the labels it matches on, range if any."""

    metric: str
    labels: tuple[str, ...]
    range: str | None


def selectors(expr: str) -> tuple[Selector, ...]:
    """Every vector selector in an expression, in order."""
    bare = _GROUPING.sub(" ", _STRING.sub('""', expr))
    found = []
    for match in _SELECTOR.finditer(bare):
        name, matchers, span, call = match.groups()
        number = match.start() and bare[match.start() - 1] in "0123456789."
        if call or number or name in _KEYWORDS:
            continue
        found.append(Selector(name, tuple(_MATCHER.findall(matchers or "")), span))
    return tuple(found)
