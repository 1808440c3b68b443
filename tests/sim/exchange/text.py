"""Numbers as the exchange prints them: decimal text with fixed places."""

from decimal import Decimal


def amount(value: Decimal, places: int) -> str:
    """Print a quantity or price; never in scientific notation."""
    return format(value.quantize(Decimal(1).scaleb(-places)), "f")
