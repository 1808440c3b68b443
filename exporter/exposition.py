"""Metric families as text, in the format that the scraper asked for."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.registry import Collector


class _Families(Collector):
    """Hands ready-made families to the library's encoders."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(families: Sequence[Metric], accept: str) -> tuple[bytes, str]:
    """Return the body and its Content-Type for an Accept header."""
    encode, content_type = choose_encoder(accept)
    return encode(_registry(families)), content_type


def render_text(families: Sequence[Metric]) -> str:
    """Return the classic text format."""
    return generate_latest(_registry(families)).decode()


def _registry(families: Sequence[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return registry
