"""The bot's positions file in the shapes bots really write (design §4)."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import PositionsFileReading
from exporter.sources import files

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
# ASCII digits only: Decimal also takes underscores, blanks and other scripts' digits.
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)
_LARGEST = Decimal(10) ** 18
_QUANTITY_KEYS = ("qty", "quantity", "size")
_OTHER = {"LONG": "SHORT", "SHORT": "LONG"}
_SHORT, _LONG, _EITHER = ("short", "sell"), ("long", "buy"), ("both", "net", "none", "flat")


def read_positions(bot: Bot) -> PositionsFileReading:
    """Read the bot's positions file.

    Raises:
        SourceError: MISSING, UNREADABLE, TOO_LARGE or INVALID.
    """
    file = files.path(bot, bot.paths.positions)
    return files.read_settled(file, lambda content: parse(content.data, content.mtime_ns / 1e9))


def parse(data: bytes, modified: float) -> PositionsFileReading:
    """Return the file's positions, with the sides that it names.

    Raises:
        SourceError: INVALID, for anything that is not exactly one of the known shapes.
    """
    positions: dict[str, Decimal] = {}
    legs: dict[tuple[str, str], Decimal] = {}
    for symbol, side, quantity in _entries(data):
        # The legs of a hedge are the one case in which a symbol may be there twice.
        if symbol in positions and (
            side is None or (symbol, side) in legs or (symbol, _OTHER[side]) not in legs
        ):
            raise SourceError(Reason.INVALID, f"has {symbol} twice")
        if side is not None:
            legs[symbol, side] = quantity
        positions[symbol] = positions[symbol] + quantity if symbol in positions else quantity
    return PositionsFileReading(positions, modified, legs)


def _entries(data: bytes) -> Iterator[tuple[str, str | None, Decimal]]:
    body = files.parse_json(data)
    if isinstance(body, dict) and "positions" in body:
        body = body["positions"]
    if isinstance(body, dict):
        for key, value in body.items():
            yield _symbol(key), *_entry(value)
        return
    if not isinstance(body, list):
        raise SourceError(Reason.INVALID, "is neither a mapping nor a list of positions")
    for item in body:
        if not isinstance(item, dict) or "symbol" not in item:
            raise SourceError(Reason.INVALID, "has a list item without a symbol")
        yield _symbol(item["symbol"]), *_entry(item)


def _symbol(value: Any) -> str:
    if not isinstance(value, str) or not _SYMBOL.fullmatch(value):
        raise SourceError(Reason.INVALID, f"has a symbol that is none: {str(value)[:40]!r}")
    return value


def _entry(value: Any) -> tuple[str | None, Decimal]:
    """Return the side, if the entry names one, and the signed quantity."""
    if not isinstance(value, dict):
        return None, parse_quantity(value)
    quantities = {parse_quantity(value[key]) for key in _QUANTITY_KEYS if key in value}
    if len(quantities) != 1:
        raise SourceError(Reason.INVALID, f"needs one of {', '.join(_QUANTITY_KEYS)} per position")
    quantity = quantities.pop()
    side = value.get("side")
    if side is None:
        return None, quantity
    name = str(side).lower()
    if name in _SHORT:
        return "SHORT", quantity.copy_abs().copy_negate()
    if name in _EITHER:
        return None, quantity
    if name in _LONG and quantity >= 0:
        return "LONG", quantity
    raise SourceError(Reason.INVALID, f"has side {str(side)[:20]!r} with quantity {quantity}")


def parse_quantity(value: Any) -> Decimal:
    """Return a finite quantity of sane size from JSON text or number.

    Raises:
        SourceError: INVALID.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = Decimal(value)
    elif isinstance(value, Decimal):
        number = value
    else:
        raise SourceError(Reason.INVALID, f"has a quantity that is no number: {str(value)[:40]!r}")
    if not number.is_finite() or (number and not -40 <= number.adjusted() <= 18):
        raise SourceError(Reason.INVALID, "has a quantity out of any sane range")
    if number.copy_abs() > _LARGEST:
        raise SourceError(Reason.INVALID, "has a quantity out of any sane range")
    return number
