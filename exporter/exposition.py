"""Metric families as text, in the format that the scraper asked for.

The library's encoders look at every character of every name, which at a few hundred samples
costs more than reading the bots. The one here writes the same bytes for what our families are
made of, and leaves anything else to the library.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from exporter.series import Filled, Group, Row

_OPENMETRICS = "application/openmetrics-text"
_PLAIN = "text/plain"
# Every name of ours is a classic one, so these two ways to write names are the same.
_SAME_NAMES = ("escaping=underscores", "escaping=allow-utf-8")
_TYPES = frozenset({"gauge", "counter", "histogram"})
_float: Callable[[float], str] = floatToGoString
_LARGE = 1_000_000  # from here on Go writes exponents
# What comes after name, labels and value: no timestamp, no exemplar, no native histogram.
_NOTHING_ELSE = Sample("", {}, 0.0)[3:]


class _Families(Collector):
    """Hands ready-made families to the library's encoders."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(families: Sequence[Metric], accept: str) -> tuple[bytes, str]:
    """Return the body and its Content-Type for an Accept header."""
    encode, content_type = _negotiate(accept)
    kind, _, rest = content_type.partition(";")
    if "escaping=" not in rest or rest.endswith(_SAME_NAMES):
        body = _encode(families, openmetrics=kind == _OPENMETRICS)
        if body is not None:
            return body, content_type
    return encode(_registry(families)), content_type


def render_text(families: Sequence[Metric]) -> str:
    """Return the classic text format."""
    return render(families, _PLAIN)[0].decode()


def _negotiate(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Ask the library; a version that is none gets the classic text."""
    try:
        return choose_encoder(accept)
    except TypeError:  # the library compares "x" with 1
        return choose_encoder(_PLAIN)


def _registry(families: Sequence[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return registry


def _encode(families: Sequence[Metric], *, openmetrics: bool) -> bytes | None:
    """Return the text, or None if a family has something that only the library can write."""
    parts: list[str] = []
    for family in families:
        groups = family.groups if isinstance(family, Filled) else _groups(family)
        if groups is None:
            return None
        parts.append(_head(family.name, family.documentation, family.type, openmetrics))
        for name, labels, rows in groups:
            begin = _beginning(name, labels)
            strange = _needs_escape("".join([text for texts, _ in rows for text in texts]))
            for texts, value in _escaped(rows) if strange else rows:
                parts += (begin(texts), _number(value), "\n")
    if openmetrics:
        parts.append("# EOF\n")
    return "".join(parts).encode()


def _groups(family: Metric) -> list[Group] | None:
    """Return the rows of one of the library's families; None if not everything fits into rows."""
    if family.type not in _TYPES or family.unit:
        return None
    created = f"{family.name}_created"
    groups: list[Group] = []
    for sample in family.samples:
        name, labels, value = sample[:3]
        if sample[3:] != _NOTHING_ELSE or name == created:
            return None
        groups.append((name, tuple(labels), [(tuple(labels.values()), value)]))
    return groups


def _number(value: float) -> str:
    """Write a value; most are counts, of which Go's and Python's notation is the same."""
    if type(value) is int and -_LARGE < value < _LARGE:
        return f"{value}.0"
    return _float(value)


@lru_cache(maxsize=1024)
def _head(name: str, text: str, kind: str, openmetrics: bool) -> str:
    """HELP and TYPE, which are the same in every scrape."""
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    elif kind == "counter":
        name = f"{name}_total"
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


@lru_cache(maxsize=4096)
def _beginning(name: str, labels: tuple[str, ...]) -> Callable[[Sequence[str]], str]:
    """What writes a line up to its value, from the labels' values in the order given here.

    Few labels have a way of their own, since it takes half the time of the general one.
    """
    order = sorted(range(len(labels)), key=labels.__getitem__)
    opened = [f'{key}="' for key in sorted(labels)]
    if not order:
        return lambda _: f"{name} "
    start, *more = (f"{name}{{{opened[0]}", *(f'",{text}' for text in opened[1:]))
    if len(order) == 1:
        return lambda texts: f'{start}{texts[0]}"}} '
    if len(order) == 2:
        (one, two), (key,) = order, more
        return lambda texts: f'{start}{texts[one]}{key}{texts[two]}"}} '
    if len(order) == 3:
        (one, two, three), (key, last) = order, more
        return lambda texts: f'{start}{texts[one]}{key}{texts[two]}{last}{texts[three]}"}} '
    pieces = [start, *more]
    return lambda texts: (
        "".join([piece + texts[index] for piece, index in zip(pieces, order, strict=True)]) + '"} '
    )


def _needs_escape(text: str) -> bool:
    return '"' in text or "\\" in text or "\n" in text


def _escaped(rows: Iterable[Row]) -> Iterable[Row]:
    return (([_escape(text) for text in texts], value) for texts, value in rows)


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
