"""Typed access to the fields of an exchange's JSON; any surprise is BAD_RESPONSE."""

from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources.positions import parse_quantity


def objects(body: Any, what: str) -> list[dict[str, Any]]:
    """Return a list of objects."""
    if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        raise SourceError(Reason.BAD_RESPONSE, f"{what} is not a list of objects")
    return body


def text(item: dict[str, Any], *names: str) -> str:
    """Return the first named field that is there, as text; numbers are ids."""
    value = next((item[name] for name in names if name in item), None)
    if isinstance(value, Decimal) and abs(value) < 10**20 and value == int(value):
        return str(int(value))
    if not isinstance(value, str) or len(value) > 256:
        raise SourceError(Reason.BAD_RESPONSE, f"{names[0]} is {str(value)[:40]!r}")
    return value


def decimal(item: dict[str, Any], *names: str, missing: Decimal | None = None) -> Decimal:
    """Return the first named field that is there, as a finite Decimal."""
    value = next((item[name] for name in names if item.get(name) is not None), missing)
    try:
        return parse_quantity(value)
    except SourceError as error:
        raise SourceError(Reason.BAD_RESPONSE, f"{names[0]} is {str(value)[:40]!r}") from error


def flag(item: dict[str, Any], name: str) -> bool:
    """Return a boolean field; absent means False."""
    value = item.get(name, False)
    if not isinstance(value, bool):
        raise SourceError(Reason.BAD_RESPONSE, f"{name} is {str(value)[:40]!r}")
    return value
