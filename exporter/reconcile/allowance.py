"""How far apart two quantities may be for harmless reasons, and the price that this takes."""

from collections.abc import Iterable
from decimal import Decimal

from exporter.readings import OpenOrder
from exporter.reconcile.sample import Terms
from exporter.reconcile.symbols import plain


def fee_allowance(terms: Terms, bot: Decimal) -> Decimal:
    """Return what fees may have taken from a bought quantity the bot believes it received."""
    return abs(bot) * Decimal(str(terms.tolerances.fee_ratio))


def dust_allowance(terms: Terms, symbols: Iterable[str], price: Decimal | None) -> Decimal:
    """Return the largest quantity that the venue would let nobody trade; zero without a price."""
    minima = [rule.min_notional for symbol in symbols if (rule := terms.rule(symbol))]
    return max(minima) / price if minima and price else Decimal(0)


def order_prices(orders: Iterable[OpenOrder]) -> dict[str, Decimal]:
    """Return a price by plain symbol, of the first order that has one."""
    prices: dict[str, Decimal] = {}
    for order in orders:
        if order.price > 0:
            prices.setdefault(plain(order.symbol), order.price)
    return prices
