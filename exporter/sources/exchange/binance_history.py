"""Histories that are complete or fail: windows of time, halved while an answer is full.

A full page says nothing about which rows were left out, and paging by id differs
between endpoints; asking for a shorter time works for all of them.
"""

import math
from collections.abc import Callable
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance import BinanceClient

PAGE = 1000
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
_MOST_REQUESTS = 100
_LATEST_SECONDS = 1e11

Rows = list[dict[str, Any]]


def read_history(
    client: BinanceClient,
    path: str,
    params: dict[str, str],
    *,
    since: float,
    window_ms: int,
    weight: int,
) -> Rows:
    """Return all rows from ``since`` (Unix seconds of the local clock) until now.

    Raises:
        SourceError: TOO_LARGE when that takes too many requests; else as ``get``.
    """

    def ask(start: int, end: int) -> Rows:
        times = {"startTime": str(start), "endTime": str(end), "limit": str(PAGE)}
        body = client.get("history", path, {**params, **times}, weight=weight, signed=True)
        return fields.objects(body, path)

    # Whoever asks counts back from the local clock, which may be hours off.
    first = math.floor(max(0.0, min(client.at(since), _LATEST_SECONDS)) * 1000)
    return collect(ask, first, math.ceil(client.now() * 1000), window_ms)


def collect(
    ask: Callable[[int, int], Rows], first: int, last: int, window_ms: int, page: int = PAGE
) -> Rows:
    """Ask for each window of ``first`` to ``last``, both ends inclusive, in order.

    ``page`` is how many rows an answer can have; one that has them all may have left some out.

    Raises:
        SourceError: TOO_LARGE, before the first request if the windows alone are too many.
    """
    if (last - first) // window_ms >= _MOST_REQUESTS:
        raise SourceError(Reason.TOO_LARGE, f"the history spans more than {_MOST_REQUESTS} windows")
    pending = [
        (start, min(start + window_ms - 1, last)) for start in range(first, last + 1, window_ms)
    ]
    pending.reverse()
    found: Rows = []
    for _ in range(_MOST_REQUESTS):
        if not pending:
            return found
        start, end = pending.pop()
        rows = ask(start, end)
        if len(rows) < page:
            found += rows
            continue
        if start == end:
            raise SourceError(Reason.TOO_LARGE, f"{len(rows)} rows within one millisecond")
        middle = (start + end) // 2
        pending += [(middle + 1, end), (start, middle)]
    if pending:
        raise SourceError(
            Reason.TOO_LARGE, f"the history takes more than {_MOST_REQUESTS} requests"
        )
    return found
