"""Typed access to the fields of an exchange's JSON; any surprise is BAD_RESPONSE."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources.positions import parse_quantity

_EARLIEST_MS, _LATEST_MS = 10**12, 10**14
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def mapping(body: Any, what: str) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(body, dict):
        raise SourceError(Reason.BAD_RESPONSE, f"{what} is not an object")
    return body


def objects(body: Any, what: str) -> list[dict[str, Any]]:
    """Return a list of objects."""
    if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        raise SourceError(Reason.BAD_RESPONSE, f"{what} is not a list of objects")
    return body


def text(item: dict[str, Any], *names: str, missing: str | None = None) -> str:
    """Return the first named field that is there, as text; numbers are ids."""
    value = next((item[name] for name in names if item.get(name) is not None), missing)
    if isinstance(value, Decimal) and abs(value) < 10**20 and value == int(value):
        return str(int(value))
    if not isinstance(value, str) or len(value) > 256:
        raise _surprise(names[0], value)
    return value


def decimal(item: dict[str, Any], *names: str, missing: Decimal | None = None) -> Decimal:
    """Return the first named field that is there, as a finite Decimal."""
    value = next((item[name] for name in names if item.get(name) is not None), missing)
    try:
        return parse_quantity(value)
    except SourceError as error:
        raise _surprise(names[0], value) from error


def flag(item: dict[str, Any], name: str) -> bool:
    """Return a boolean field; absent means False."""
    value = item.get(name, False)
    if not isinstance(value, bool):
        raise _surprise(name, value)
    return value


def whole(item: dict[str, Any], name: str, *, most: int) -> int:
    """Return a whole number from 0 to ``most``."""
    value = item.get(name)
    if not isinstance(value, Decimal) or not 0 <= value <= most or value != int(value):
        raise _surprise(name, value)
    return int(value)


def milliseconds(item: dict[str, Any], *names: str) -> float | None:
    """Return a time in milliseconds as Unix seconds; absent or zero is None: not known."""
    value = next((item[name] for name in names if item.get(name)), None)
    if value is None:
        return None
    if not isinstance(value, Decimal) or not _EARLIEST_MS < value < _LATEST_MS:
        raise _surprise(names[0], value)
    return float(value) / 1000


def stamp(item: dict[str, Any], *names: str) -> float | None:
    """Return an RFC 3339 time with its offset as Unix seconds; absent is None: not known."""
    value = next((item[name] for name in names if item.get(name) is not None), None)
    if value is None:
        return None
    match = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _surprise(names[0], value)
    seconds, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{seconds}{offset}").timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise _surprise(names[0], value) from error
    return moment + float(fraction or 0)


def known(moment: float | None, name: str) -> float:
    """Return a time that must be there."""
    if moment is None:
        raise SourceError(Reason.BAD_RESPONSE, f"{name} is missing")
    return moment


def _surprise(name: str, value: Any) -> SourceError:
    return SourceError(Reason.BAD_RESPONSE, f"{name} is {str(value)[:40]!r}")
