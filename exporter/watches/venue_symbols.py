"""How often the states of a bot's symbols are asked for, so that its share of a limit lasts."""

from collections.abc import Callable

from exporter.config import Venue
from exporter.sources.exchange.alpaca_assets import MOST_SINGLE

_ALPACA_LIST_ROUNDS = 20  # two lists of everything, megabytes each


class SymbolsSchedule:
    """Says in which rounds the symbols are asked for.

    Alpaca counts each symbol as one of 200 requests a minute that the bot's key has: there no
    more than one a round is spent on them, on average. Elsewhere they are asked for each time.
    A question that failed does not use up its turn.

    Args:
        venue: where, and which symbols.
        seconds: from one round to the next.
        monotonic: what rounds are told apart by.
    """

    def __init__(self, venue: Venue, seconds: float, monotonic: Callable[[], float]) -> None:
        rounds = _rounds(venue)
        self._monotonic = monotonic
        # Half a round less: rounds do not begin to the second.
        self.pause = (rounds - 0.5) * seconds if rounds > 1 else 0.0
        self._due = float("-inf")

    def is_due(self) -> bool:
        """Whether this round asks; the next that does comes a pause later."""
        now = self._monotonic()
        if now < self._due:
            return False
        self._due = now + self.pause
        return True

    def failed(self) -> None:
        """Be told that the question was not sent or not answered: the next round asks again."""
        self._due = float("-inf")


def _rounds(venue: Venue) -> int:
    if venue.kind != "alpaca":
        return 1
    count = len(venue.symbols)
    return max(1, count) if count <= MOST_SINGLE else _ALPACA_LIST_ROUNDS
