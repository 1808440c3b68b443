"""What an exchangeInfo says of each instrument (facts §1.5, §1.6)."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from exporter.readings import SymbolRules
from exporter.sources.exchange import fields

_ZERO = Decimal(0)


def decode_rules(body: Any, symbols: Collection[str]) -> tuple[SymbolRules, ...]:
    """Return the rules of the symbols named, of all if none is.

    Raises:
        SourceError: BAD_RESPONSE.
    """
    listed = fields.objects(fields.mapping(body, "exchangeInfo").get("symbols"), "symbols")
    names = set(symbols)
    wanted = [item for item in listed if not names or fields.text(item, "symbol") in names]
    return tuple(_rules(item) for item in wanted)


def _rules(item: dict[str, Any]) -> SymbolRules:
    filters = {
        fields.text(found, "filterType"): found
        for found in fields.objects(item.get("filters"), "filters")
    }
    size = filters.get("LOT_SIZE", {})
    # Spot has NOTIONAL, older spot and futures MIN_NOTIONAL, and futures another field in it.
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return SymbolRules(
        symbol=fields.text(item, "symbol"),
        status=fields.text(item, "status"),
        base_asset=fields.text(item, "baseAsset"),
        quote_asset=fields.text(item, "quoteAsset"),
        tick_size=fields.decimal(filters.get("PRICE_FILTER", {}), "tickSize", missing=_ZERO),
        step_size=fields.decimal(size, "stepSize", missing=_ZERO),
        min_quantity=fields.decimal(size, "minQty", missing=_ZERO),
        min_notional=fields.decimal(notional, "minNotional", "notional", missing=_ZERO),
    )
