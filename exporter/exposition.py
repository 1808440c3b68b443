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

_OPENMETRICS = "application/openmetrics-text"
_PLAIN = "text/plain"
# Every name of ours is a classic one, so these two ways to write names are the same.
_SAME_NAMES = ("escaping=underscores", "escaping=allow-utf-8")
_TYPES = frozenset({"gauge", "counter", "histogram"})
_number: Callable[[float], str] = floatToGoString
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
    lines = []
    for family in families:
        if family.type not in _TYPES or family.unit:
            return None
        lines.append(_head(family.name, family.documentation, family.type, openmetrics))
        created = f"{family.name}_created"
        for sample in family.samples:
            name, labels, value = sample[:3]
            if sample[3:] != _NOTHING_ELSE or name == created:
                return None
            start, order = _line(name, tuple(labels))
            texts = [labels[key] for key in order]
            if _needs_escape("".join(texts)):
                texts = [_escape(text) for text in texts]
            lines += (start % tuple(texts), _number(value), "\n")
    if openmetrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


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
def _line(name: str, labels: tuple[str, ...]) -> tuple[str, list[str]]:
    """How a sample's line begins, and the order of the labels in it."""
    order = sorted(labels)
    pairs = ",".join(f'{key}="%s"' for key in order)
    return (f"{name}{{{pairs}}} " if order else f"{name} "), order


def _needs_escape(text: str) -> bool:
    return '"' in text or "\\" in text or "\n" in text


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
