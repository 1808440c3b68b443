"""What an exchange says in headers; whatever is not understood is None."""

from email.utils import parsedate_to_datetime

import httpx

_MOST_DIGITS = 12


def number(headers: httpx.Headers, name: str) -> int | None:
    """Return a header that is a whole number."""
    value = headers.get(name, "")
    return (
        int(value) if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else None
    )


def date(headers: httpx.Headers) -> float | None:
    """Return the server's own time of the answer, whole Unix seconds."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, OverflowError, OSError, TypeError):
        return None
