"""The bot's own copy of the exchange's filters, in any of the forms that bots keep it in.

An exchangeInfo as it came (``{"symbols": [{"symbol", "filters": [...]}]}``), or a mapping by
symbol, perhaps below ``filters`` or ``symbols``, of filters by name or of plain values
(``tickSize`` or ``tick_size``, …).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.sources import files
from exporter.sources.positions import parse_quantity

_LIMIT = 16 << 20
_CONTAINERS = ("symbols", "filters")


@dataclass(frozen=True)
class Filters:
    """What the bot believes of one symbol; None where its file does not say."""

    tick_size: Decimal | None
    step_size: Decimal | None
    min_notional: Decimal | None


def read_filters(bot: Bot) -> Mapping[str, Filters]:
    """Read the bot's filters by symbol.

    Raises:
        SourceError: MISSING, UNREADABLE, TOO_LARGE, or INVALID for what holds no filters.
    """
    file = files.path(bot, bot.data_checks.filters)
    found = parse_filters(files.parse_json(files.read(file, limit=_LIMIT).data))
    if not found:
        raise SourceError(Reason.INVALID, f"{file} holds no symbol's filters")
    return found


def parse_filters(body: Any) -> Mapping[str, Filters]:
    """Find the symbols in decoded JSON.

    Raises:
        SourceError: INVALID, for a value that is no number.
    """
    return {symbol.upper(): _filters(entry) for symbol, entry in _entries(body)}


def _entries(body: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    if isinstance(body, dict):
        inner = next((body[name] for name in _CONTAINERS if name in body), None)
        if isinstance(inner, dict | list):
            body = inner
    if isinstance(body, list):
        named = ((item.get("symbol"), item) for item in body if isinstance(item, dict))
        return [(symbol, item) for symbol, item in named if isinstance(symbol, str)]
    if isinstance(body, dict):
        return [(name, item) for name, item in body.items() if isinstance(item, dict)]
    return []


def _filters(entry: dict[str, Any]) -> Filters:
    by_name = _by_name(entry)
    return Filters(
        tick_size=_value(by_name, ("PRICE_FILTER",), entry, "tickSize", "tick_size"),
        step_size=_value(by_name, ("LOT_SIZE",), entry, "stepSize", "step_size"),
        # Futures keep the value of their MIN_NOTIONAL under another name.
        min_notional=_value(
            by_name,
            ("NOTIONAL", "MIN_NOTIONAL"),
            entry,
            "minNotional",
            "notional",
            "min_notional",
        ),
    )


def _by_name(entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    inner = entry.get("filters", entry)
    if isinstance(inner, list):
        return {
            item["filterType"]: item
            for item in inner
            if isinstance(item, dict) and isinstance(item.get("filterType"), str)
        }
    if isinstance(inner, dict):
        return {name: item for name, item in inner.items() if isinstance(item, dict)}
    return {}


def _value(
    by_name: Mapping[str, dict[str, Any]],
    filters: tuple[str, ...],
    entry: dict[str, Any],
    *names: str,
) -> Decimal | None:
    for holder in (*(by_name[name] for name in filters if name in by_name), entry):
        for name in names:
            if holder.get(name) is not None:
                return parse_quantity(holder[name])
    return None
