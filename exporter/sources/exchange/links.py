"""What a venue tells of the orders that an order was placed together with, or came from."""

from dataclasses import dataclass, replace
from typing import Any

from exporter.readings import OpenOrder


@dataclass(frozen=True)
class Links:
    """Client ids of the other orders; ``known`` is False while they could not all be asked for."""

    client_ids: tuple[str, ...] = ()
    known: bool = True


NONE = Links()


def attach(order: OpenOrder, links: Links) -> OpenOrder:
    """Return the order with its links."""
    return replace(order, linked_client_ids=links.client_ids, links_known=links.known)


def trim(memory: dict[str, Any], most: int) -> None:
    """Forget what was remembered first, until no more than ``most`` entries are left."""
    while len(memory) > most:
        del memory[next(iter(memory))]
