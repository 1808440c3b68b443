"""Numbers and times as the broker prints them: decimal text, RFC 3339."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from tests.sim.exchange.alpaca_errors import AlpacaError

# The clock is printed in New York's time. Which half of the year it is does not matter here.
NEW_YORK = timezone(timedelta(hours=-5))


def number(value: Decimal) -> str:
    """Print a quantity or price as short as it goes; never in scientific notation."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal) -> str:
    """Print an amount of dollars."""
    return number(value.quantize(Decimal("0.01")))


def moment(milliseconds: int) -> str:
    """Print a time in UTC with nine decimals, as orders have it."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}000000Z"


def optional_moment(milliseconds: int | None) -> str | None:
    """Print a time, or nothing."""
    return None if milliseconds is None else moment(milliseconds)


def milliseconds_of(text: str, name: str) -> int:
    """Read a date or an RFC 3339 time of a query.

    Raises:
        AlpacaError: if it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise AlpacaError(422, 42210000, f"invalid {name}: {text}") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)
