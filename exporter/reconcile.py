"""Do the bot's own positions agree with the exchange's? One pass, no history.

Decimal throughout. Futures must agree exactly. Spot has balances that other
things move, so there the exchange must hold at least what the bot believes.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from exporter.readings import AccountReading

# Fees taken from what was bought leave a little less than the bot's file says.
_SPOT_FEE_ALLOWANCE = Decimal("0.002")
_SEPARATORS = re.compile(r"[-/_]")
_QUOTES = (
    "USDT",
    "USDC",
    "FDUSD",
    "TUSD",
    "BUSD",
    "USD1",
    "USD",
    "EUR",
    "TRY",
    "BTC",
    "ETH",
    "BNB",
)


def differences(
    local: Mapping[str, Decimal], account: AccountReading, kind: str
) -> tuple[str, ...]:
    """Return one line per position that does not agree; empty when all do."""
    if kind == "binance_spot":
        return _spot(local, account)
    return _futures(local, account)


def _futures(local: Mapping[str, Decimal], account: AccountReading) -> tuple[str, ...]:
    ours = _by_symbol(local)
    theirs: dict[str, list[Decimal]] = {}
    for position in account.positions:
        theirs.setdefault(_plain(position.symbol), []).append(position.quantity)
    found = []
    for symbol in sorted({*ours, *theirs}):
        legs = theirs.get(symbol, [])
        mine, total = ours.get(symbol, Decimal(0)), sum(legs, Decimal(0))
        if len(legs) > 1:
            # Netting a long against a short leg would hide both.
            found.append(f"{symbol}: the exchange holds {len(legs)} legs, the bot says {mine:f}")
        elif mine != total:
            found.append(f"{symbol}: the bot says {mine:f}, the exchange says {total:f}")
    return tuple(found)


def _spot(local: Mapping[str, Decimal], account: AccountReading) -> tuple[str, ...]:
    held = {position.symbol.upper(): position.quantity for position in account.positions}
    found = []
    for symbol, quantity in sorted(_by_symbol(local).items()):
        asset = symbol if symbol in held else _base_asset(symbol)
        balance = held.get(asset, Decimal(0))
        if balance < quantity * (1 - _SPOT_FEE_ALLOWANCE):
            found.append(
                f"{symbol}: the bot says {quantity:f}, the exchange holds {balance:f} {asset}"
            )
    return tuple(found)


def _by_symbol(local: Mapping[str, Decimal]) -> dict[str, Decimal]:
    ours: dict[str, Decimal] = {}
    for symbol, quantity in local.items():
        plain = _plain(symbol)
        ours[plain] = ours.get(plain, Decimal(0)) + quantity
    return ours


def _plain(symbol: str) -> str:
    """``BTC/USDT:USDT`` and ``BTCUSDT`` are the same instrument."""
    return _SEPARATORS.sub("", symbol.partition(":")[0]).upper()


def _base_asset(symbol: str) -> str:
    quote = next((q for q in _QUOTES if symbol.endswith(q) and symbol != q), "")
    return symbol.removesuffix(quote) if quote else symbol
