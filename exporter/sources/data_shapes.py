"""What JSON files of a bot must look like to be of use to it."""

from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources.data_verdict import Shape
from exporter.sources.filters import parse_filters


def judge_shape(body: Any, shape: Shape) -> None:
    """Refuse JSON that parses and still cannot be right.

    Raises:
        SourceError: INVALID.
    """
    if not isinstance(body, dict | list):
        raise SourceError(Reason.INVALID, "is neither a JSON object nor a list")
    if shape is Shape.FILTERS and not _has_filters(body):
        raise SourceError(Reason.INVALID, "has no symbol with filters")


def _has_filters(body: Any) -> bool:
    return any(
        filters.tick_size or filters.step_size or filters.min_notional
        for filters in parse_filters(body).values()
    )
