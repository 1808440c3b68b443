"""Just enough PromQL to know which metrics and labels an expression names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?\s*(\[[^\]]*\])?\s*(\()?")
_FUNCTION = re.compile(r"([a-z_]+)\(\s*$")
_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)")
_VALUE = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_SELECTOR_BRACES = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*\{([^}]*)\}")
_KEYWORDS = {"and", "or", "unless", "bool", "offset"}

# Series that Prometheus itself makes.
SYNTHETIC = frozenset({"up", "ALERTS"})


@dataclass(frozen=True)
class Selector:
    """One vector selector: metric, names of the labels it matches on, range, function around."""

    metric: str
    labels: tuple[str, ...]
    range: str | None
    function: str | None = None


def selectors(expr: str) -> tuple[Selector, ...]:
    """Every vector selector in an expression, in order."""
    bare = _GROUPING.sub(" ", _STRING.sub('""', expr))
    found = []
    for match in _SELECTOR.finditer(bare):
        name, matchers, span, call = match.groups()
        number = match.start() and bare[match.start() - 1] in "0123456789."
        if call or number or name in _KEYWORDS:
            continue
        around = _FUNCTION.search(bare, 0, match.start())
        function = around[1] if around else None
        found.append(Selector(name, tuple(_MATCHER.findall(matchers or "")), span, function))
    return tuple(found)


def label_values(expr: str) -> Iterator[tuple[str, str]]:
    """Every (label, value) that an expression matches on; alternatives one by one."""
    for braces in _SELECTOR_BRACES.findall(expr):
        for label, operator, value in _VALUE.findall(braces):
            for one in value.split("|") if "~" in operator else [value]:
                yield label, one
