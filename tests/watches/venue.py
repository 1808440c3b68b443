"""A hand-made venue and hand-made time: what a watch is given where no server is needed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from exporter.errors import SourceError
from exporter.readings import (
    AccountReading,
    ClockReading,
    ExchangeStatus,
    Fee,
    Fill,
    Income,
    KeyRestrictions,
    LatencySample,
    MarketHours,
    OpenOrder,
    Position,
    RateLimit,
    SymbolRules,
)
from exporter.secrets import ApiKey
from exporter.watches.timing import Timing

MAY = KeyRestrictions(
    can_trade=True, can_withdraw=False, ip_restricted=True, created=1.0, expiry=None
)


class Time:
    """Time that passes only when somebody waits; ``during`` happens while they do."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall_offset = 1_795_500_000.0
        self.waits: list[float] = []
        self.during: list[Callable[[], None]] = []

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds
        if self.during:
            self.during.pop(0)()

    @property
    def wall(self) -> float:
        """Unix time."""
        return self.now + self.wall_offset

    @property
    def timing(self) -> Timing:
        """The same for a watch."""
        return Timing(lambda: self.wall, lambda: self.now, self.pause)


@dataclass
class Venue:
    """Answers what it is told to; an error stands in front of everything it names."""

    positions_held: tuple[Position, ...] = ()
    resting: tuple[OpenOrder, ...] = ()
    placed: tuple[OpenOrder, ...] = ()
    executed: tuple[Fill, ...] = ()
    may: KeyRestrictions = MAY
    errors: dict[str, SourceError] = field(default_factory=dict)
    passing: dict[str, SourceError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: list[ApiKey | None] = field(default_factory=list)
    closed: int = 0

    def open(self, key: ApiKey | None) -> "Venue":
        """Open a client with this key."""
        self.keys.append(key)
        self._ask("open")
        return self

    def hold(self, symbol: str, quantity: str) -> None:
        """Hold exactly one position."""
        self.positions_held = (Position("usdm", symbol, "BOTH", Decimal(quantity)),)

    def account(self) -> AccountReading:
        """Return positions and orders."""
        self._ask("account")
        return AccountReading(self.positions_held, self.resting)

    def positions(self) -> tuple[Position, ...]:
        """Return positions."""
        self._ask("positions")
        return self.positions_held

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Return resting orders."""
        self._ask("open_orders")
        return self.resting

    def orders(self, symbol: str, since: float) -> tuple[OpenOrder, ...]:
        """Return orders placed since then."""
        self._ask("orders")
        found = (o for o in self.placed if o.symbol == symbol)
        return tuple(order for order in found if (order.created or 0) >= since)

    def fills(self, symbol: str, since: float) -> tuple[Fill, ...]:
        """Return executions since then."""
        self._ask("fills")
        return tuple(f for f in self.executed if f.symbol == symbol and f.time >= since)

    def check_key(self) -> None:
        """Take the key, or not."""
        self._ask("check_key")

    def restrictions(self) -> KeyRestrictions:
        """Return what the key may do."""
        self._ask("restrictions")
        return self.may

    def close(self) -> None:
        """Count it."""
        self.closed += 1

    def clock(self, samples: int) -> ClockReading:
        """Nothing here asks this."""
        raise NotImplementedError(samples)

    def ping(self) -> LatencySample:
        """Nothing here asks this."""
        raise NotImplementedError

    def status(self) -> ExchangeStatus:
        """Nothing here asks this."""
        raise NotImplementedError

    def rules(self, symbols: Collection[str] = ()) -> tuple[SymbolRules, ...]:
        """Nothing here asks this."""
        raise NotImplementedError(symbols)

    def fees(self, symbols: Collection[str]) -> tuple[Fee, ...]:
        """Nothing here asks this."""
        raise NotImplementedError(symbols)

    def order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> OpenOrder:
        """Nothing here asks this."""
        raise NotImplementedError(symbol, order_id, client_order_id)

    def income(self, since: float) -> tuple[Income, ...]:
        """Nothing here asks this."""
        raise NotImplementedError(since)

    def hours(self) -> MarketHours | None:
        """Nothing here asks this."""
        raise NotImplementedError

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Nothing here asks this."""
        raise NotImplementedError

    def last_trades(self, symbols: Collection[str]) -> Mapping[str, float]:
        """Nothing here asks this."""
        raise NotImplementedError(symbols)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if (problem := self.passing.pop(what, self.errors.get(what))) is not None:
            raise problem
