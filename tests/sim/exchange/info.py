"""exchangeInfo of futures, spot and coin-margined futures: fields every client reads."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from tests.sim.books import spot, usdm
from tests.sim.books.prices import SYMBOLS
from tests.sim.world import World

_ONBOARD = 1_569_398_400_000
_PERPETUAL_DELIVERY = 4_133_404_800_000
_LARGE = "1000000"


def _text(value: Decimal) -> str:
    return format(value, "f")


def futures(world: World) -> dict[str, Any]:
    """Answer ``fapi/v1/exchangeInfo``; it knows no filter by symbol."""
    return {
        "timezone": "UTC",
        "serverTime": world.clocks.exchange_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, world.limits.allowed["usdm"]),
            _limit("ORDERS", "MINUTE", 1, 1200),
            _limit("ORDERS", "SECOND", 10, 300),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_futures_symbol(symbol, _status(world, symbol)) for symbol in SYMBOLS],
    }


def spot_info(world: World, symbols: Collection[str]) -> dict[str, Any]:
    """Answer ``api/v3/exchangeInfo`` for these symbols."""
    return {
        "timezone": "UTC",
        "serverTime": world.clocks.exchange_ms(),
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, world.limits.allowed["spot"]),
            _limit("ORDERS", "SECOND", 10, 100),
            _limit("ORDERS", "DAY", 1, 200_000),
            _limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ],
        "exchangeFilters": [],
        "symbols": [_spot_symbol(name, _status(world, name)) for name in symbols],
    }


def coin_futures(now: int) -> dict[str, Any]:
    """Answer ``dapi/v1/exchangeInfo``: nothing is listed, which is valid."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [_limit("REQUEST_WEIGHT", "MINUTE", 1, 2400)],
        "exchangeFilters": [],
        "symbols": [],
    }


def _status(world: World, symbol: str) -> str:
    return world.symbol_status.get(symbol, "TRADING")


def _limit(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _filters(step: Decimal, tick: Decimal) -> list[dict[str, Any]]:
    price = {"minPrice": _text(tick), "maxPrice": _LARGE, "tickSize": _text(tick)}
    size = {"minQty": _text(step), "maxQty": "9000", "stepSize": _text(step)}
    return [{"filterType": "PRICE_FILTER", **price}, {"filterType": "LOT_SIZE", **size}]


def _futures_symbol(symbol: str, status: str) -> dict[str, Any]:
    base, quote = spot.assets(symbol)
    size = {"minQty": _text(usdm.STEP), "maxQty": "120", "stepSize": _text(usdm.STEP)}
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_DELIVERY,
        "onboardDate": _ONBOARD,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": 1,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            *_filters(usdm.STEP, usdm.TICK),
            {"filterType": "MARKET_LOT_SIZE", **size},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": _text(usdm.MIN_NOTIONAL)},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _spot_symbol(symbol: str, status: str) -> dict[str, Any]:
    base, quote = spot.assets(symbol)
    notional = {"minNotional": _text(spot.MIN_NOTIONAL), "maxNotional": "9000000"}
    return {
        "symbol": symbol,
        "status": status,
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            *_filters(spot.STEP, spot.TICK),
            {
                "filterType": "NOTIONAL",
                "applyMinToMarket": True,
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
                **notional,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }
