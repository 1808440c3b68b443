"""Pages of orders, trades and income: by time, by id, or the most recent.

What a caller leaves out narrows the answer silently, which is how histories get holes: a start
without an end covers one period, and no more than the limit is ever returned.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.sim.exchange.api import Call
from tests.sim.exchange.errors import ApiError

_Item = TypeVar("_Item")
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS


def page(
    call: Call,
    items: Iterable[_Item],
    *,
    time: Callable[[_Item], int],
    number: Callable[[_Item], int],
    period_ms: int,
    from_id: str,
    limits: tuple[int, int] = (500, 1000),
) -> list[_Item]:
    """Choose what one answer holds of ``items``, which are oldest first.

    ``from_id`` names the parameter that asks for items from an id on; ``limits`` are the
    default and the most.

    Raises:
        ApiError: -1127 for too long a period, -1130 for a limit beyond the most.
    """
    default, most = limits
    limit = call.optional_int("limit") or default
    if limit > most:
        raise ApiError(400, -1130, "Data sent for parameter 'limit' is not valid.")
    begin, end = call.optional_int("startTime"), call.optional_int("endTime")
    first = call.optional_int(from_id)
    if first is not None:
        return [item for item in items if number(item) >= first][:limit]
    if begin is None:
        shown = [item for item in items if end is None or time(item) <= end]
        return shown[-limit:]
    if end is not None and end - begin > period_ms:
        hours = period_ms // 3_600_000
        raise ApiError(400, -1127, f"More than {hours} hours between startTime and endTime.")
    last = begin + period_ms if end is None else end
    return [item for item in items if begin <= time(item) <= last][:limit]
