"""What may be set in the world beside faults: ``POST /settings``, each part optional."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tests.sim import holdings
from tests.sim.holdings import Venue
from tests.sim.signing import Key
from tests.sim.world import FaultError, World

_QUANTITY = re.compile(r"^-?[0-9]{1,9}(\.[0-9]{1,9})?$")
_Limit = Annotated[int, Meta(ge=1, le=10_000_000)]
_Role = Literal["bot", "exporter", "remediation"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class KeySettings(_Strict, frozen=True, kw_only=True):
    """One Binance key; times are milliseconds, ``expires`` ends its permission to trade."""

    can_trade: bool | None = None
    can_withdraw: bool | None = None
    ip_restrict: bool | None = None
    created: int | None = None
    expires: int | None = None

    def changed(self, key: Key) -> Key:
        """The key with what is set here."""
        named = msgspec.structs.asdict(self)
        return replace(key, **{name: value for name, value in named.items() if value is not None})


class Holding(_Strict, frozen=True, kw_only=True):
    """What the account is to hold, signed, without a trade; futures only in hedge mode by side."""

    venue: Venue
    symbol: str
    quantity: Annotated[str, Meta(pattern=_QUANTITY.pattern)]
    side: Literal["BOTH", "LONG", "SHORT"] = "BOTH"


class Settings(_Strict, frozen=True, kw_only=True):
    """``limits`` are by family and minute; ``market_open`` and ``blocked`` are the broker's."""

    limits: dict[Literal["spot", "usdm", "sapi", "alpaca"], _Limit] = {}
    keys: dict[_Role, KeySettings] = {}
    holdings: tuple[Holding, ...] = ()
    hedge_mode: bool | None = None
    market_open: bool | None = None
    blocked: Literal["none", "trading", "account", "user"] | None = None

    def apply(self, world: World) -> None:
        """Set what is named, leave the rest.

        Raises:
            FaultError: for a symbol that the venue does not list.
        """
        for holding in self.holdings:
            holdings.check_symbol(world, holding.venue, holding.symbol)
            if holding.venue != "binance_usdm" and holding.side != "BOTH":
                raise FaultError(f"{holding.venue} has no side {holding.side}")
        with world.lock:
            world.limits.allowed |= {str(family): limit for family, limit in self.limits.items()}
            for role, key in self.keys.items():
                world.keys[role] = key.changed(world.keys[role])
            if self.hedge_mode is not None:
                world.usdm.dual = self.hedge_mode
            if self.market_open is not None:
                now = world.clocks.exchange_ms()
                world.alpaca.set_market(is_open=self.market_open, now=now)
            if self.blocked is not None:
                flags = world.alpaca.flags
                flags.trading_blocked = self.blocked == "trading"
                flags.account_blocked = self.blocked == "account"
                flags.suspended_by_user = self.blocked == "user"
            for holding in self.holdings:
                quantity = Decimal(holding.quantity)
                holdings.put(world, holding.venue, holding.symbol, quantity, holding.side)
