"""What the network probe's own requests count against: the same book as everybody's.

The probe opens connections of its own, so no client counts for it; and a ban is prolonged by
whoever goes on asking.
"""

import httpx

from exporter.config import Venue
from exporter.errors import SourceError
from exporter.sources.exchange import alpaca_errors, binance_errors
from exporter.sources.exchange.rate_limits import Meter, RateBook, host_of, weight_meter
from exporter.sources.network import PING_PATHS
from exporter.sources.network_http import Answer
from exporter.sources.transport import Response

# The broker's, which it counts by key: of what comes without one it is not known to count any.
_KEYED_A_MINUTE = 200
# In place of a key's digest, so that a refusal of what came without one silences no key.
_WITHOUT_KEY = "probe"


class ProbeToll:
    """One venue's part of the book, and who else in it wants silence.

    Binance counts by address, so there a refusal that the probe hears is everybody's. The broker
    counts by key, and the probe has none: there it is the probes' alone.

    Args:
        venue: whom the probe asks.
        limits: the book.

    Raises:
        SourceError: UNSUPPORTED, for a URL that is none.
    """

    def __init__(self, venue: Venue, limits: RateBook) -> None:
        self._limits = limits
        self._share: float | None = None
        if venue.kind == "alpaca":
            host = host_of(venue.base_url)
            self._dialect = alpaca_errors.DIALECT
            self._meter = Meter(host, "v2", _KEYED_A_MINUTE, kind="requests", key=_WITHOUT_KEY)
        else:
            self._share = venue.rate_limit_share
            self._dialect = binance_errors.DIALECT
            self._meter = weight_meter(venue.base_url, PING_PATHS[venue.kind])

    def may_ask(self) -> bool:
        """Count one ping, of weight 1 everywhere; False if the book refuses it."""
        try:
            self._limits.admit(self._meter, 1, self._share)
        except SourceError:
            return False
        return True

    def note(self, answer: Answer) -> None:
        """Remember what the answer says of the limit, and its demand for silence."""
        response = Response(answer.status, httpx.Headers(list(answer.headers)), answer.body)
        silence = self._dialect.silence(response)
        self._limits.note(self._meter, self._dialect.usage(response), silence)

    def is_quiet(self, url: str) -> bool:
        """Whether a second host is in the book, too, and wants silence."""
        try:
            return self._limits.quiet_until(host_of(url)) is not None
        except SourceError:
            return False
