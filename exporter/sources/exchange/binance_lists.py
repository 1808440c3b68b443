"""Which order list a spot order belongs to, and so who placed it.

The members of an OCO, OTO or OTOCO have client ids of the exchange's making unless the bot
names each of them, and so has the list itself (binance-spot-api-docs, rest-api.md, "New Order
list - OCO" to "OTOCO": ``listClientOrderId``, ``aboveClientOrderId``, ``belowClientOrderId``,
``workingClientOrderId``, ``pendingClientOrderId``: "automatically generated if not sent").
``orderListId`` ties them together. Once placed, a list keeps its name, so each is asked for once.

What ``order/cancelReplace`` or ``order/amend/keepPriority`` makes without a new client id is tied
to nothing, and stays a stranger's.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from exporter.errors import SourceError
from exporter.readings import OpenOrder
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_orders import spot_order
from exporter.sources.exchange.links import NONE, Links, attach, trim

_NO_LIST = "-1"
_MOST_LISTS = 2000
_PAGE = 1000
# Orders come from memory, lists from a database that may lag behind (rest-api.md, "Data
# Sources"): a list that is missing there is no contradiction while its orders are this young.
_LAG_SECONDS = 60.0

Rows = Sequence[dict[str, Any]]


class OrderLists:
    """What is known of the account's order lists: the client ids of each and of its members."""

    def __init__(self, client: BinanceClient) -> None:
        self._client = client
        self._names: dict[str, tuple[str, ...]] = {}

    def link_open(self, rows: Rows) -> tuple[OpenOrder, ...]:
        """Decode resting orders; ask for the open lists, weight 6, if there is a new one.

        Without an answer only the links of the new ones stay unknown. A list that is in no
        answer while its orders are old is no list of this account's: then the links are known.
        """
        settled = 0.0
        if self._new(rows):
            with contextlib.suppress(SourceError):
                self._learn("open_orders", "/api/v3/openOrderList", {}, weight=6)
                settled = self._client.now() - _LAG_SECONDS
        return self._link(rows, settled)

    def link_past(self, rows: Rows) -> tuple[OpenOrder, ...]:
        """Decode orders of any status; ask for all lists, weight 20, if there is a new one."""
        if new := self._new(rows):
            query = {"fromId": min(new, key=_by_number), "limit": str(_PAGE)}
            with contextlib.suppress(SourceError):
                self._learn("history", "/api/v3/allOrderList", query, weight=20)
        return self._link(rows, 0.0)

    def _new(self, rows: Rows) -> set[str]:
        return {_list_id(row) for row in rows} - self._names.keys() - {_NO_LIST}

    def _learn(self, endpoint: str, path: str, query: dict[str, str], *, weight: int) -> None:
        body = self._client.get(endpoint, path, query, weight=weight, signed=True)
        for item in fields.objects(body, path):
            members = fields.objects(item.get("orders"), "orders")
            self._names[fields.text(item, "orderListId")] = (
                fields.text(item, "listClientOrderId"),
                *(fields.text(member, "clientOrderId") for member in members),
            )
        trim(self._names, _MOST_LISTS)

    def _link(self, rows: Rows, settled: float) -> tuple[OpenOrder, ...]:
        """Decode and link; of a list that is not known, with its members among these orders."""
        members: dict[str, list[str]] = {}
        for row in rows:
            members.setdefault(_list_id(row), []).append(fields.text(row, "clientOrderId"))

        def links(order: OpenOrder, list_id: str) -> Links:
            if list_id == _NO_LIST:
                return NONE
            if (names := self._names.get(list_id)) is not None:
                return Links(names)
            known = order.created is not None and order.created < settled
            return Links(tuple(members[list_id]), known=known)

        decoded = ((spot_order(row), _list_id(row)) for row in rows)
        return tuple(attach(order, links(order, list_id)) for order, list_id in decoded)


def _list_id(row: dict[str, Any]) -> str:
    return fields.text(row, "orderListId", missing=_NO_LIST)


def _by_number(list_id: str) -> tuple[int, str]:
    return len(list_id), list_id
