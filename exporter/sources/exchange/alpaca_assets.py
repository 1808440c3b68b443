"""Alpaca's instruments: their rules, and which market a symbol belongs to."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.readings import SymbolRules
from exporter.sources.exchange import fields
from exporter.sources.exchange.alpaca_account import plain
from exporter.sources.exchange.alpaca_client import AlpacaClient, segment

_CRYPTO = "crypto"
_CLASSES = ("us_equity", _CRYPTO)
_ZERO, _ONE = Decimal(0), Decimal(1)
_FRACTION = Decimal("0.000000001")  # orders for parts of a share have nine decimals
# Beyond this many symbols two lists of everything are the smaller burden.
MOST_SINGLE = 5


class AlpacaAssets:
    """What the broker says of instruments; remembers only what does not change."""

    def __init__(self, client: AlpacaClient) -> None:
        self._client = client
        self._pairs: dict[str, str | None] = {}

    def rules(self, symbols: Collection[str]) -> tuple[SymbolRules, ...]:
        """Read the instruments' rules, all without symbols; unknown symbols are left out."""
        if 0 < len(symbols) <= MOST_SINGLE:
            return self._singly(symbols)
        wanted = {plain(symbol) for symbol in symbols}
        found = tuple(
            _rules(asset)
            for kind in _CLASSES
            for asset in self._active(kind)
            if not wanted or plain(fields.text(asset, "symbol")) in wanted
        )
        missing = wanted.difference(rules.symbol for rules in found)
        return found + self._singly(sorted(missing)[:MOST_SINGLE])

    def pair(self, symbol: str) -> str | None:
        """Return the crypto pair as the broker spells it; None if the symbol is none."""
        if symbol not in self._pairs:
            self._asset(symbol)
        return self._pairs[symbol]

    def _singly(self, symbols: Collection[str]) -> tuple[SymbolRules, ...]:
        found = (self._asset(symbol) for symbol in symbols)
        return tuple(_rules(asset) for asset in found if asset is not None)

    def _active(self, kind: str) -> list[dict[str, Any]]:
        # With those that were ever listed, three times as many, it would be too large to read.
        query = {"asset_class": kind, "status": "active"}
        return fields.objects(self._client.get("rules", "/v2/assets", query, packed=True), "assets")

    def _asset(self, symbol: str) -> dict[str, Any] | None:
        try:
            body = self._client.get("rules", f"/v2/assets/{segment(symbol)}")
        except SourceError as error:
            if error.reason is not Reason.MISSING:
                raise
            self._pairs[symbol] = None
            return None
        asset = fields.mapping(body, "asset")
        crypto = fields.text(asset, "class") == _CRYPTO
        self._pairs[symbol] = fields.text(asset, "symbol") if crypto else None
        return asset


def _rules(asset: dict[str, Any]) -> SymbolRules:
    symbol, status = fields.text(asset, "symbol"), fields.text(asset, "status")
    base, _, quote = symbol.partition("/")
    whole = _FRACTION if fields.flag(asset, "fractionable") else _ONE
    if status == "active" and not fields.flag(asset, "tradable"):
        status = "not tradable"
    return SymbolRules(
        symbol=plain(symbol),
        status=status,
        base_asset=base,
        quote_asset=quote or "USD",
        tick_size=fields.decimal(asset, "price_increment", missing=_ZERO),
        step_size=fields.decimal(asset, "min_trade_increment", missing=whole),
        min_quantity=fields.decimal(asset, "min_order_size", missing=_ZERO),
        min_notional=_ZERO,
    )
