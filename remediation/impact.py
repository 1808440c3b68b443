"""What the account looks like against what the bot believes (runbook 6 step 2, 3 step 4).

The comparison is the doctor's: one pass, for a run whose bot is stopped or contained.
The full definition over several samples (trading facts, section 5) belongs to the
position collector. Here any difference is shown to a person.
"""

from dataclasses import dataclass
from typing import Any

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.orders import Owner, owner_of
from exporter.readings import AccountReading, OpenOrder, PositionsFileReading
from exporter.reconcile import differences
from remediation.world import World

_ATTEMPTS = 3


@dataclass(frozen=True)
class Impact:
    """Positions and resting orders at the exchange, and how they differ from the bot's file.

    ``foreign_orders`` neither carry the bot's client-id prefix nor belong to an order that does,
    so that it will not take them back by itself, nor are they another bot's on the account. One
    of which that cannot be told is among them.
    """

    positions: dict[str, str]
    open_orders: tuple[OpenOrder, ...]
    foreign_orders: tuple[OpenOrder, ...]
    differences: tuple[str, ...]

    @property
    def orphans(self) -> tuple[str, ...]:
        """Everything that the bot does not know of, in words."""
        resting = tuple(
            f"{o.kind} order {o.order_id}: {o.side} {o.quantity - o.executed} {o.symbol} {o.status}"
            for o in self.foreign_orders
        )
        return self.differences + resting

    def evidence(self) -> dict[str, Any]:
        """The same as JSON-ready facts."""
        return {
            "positions_at_exchange": self.positions,
            "open_orders": [
                f"{o.symbol} {o.side} {o.quantity} {o.status} id={o.order_id}"
                for o in self.open_orders
            ],
            "differences": list(self.differences),
            "orphans": list(self.orphans),
        }


def read_impact(world: World, bot: Bot) -> Impact:
    """Compare account and files, the files read before and after (sandwich).

    Raises:
        SourceError: a side cannot be read, or a file changed at every attempt. The files of
            other bots on the account count: without them nobody knows whose a position is.
    """
    sharing = world.sharing_account(bot)
    for _ in range(_ATTEMPTS):
        before = [world.positions_file(one) for one in (bot, *sharing)]
        account = world.account(bot)
        after = [world.positions_file(one) for one in (bot, *sharing)]
        if [(o.positions, o.legs) for o in before] == [(o.positions, o.legs) for o in after]:
            return _compare(bot, sharing, account, after)
    raise SourceError(Reason.STALE, "a bot's positions file keeps changing during the comparison")


def _compare(
    bot: Bot,
    sharing: tuple[Bot, ...],
    account: AccountReading,
    believed: list[PositionsFileReading],
) -> Impact:
    prefixes = tuple(
        prefix for one in (bot, *sharing) if (prefix := one.venue.client_order_prefix) is not None
    )
    return Impact(
        positions={
            f"{p.symbol} {p.side}": str(p.quantity) for p in account.positions if p.quantity != 0
        },
        open_orders=account.open_orders,
        foreign_orders=tuple(
            order
            for order in account.open_orders
            if not prefixes or owner_of(order, prefixes) is not Owner.BOT
        ),
        differences=differences(believed[0], account, bot, sharing=sharing, others=believed[1:]),
    )
