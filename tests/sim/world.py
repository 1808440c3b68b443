"""Everything the simulated world consists of, in one place and under one lock."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.sim.books.alpaca import AlpacaBooks
from tests.sim.books.prices import Prices
from tests.sim.books.spot import SpotBooks
from tests.sim.books.usdm import UsdmBooks
from tests.sim.clock import Clocks
from tests.sim.limits import Limits
from tests.sim.market_data import MarketData
from tests.sim.serve import Request, Response
from tests.sim.signing import Key, make_alpaca_keys, make_keys

_PAGES = 1_000
_KEY_AGE_SECONDS = 7 * 86_400

# The hosts a bot trades on. Others, of the second exchange, have nothing to do with them.
VENUE_SITES = frozenset({"exchange", "alpaca", "alpaca_data"})

# What a fault puts in front of the exchange: an answer of its own, or None to let pass.
Intercept = Callable[[Request], Response | None]
Undo = Callable[[], None]


class Door(Protocol):
    """A listening port that can refuse."""

    def shut(self) -> None:
        """Refuse connections and end those that are open."""

    def open(self) -> None:
        """Accept connections again."""


class FaultError(Exception):
    """A fault cannot be injected as asked; the message says why."""


@dataclass(frozen=True)
class ActiveFault:
    """A fault in force: how it was asked for, since when, and how to end it."""

    params: dict[str, Any]
    injected_at: float
    undo: Undo


@dataclass
class World:
    """The state that the servers answer from and the faults change."""

    seed: int = 1
    wall: Callable[[], float] = time.time
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.clocks = Clocks(self.wall)
        self.keys: dict[str, Key] = make_keys(
            self.seed, created=round((self.wall() - _KEY_AGE_SECONDS) * 1000)
        )
        self.alpaca_keys: dict[str, Key] = make_alpaca_keys(self.seed)
        prices = Prices(self.seed)
        self.usdm = UsdmBooks(prices)
        self.spot = SpotBooks(prices)
        self.alpaca = AlpacaBooks(self.seed)
        self.limits = Limits()
        self.market_data = MarketData()
        self.system_status = 0  # sapi: 1 is maintenance
        self.may_trade = True  # Binance's flag of the account, whatever its keys may do
        self.symbol_status: dict[str, str] = {}  # symbols that are not TRADING
        self.doors: dict[str, Door] = {}
        self.intercepts: dict[str, Intercept] = {}
        self.faults: dict[str, ActiveFault] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.bots: dict[str, Path] = {}
        self.pages: deque[Any] = deque(maxlen=_PAGES)

    def expire_orders(self) -> None:
        """End every resting order, as exchanges do for maintenance."""
        now = self.clocks.exchange_ms()
        for books in (self.usdm, self.spot):
            for order in books.orders.open():
                books.expire(order, now)
        for stock in self.alpaca.open():
            self.alpaca.expire(stock, now)

    def bot_root(self, name: str | None) -> Path:
        """The root of the bot named, or of the only one.

        Raises:
            FaultError: if that does not name one registered bot.
        """
        if name is None and len(self.bots) == 1:
            return next(iter(self.bots.values()))
        if name in self.bots:
            return self.bots[name]
        known = ", ".join(sorted(self.bots)) or "none"
        raise FaultError(f"name one registered bot with 'bot' (registered: {known})")
