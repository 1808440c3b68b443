"""Whether public market data flows: what a fault stops, for streams and the data host alike."""

from dataclasses import dataclass, field
from typing import Literal

Handshake = Literal["accept", "hang", "reset"]


@dataclass
class MarketData:
    """``silent_since``: milliseconds from which on sockets stay open and nothing comes.

    ``only`` narrows the silence to these streams or symbols; empty means all of them.
    ``closing``: every stream is told of a shutdown, ended, and not let in again.
    ``handshake``: whether a new connection is accepted, hangs or is reset.
    """

    silent_since: int | None = None
    only: frozenset[str] = field(default_factory=frozenset)
    closing: bool = False
    handshake: Handshake = "accept"

    def silent(self, name: str) -> bool:
        """Whether this stream or symbol says nothing now."""
        return self.silent_since is not None and (not self.only or name in self.only)

    def last_trade_ms(self, symbol: str, now: int) -> int:
        """When the newest trade of a symbol happened."""
        since = self.silent_since
        return since if since is not None and self.silent(symbol) else now

    def reset(self) -> None:
        """Let everything flow."""
        self.silent_since, self.only = None, frozenset()
        self.closing, self.handshake = False, "accept"
