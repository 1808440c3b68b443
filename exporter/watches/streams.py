"""How old one bot's market data is, seen by a listener of our own."""

from collections.abc import Callable

from exporter.config import Bot, ExporterSettings
from exporter.observation import Observation
from exporter.readings import StreamReading
from exporter.secrets import ApiKey
from exporter.sources.exchange import Exchange
from exporter.sources.exchange.stream_addresses import stream_address
from exporter.sources.proxy import read_proxy
from exporter.sources.streams import StreamProbe
from exporter.watches.timing import Timing
from exporter.watches.venue_connection import VenueConnection

_LONGEST_PAUSE_SECONDS = 30.0
_LEAST_SILENCE_SECONDS = 5.0


class StreamsWatch:
    """Listens to the public streams of the bot's symbols, or asks for their last trades.

    Alpaca allows one market-data connection, which is the bot's: there REST is asked.

    Args:
        bot: whose symbols.
        settings: how often the listener is looked after, and how long to wait.
        open_exchange: makes a client with a key, for Alpaca.
        timing: the clocks to go by.
    """

    name = "streams"

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        open_exchange: Callable[[ApiKey | None], Exchange],
        *,
        timing: Timing | None = None,
    ) -> None:
        self.seconds = settings.poll_seconds
        timing = timing or Timing()
        venue, roles = bot.venue, bot.venue.credentials
        self._symbols = venue.symbols
        self._timeout = settings.timeout_seconds
        self._asks = venue.kind == "alpaca" and bool(venue.symbols)
        self._connection = VenueConnection(roles.exporter or roles.bot, open_exchange)
        self._trades: dict[str, float] = {}
        address = stream_address(venue)
        self._probe: StreamProbe | None = None
        if address is not None:
            self._probe = StreamProbe(
                address,
                timeout=settings.timeout_seconds,
                longest_pause=min(settings.poll_seconds, _LONGEST_PAUSE_SECONDS),
                silence=max(bot.market_data.max_age_seconds / 2, _LEAST_SILENCE_SECONDS),
                read_proxy=lambda: read_proxy(venue),
                wall=timing.wall,
                monotonic=timing.monotonic,
            )
        self.market_data: Observation[None] = Observation(
            f"{bot.name}/market_data",
            settings.stale_intervals * self.seconds + settings.timeout_seconds,
            wall=timing.wall,
            monotonic=timing.monotonic,
        )

    @property
    def configured(self) -> bool:
        """Whether there is anything to listen to."""
        return self._asks or self._probe is not None

    @property
    def shutdown_announced(self) -> bool:
        """Whether the exchange has said that it will end the stream, and nothing came since."""
        return any(reading.closing for reading in self.streams)

    @property
    def stream_lost(self) -> bool:
        """Whether we have tried in vain to come back after that."""
        return self._probe is not None and self._probe.is_lost()

    @property
    def streams(self) -> tuple[StreamReading, ...]:
        """What is known of each stream at this moment."""
        if self._probe is not None:
            return self._probe.readings()
        if not self._asks:
            return ()
        problem = self.market_data.problem()
        return tuple(
            StreamReading(
                stream=f"{symbol}@lastTrade",
                last_message=self._trades.get(symbol),
                connected=problem is None,
                reconnects=0,
                closing=False,
                detail="" if problem is None else problem.detail,
            )
            for symbol in self._symbols
        )

    def round(self) -> None:
        """Look after the listener, or ask for the last trades."""
        if self.configured:
            self.market_data.ask(self._look)

    def close(self) -> None:
        """Stop to listen."""
        if self._probe is not None:
            self._probe.stop()
        self._connection.close()

    def _look(self) -> None:
        if self._probe is None:
            found = self._connection.ask(lambda venue: venue.last_trades(self._symbols), tries=2)
            # The newest known time stays true when an answer leaves a symbol out.
            self._trades = {**self._trades, **found}
            return
        self._probe.start()
        self._probe.wait_for_data(self._timeout)
        if (problem := self._probe.problem()) is not None:
            raise problem
