"""Which of a bot's markets never close? An exchange tells the hours of its shares alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.config import Venue
from exporter.readings import MarketHours, SymbolRules
from exporter.reconcile.symbols import plain


@dataclass(frozen=True)
class Markets:
    """What a bot trades, and which of it are coins.

    ``coins`` says by plain symbol whether it is one, as far as the rules were ever known; None
    where no market has hours, which is everywhere but at Alpaca.
    """

    symbols: tuple[str, ...]
    coins: Mapping[str, bool] | None

    @classmethod
    def of(
        cls,
        venue: Venue,
        rules: Collection[SymbolRules] | None,
        known: Mapping[str, bool] = MappingProxyType({}),
    ) -> "Markets":
        """Sort a bot's symbols by what their rules say now, or said before (``known``)."""
        if venue.kind != "alpaca":
            return cls(venue.symbols, None)
        return cls(venue.symbols, {**known, **coins_of(rules or ())})

    def never_closes(self, symbol: str) -> bool | None:
        """Whether a market trades all the time; None while nobody knows what the symbol is.

        ``symbol`` is in any spelling, or the name of a stream of it (``BTCUSD@lastTrade``).
        """
        if self.coins is None:
            return True
        return self.coins.get(plain(symbol.partition("@")[0]))

    def is_open(self, hours: MarketHours | None) -> bool | None:
        """Whether the market with hours is open; None while they are not known.

        Always where nothing that the bot trades ever closes.
        """
        if self.coins is None or (self.symbols and all(map(self.never_closes, self.symbols))):
            return True
        return hours.is_open if hours is not None else None


def coins_of(rules: Collection[SymbolRules]) -> dict[str, bool]:
    """Say by plain symbol whether it is a coin: that never changes, so it may be remembered."""
    return {plain(rule.symbol): rule.is_pair for rule in rules}
