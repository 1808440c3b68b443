"""Seeded prices: a walk that stays within two per cent of its start."""

import random
from collections.abc import Mapping
from decimal import Decimal

_START: Mapping[str, Decimal] = {"BTCUSDT": Decimal(60_000), "ETHUSDT": Decimal(3_000)}
_TICK = Decimal("0.10")
_LIMIT = 0.02
_STEP = 0.0005

SYMBOLS = tuple(_START)


class Prices:
    """One price per symbol; it moves only when something trades."""

    def __init__(
        self, seed: int, start: Mapping[str, Decimal] = _START, tick: Decimal = _TICK
    ) -> None:
        self._random = random.Random(f"prices {seed}")
        self._start = start
        self._tick = tick
        self._drift = dict.fromkeys(start, 0.0)

    def of(self, symbol: str) -> Decimal:
        """The price at which a market order fills now."""
        price = self._start[symbol] * Decimal(str(round(1 + self._drift[symbol], 6)))
        return (price / self._tick).quantize(Decimal(1)) * self._tick

    def move(self, symbol: str) -> None:
        """Take one step of the walk."""
        drift = self._drift[symbol] + self._random.uniform(-_STEP, _STEP)
        self._drift[symbol] = max(-_LIMIT, min(_LIMIT, drift))
