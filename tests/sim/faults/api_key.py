"""A key no longer does what it should, at either exchange."""

from dataclasses import replace
from typing import Any, ClassVar, Literal

from tests.sim.faults.base import Fault
from tests.sim.signing import Trouble
from tests.sim.world import Undo, World

_DAY_MS = 86_400_000


class ApiKey(Fault, frozen=True, kw_only=True):
    """What is wrong with the key of ``role``.

    Refused: ``key_format`` -2014, ``rejected`` and ``ip`` -2015, ``signature`` -1022,
    ``unknown`` -2008; ``expired`` where it would trade. Working, and ought not to:
    ``withdraw_enabled``, ``ip_unrestricted``, ``old``, ``expiring``.
    """

    scenario: ClassVar[str] = "api_key"
    kind: Literal[
        "key_format", "rejected", "signature", "ip", "expired", "withdraw_enabled", "unknown",
        "ip_unrestricted", "old", "expiring",
    ] = "rejected"  # fmt: skip
    role: Literal["bot", "exporter", "remediation"] = "bot"

    def inject(self, world: World) -> Undo:
        """Change the role's keys; the broker's have neither scopes nor dates."""
        with world.lock:
            pairs = (world.keys, world.alpaca_keys)
            before = [keys[self.role] for keys in pairs]
            now = world.clocks.exchange_ms()
            dated: dict[str, dict[str, Any]] = {
                "withdraw_enabled": {"can_withdraw": True},
                "ip_unrestricted": {"ip_restrict": False},
                "old": {"created": now - 400 * _DAY_MS},
                "expiring": {"expires": now + _DAY_MS},
                "expired": {"expires": now - 1},
            }
            trouble = Trouble(self.kind) if self.kind in set(Trouble) else None
            changes = dated.get(self.kind, {"trouble": trouble})
            world.keys[self.role] = replace(before[0], **changes)
            world.alpaca_keys[self.role] = replace(before[1], trouble=trouble)

        def undo() -> None:
            with world.lock:
                for keys, key in zip(pairs, before, strict=True):
                    keys[self.role] = key

        return undo
