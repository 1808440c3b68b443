"""What can be traded at the simulated broker."""

import uuid
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Asset:
    """One instrument. ``step`` is the smallest change of quantity, ``tick`` of price."""

    symbol: str
    name: str
    kind: str  # the API's asset class
    exchange: str
    start: Decimal
    step: Decimal
    tick: Decimal
    shortable: bool

    @property
    def asset_id(self) -> str:
        """Its id, the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.symbol))

    @property
    def position_symbol(self) -> str:
        """How positions print it: crypto without the slash that orders have."""
        return self.symbol.replace("/", "")


_STEP, _TICK = Decimal("0.000000001"), Decimal("0.01")
ASSETS = {
    asset.symbol: asset
    for asset in (
        Asset(
            "AAPL", "Apple Inc.", "us_equity", "NASDAQ", Decimal(200), _STEP, _TICK, shortable=True
        ),
        Asset(
            "SPY", "SPDR S&P 500", "us_equity", "ARCA", Decimal(500), _STEP, _TICK, shortable=True
        ),
        Asset(
            "BTC/USD",
            "Bitcoin / US Dollar",
            "crypto",
            "CRYPTO",
            Decimal(60_000),
            Decimal("0.0001"),
            _TICK,
            shortable=False,
        ),
    )
}


def find_asset(name: str) -> Asset | None:
    """Find an asset by id or symbol, with the slash or without."""
    for asset in ASSETS.values():
        if name in (asset.symbol, asset.position_symbol, asset.asset_id):
            return asset
    return None
