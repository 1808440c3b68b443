"""Which order an Alpaca order belongs to or came from, and so who placed it.

- The legs of a bracket, OTO or OCO order have client ids of the broker's making, whatever is
  asked for (Alpaca-API issue 115, alpaca-trade-api-csharp issue 617), and do not name their
  parent. The parent names its legs where the list is ``nested`` (docs.alpaca.markets, "All
  Orders"). But ``status=open&nested=true`` leaves out the legs of a parent that is filled
  (alpaca-trade-api-js issues 80 and 87), which are the very ones that protect a position. So
  resting orders are listed flat, and parents are looked for among the orders of any status from
  about the moment at which the leg was made: all of a family is made at once (Alpaca forum,
  topic 3697).
- Replacing an order makes a new one with a new client id, unless that is given, which names the
  old one in ``replaces`` ("Replace Order by ID"; Alpaca forum, topic 945). When a stop is hit,
  the broker itself replaces the take profit that way (alpaca-py issue 198).

None of that changes later, so each order is asked about once, and few in one reading.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.readings import OpenOrder
from exporter.sources.exchange import alpaca_account, fields
from exporter.sources.exchange.alpaca_client import AlpacaClient, segment
from exporter.sources.exchange.alpaca_history import read_families
from exporter.sources.exchange.links import Links, attach, trim

_SINGLE = ("", "simple")
# What parent and legs may differ by in their times, and clocks within the broker.
_MARGIN_SECONDS = 10.0
_MOST_LOOKUPS = 5  # of 200 requests a minute
_MOST_STEPS = 200
_MOST_ORDERS = 10_000

Row = dict[str, Any]


@dataclass
class _Trail:
    """How far back an order has been followed: the first one so far, ids and client ids of all."""

    first: Row
    ids: list[str]
    names: list[str]


class AlpacaLinks:
    """What is known of the orders' parents, legs and predecessors."""

    def __init__(self, client: AlpacaClient) -> None:
        self._client = client
        # Of each order that is settled: its own client id and those that it is linked with.
        self._names: dict[str, tuple[str, ...]] = {}
        self._trails: dict[str, _Trail] = {}
        self._lookups = 0

    def link(self, rows: Sequence[Row]) -> tuple[OpenOrder, ...]:
        """Decode orders of any status, linked as far as that is known.

        At most six further requests, and none without a new order that has links. One that
        fails, or is one too many, leaves the links of the orders that it was for unknown, until
        the next reading goes on.
        """
        self._lookups = 0
        pending = [name for row in rows if (name := self._begin(row)) is not None]
        for name in pending:
            with contextlib.suppress(SourceError):
                self._follow(name)
        with contextlib.suppress(SourceError):
            self._ask_families([name for name in pending if self._at_first(name)])
        linked = tuple(attach(alpaca_account.order(row), self._links(row)) for row in rows)
        trim(self._names, _MOST_ORDERS)
        trim(self._trails, _MOST_ORDERS)
        return linked

    def _begin(self, row: Row) -> str | None:
        """Return the id of an order that is not settled."""
        name = fields.text(row, "id")
        if name in self._names:
            return None
        if name not in self._trails:
            self._trails[name] = _Trail(row, [name], [fields.text(row, "client_order_id")])
        return name

    def _links(self, row: Row) -> Links:
        name = fields.text(row, "id")
        if (trail := self._trails.get(name)) is not None:
            return Links(tuple(trail.names[1:]), known=False)
        return Links(self._names[name][1:])

    def _follow(self, name: str) -> None:
        """Go back to the first order of those that replaced each other; settle a single one."""
        trail = self._trails[name]
        while (earlier := _replaced(trail.first)) is not None:
            if earlier in self._names or len(trail.ids) > _MOST_STEPS:
                self._settle(name, self._names.get(earlier, ()))
                return
            if self._lookups == _MOST_LOOKUPS:
                return
            self._lookups += 1
            trail.first = self._look_up(earlier)
            trail.ids.append(earlier)
            trail.names.append(fields.text(trail.first, "client_order_id", missing=""))
        if fields.text(trail.first, "order_class", missing="") in _SINGLE:
            self._settle(name)

    def _at_first(self, name: str) -> bool:
        trail = self._trails.get(name)
        return trail is not None and _replaced(trail.first) is None

    def _look_up(self, name: str) -> Row:
        """Read one order; one that the broker has forgotten is the end of the trail."""
        try:
            body = self._client.get("open_orders", f"/v2/orders/{segment(name)}")
        except SourceError as error:
            if error.reason is not Reason.MISSING:
                raise
            return {}
        return fields.mapping(body, "order")

    def _ask_families(self, pending: Sequence[str]) -> None:
        """Ask once for the families of orders that have been followed to the first one."""
        if not pending:
            return
        firsts = {name: self._trails[name].first for name in pending}
        times = {name: _made(row) for name, row in firsts.items()}
        begin, end = min(times.values()) - _MARGIN_SECONDS, max(times.values()) + _MARGIN_SECONDS
        symbols = {fields.text(row, "symbol") for row in firsts.values()}
        rows, complete = read_families(self._client, symbols, begin, end)
        families = _families(rows)
        reach = end if complete else _made(rows[-1]) - _MARGIN_SECONDS
        for name in pending:
            ids = self._trails[name].ids
            names = [member for one in ids for member in families.get(one, ())]
            if names or times[name] <= reach:
                self._settle(name, names)

    def _settle(self, name: str, more: Iterable[str] = ()) -> None:
        trail = self._trails.pop(name)
        own, *rest = trail.names
        self._names[name] = own, *dict.fromkeys(filter(None, (*rest, *more)))


def _replaced(row: Row) -> str | None:
    return fields.text(row, "replaces", missing="") or None


def _made(row: Row) -> float:
    return fields.known(fields.stamp(row, "created_at", "submitted_at"), "created_at")


def _families(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Return for each id of a parent or leg the client ids of all of its family."""
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        family = (row, *fields.objects(row.get("legs") or [], "legs"))
        names = tuple(fields.text(member, "client_order_id") for member in family)
        found |= {fields.text(member, "id"): names for member in family}
    return found
