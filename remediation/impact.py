"""What the account looks like against what the bot believes (runbook 6 step 2, 3 step 4).

The comparison is the doctor's: one pass, for a run whose bot is stopped or contained.
The full definition over several samples (trading facts, section 5) belongs to the
position collector. Here any difference is shown to a person.
"""

from dataclasses import dataclass
from typing import Any

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import AccountReading, OpenOrder, PositionsFileReading
from exporter.reconcile import differences
from remediation.world import World

_ATTEMPTS = 3


@dataclass(frozen=True)
class Impact:
    """Positions and resting orders at the exchange, and how they differ from the bot's file.

    ``foreign_orders`` do not carry the bot's client-id prefix, so that it will not
    take them back by itself.
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
    """Compare account and file, the file read before and after (sandwich).

    Raises:
        SourceError: either side cannot be read, or the file changed at every attempt.
    """
    for _ in range(_ATTEMPTS):
        before = world.positions_file(bot)
        account = world.account(bot)
        after = world.positions_file(bot)
        if (before.positions, before.legs) == (after.positions, after.legs):
            return _compare(bot, account, after)
    raise SourceError(Reason.STALE, "the bot's positions file keeps changing during the comparison")


def _compare(bot: Bot, account: AccountReading, believed: PositionsFileReading) -> Impact:
    prefix = bot.venue.client_order_prefix
    return Impact(
        positions={
            f"{p.symbol} {p.side}": str(p.quantity) for p in account.positions if p.quantity != 0
        },
        open_orders=account.open_orders,
        foreign_orders=tuple(
            order
            for order in account.open_orders
            if prefix is None or not order.client_order_id.startswith(prefix)
        ),
        differences=differences(believed, account, bot),
    )
