"""How the doctor writes spans of time, sizes, counts and lists."""

from collections.abc import Collection

_MOST = 3
_UNITS = ((2 * 86400.0, 86400.0, "days"), (2 * 3600.0, 3600.0, "h"), (120.0, 60.0, "min"))


def span(seconds: float) -> str:
    """Write a span of time in its largest sensible unit, negative ones included."""
    size = abs(seconds)
    for least, unit, name in _UNITS:
        if size >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s" if size >= 10 else f"{seconds:.1f} s"


def size(count: float) -> str:
    """Write a number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def count(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(items: Collection[str], most: int = _MOST) -> str:
    """Join a few of many."""
    shown = list(items)[:most]
    left = len(items) - len(shown)
    return "; ".join(shown) + (f"; and {left} more" if left else "")
