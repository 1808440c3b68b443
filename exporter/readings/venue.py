"""The exchange itself: is it there, is it open, what are its rules and limits?"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from exporter.errors import Reason


@dataclass(frozen=True)
class LatencySample:
    """One request to the exchange: endpoint name and duration in seconds."""

    endpoint: str
    seconds: float


@dataclass(frozen=True)
class ExchangeStatus:
    """``maintenance`` as the venue itself says; ``message`` is its text."""

    maintenance: bool
    message: str


@dataclass(frozen=True)
class SymbolRules:
    """One instrument's rules (exchangeInfo filters; Alpaca asset).

    ``status`` is the venue's own word (TRADING, BREAK, HALT, …; Alpaca: active, inactive).
    Steps and minima are zero where the venue has none.
    """

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal

    @property
    def tradable(self) -> bool:
        """Whether the venue takes new orders for it."""
        return self.status in ("TRADING", "active")

    @property
    def is_pair(self) -> bool:
        """Whether the symbol names what it is paid with: a coin's does, a share's does not."""
        return self.symbol.upper() == f"{self.base_asset}{self.quote_asset}".upper()


@dataclass(frozen=True)
class Fee:
    """Commission rates as ratios: 0.001 is ten basis points."""

    symbol: str
    maker: Decimal
    taker: Decimal


@dataclass(frozen=True)
class MarketHours:
    """Whether the market is open; times are Unix seconds. None for markets that never close."""

    is_open: bool
    next_open: float
    next_close: float


@dataclass(frozen=True)
class RateLimit:
    """One limit of the exchange: used so far in the running interval, and allowed.

    ``kind`` is ``weight``, ``orders``, ``raw_requests`` or ``requests``; ``scope`` says what it
    is counted by: ``ip``, ``account`` or ``key``.
    """

    kind: str
    scope: str
    interval_seconds: float
    used: int
    limit: int


class Cause(enum.StrEnum):
    """Why the exchange counts as in maintenance."""

    STATUS = "status"
    SYMBOL = "symbol"
    ERRORS = "errors"
    STREAM = "stream"
    WINDOW = "window"


@dataclass(frozen=True)
class MaintenanceReading:
    """Whether the exchange is in maintenance, by what signs, and what was announced.

    ``causes`` is empty exactly when ``active`` is False; WINDOW alone never makes it active.
    ``scheduled`` is True inside a configured window; ``next_start`` is when the next begins.
    """

    active: bool
    causes: frozenset[Cause]
    message: str
    scheduled: bool
    next_start: float | None


class Stage(enum.StrEnum):
    """The steps of reaching an HTTPS endpoint, in order."""

    DNS = "dns"
    PROXY = "proxy"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"


class NetworkFault(enum.StrEnum):
    """What keeps us from the exchange. NONE is a member: nothing does."""

    NONE = "none"
    LOCAL = "local"
    DNS = "dns"
    PROXY = "proxy"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    TLS = "tls"
    FIREWALL = "firewall"
    RESTRICTED = "restricted"
    SERVER = "server"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StageResult:
    """How one step went; steps after a failed one were not tried and are absent."""

    stage: Stage
    ok: bool
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class NetworkReading:
    """The way to the exchange, judged after repeated tries within one round.

    ``others_reachable`` is whether any second host answered; None when none is configured.
    ``gateway`` is whether the host has a default route (or the proxy answers); None if unknown.
    """

    fault: NetworkFault
    stages: tuple[StageResult, ...]
    others_reachable: bool | None
    gateway: bool | None
    detail: str

    @property
    def reachable(self) -> bool:
        """Whether the exchange answered."""
        return self.fault is NetworkFault.NONE


@dataclass(frozen=True)
class StreamReading:
    """One public stream of market data as our probe sees it.

    ``last_message`` is the Unix time of the last data message (None before the first): an open
    socket proves nothing. ``closing`` is True after the exchange announced a shutdown.
    """

    stream: str
    last_message: float | None
    connected: bool
    reconnects: int
    closing: bool
    detail: str
    failures: Mapping[Reason, int] = field(default_factory=dict)
