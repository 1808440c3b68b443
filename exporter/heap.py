"""Keep the C library from holding memory that the interpreter has given back (glibc only).

Each thread that meets another in malloc gets a heap of its own, up to eight for each core; and
each large block that is freed raises the size from which blocks have pages of their own, so
that ever larger ones leave holes in the heaps (mallopt(3), M_ARENA_MAX and M_MMAP_THRESHOLD).
With dozens of threads that read answers for days it comes to tens of MiB that nobody uses.
"""

import ctypes
from collections.abc import Callable

# malloc.h, and mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 128 * 1024  # the default of both thresholds, which stays it once it is set
_ARENAS = 2


def limit() -> None:
    """Set the limits; to be called before there are threads."""
    if (tune := _find("mallopt")) is not None:
        tune(_ARENA_MAX, _ARENAS)
        tune(_MMAP_THRESHOLD, _LARGE_BYTES)
        tune(_TRIM_THRESHOLD, _LARGE_BYTES)


def give_back() -> None:
    """Return unused pages to the system (malloc_trim(3)); takes a millisecond or two."""
    if (trim := _find("malloc_trim")) is not None:
        trim(0)


def _find(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None where it is another one."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    return found
