"""Literal looks at both sides, for tests of the comparison."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from exporter.readings import (
    ComparedPosition,
    Comparison,
    Fill,
    OpenOrder,
    Position,
    PositionsFileReading,
    SymbolRules,
)
from exporter.reconcile import BotSide, ExchangeSide, History, Sample, Terms, compare
from tests.sources.bots import make_bot

KINDS = {"spot": "binance_spot", "usdm": "binance_usdm", "us_equity": "alpaca"}
WALL = 1_795_500_000.0
START = 1000.0


def rule(
    symbol: str, base: str, quote: str, step: str = "0.001", notional: str = "5"
) -> SymbolRules:
    """Return the rules of one instrument."""
    return SymbolRules(
        symbol=symbol,
        status="TRADING",
        base_asset=base,
        quote_asset=quote,
        tick_size=Decimal("0.01"),
        step_size=Decimal(step),
        min_quantity=Decimal(step),
        min_notional=Decimal(notional),
    )


RULES = (rule("BTCUSDT", "BTC", "USDT"), rule("ETHUSDT", "ETH", "USDT", "0.01"))


def terms(market: str = "usdm", *, rules: Any = RULES, symbols: Any = (), **limits: Any) -> Terms:
    """Return terms by which one step of BTCUSDT is 0.001."""
    venue = {
        "kind": KINDS[market],
        "base_url": "http://127.0.0.1:9",
        "client_order_prefix": "tb2-",
        "symbols": list(symbols),
    }
    return Terms.of(make_bot(Path("/bot"), venue=venue, tolerances=limits), rules)


def bot(positions: Mapping[str, str], legs: Any = ()) -> PositionsFileReading:
    """Return a positions file; ``legs`` are (symbol, side, quantity)."""
    named = {(symbol, side): Decimal(quantity) for symbol, side, quantity in legs}
    return PositionsFileReading({s: Decimal(q) for s, q in positions.items()}, WALL, named)


def held(symbol: str, quantity: str, side: str = "BOTH", market: str = "usdm") -> Position:
    """Return one position at the exchange."""
    return Position(market, symbol, side, Decimal(quantity))


def order(client_id: str = "tb2-1", *, symbol: str = "BTCUSDT", **changes: Any) -> OpenOrder:
    """Return an order of the bot that has rested, unchanged, for an hour."""
    resting = OpenOrder(
        market="usdm",
        symbol=symbol,
        order_id=client_id,
        client_order_id=client_id,
        status="NEW",
        kind="regular",
        side="BUY",
        quantity=Decimal(1),
        executed=Decimal(0),
        reduce_only=False,
        price=Decimal(50_000),
        created=WALL - 3600,
        updated=WALL - 3600,
    )
    return replace(resting, **changes)


def fill(time: float, order_id: str = "tb2-1") -> Fill:
    """Return an execution in BTCUSDT."""
    quantity, price = Decimal("0.01"), Decimal(50_000)
    return Fill("usdm", "BTCUSDT", order_id, "1", "BUY", quantity, price, Decimal(0), "USDT", time)


def sample(
    ours: PositionsFileReading,
    *theirs: Position,
    by: Terms | None = None,
    after: float = 0.0,
    orders: tuple[OpenOrder, ...] = (),
    **changes: Any,
) -> Sample:
    """Return a calm and complete sample, ``after`` seconds after the first."""
    at = START + after
    histories = {"BTCUSDT": (), "BTCUSDC": (), "ETHUSDT": (), "AAPL": (), "XRPUSDT": ()}
    calm = Sample(
        terms=by or terms(),
        at=at,
        wall=WALL + after,
        bot=BotSide(ours, at),
        exchange=ExchangeSide(theirs, at),
        bot_before=BotSide(ours, at),
        orders_before=orders,
        orders_after=orders,
        recent=histories,
    )
    return replace(calm, **changes)


def settle(*samples: Sample) -> Comparison:
    """Judge samples one after another and return the last verdict."""
    memory = History()
    for one in samples:
        comparison, memory = compare(one, memory)
    return comparison


def three(
    ours: PositionsFileReading, *theirs: Position, by: Terms | None = None, **changes: Any
) -> Comparison:
    """Judge the same content three times, two seconds apart: enough to be certain."""
    return settle(*(sample(ours, *theirs, by=by, after=t, **changes) for t in (0.0, 2.0, 4.0)))


def only(comparison: Comparison) -> ComparedPosition:
    """Return the one position of a comparison."""
    (position,) = comparison.positions
    return position
