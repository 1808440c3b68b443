"""Alpaca's lists page by page: complete, or TOO_LARGE, never cut off in silence (facts §2)."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources.exchange import fields
from exporter.sources.exchange.alpaca_client import AlpacaClient

_ORDERS_PAGE = 500
_ACTIVITIES_PAGE = 100
_MOST_PAGES = 20
# Shorter than the distance of two orders that can be told apart by their time.
_OVERLAP_SECONDS = 0.001

Rows = list[dict[str, Any]]


def read_orders(
    client: AlpacaClient, endpoint: str, params: dict[str, str], since: float | None = None
) -> Rows:
    """Return all orders that match, oldest first.

    The next page begins just before the last order's time, since others may share it; what is
    seen again is dropped.

    Raises:
        SourceError: TOO_LARGE, for more pages than a reading may take.
    """
    found: dict[str, dict[str, Any]] = {}
    fixed = {**params, "limit": str(_ORDERS_PAGE), "nested": "false", "direction": "asc"}
    after = {} if since is None else {"after": _text(since - _OVERLAP_SECONDS)}
    for _ in range(_MOST_PAGES):
        rows = fields.objects(client.get(endpoint, "/v2/orders", {**fixed, **after}), "orders")
        fresh = {fields.text(row, "id"): row for row in rows}
        if len(rows) < _ORDERS_PAGE:
            return list((found | fresh).values())
        if fresh.keys() <= found.keys():
            break
        found |= fresh
        last = fields.known(fields.stamp(rows[-1], "submitted_at"), "submitted_at")
        after = {"after": _text(last - _OVERLAP_SECONDS)}
    raise SourceError(Reason.TOO_LARGE, f"more than {len(found)} orders, or too many at one moment")


def read_families(
    client: AlpacaClient, symbols: Collection[str], begin: float, end: float
) -> tuple[Rows, bool]:
    """Return orders of any status with their legs inside, submitted between two Unix times.

    Returns:
        The oldest of them, at most one page, and whether that is all.

    Raises:
        SourceError: as the client.
    """
    query = {
        "status": "all",
        "nested": "true",
        "direction": "asc",
        "limit": str(_ORDERS_PAGE),
        "symbols": ",".join(sorted(symbols)),
        "after": _text(begin),
        "until": _text(end),
    }
    rows = fields.objects(client.get("open_orders", "/v2/orders", query), "orders")
    return rows, len(rows) < _ORDERS_PAGE


def read_activities(client: AlpacaClient, path: str, params: dict[str, str], since: float) -> Rows:
    """Return all activities since then, oldest first.

    Raises:
        SourceError: TOO_LARGE, for more pages than a reading may take.
    """
    found: Rows = []
    query = {
        **params,
        "after": _text(since - _OVERLAP_SECONDS),
        "direction": "asc",
        "page_size": str(_ACTIVITIES_PAGE),
    }
    for _ in range(_MOST_PAGES):
        rows = fields.objects(client.get("history", path, query), "activities")
        found += rows
        if len(rows) < _ACTIVITIES_PAGE:
            return found
        query["page_token"] = fields.text(rows[-1], "id")
    raise SourceError(Reason.TOO_LARGE, f"more than {len(found)} activities")


def _text(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError, OSError) as error:
        raise SourceError(Reason.INVALID, f"{moment} is no time") from error
