"""What is asked of one bot's exchange each round, in the background.

An exchange limits and bans by call, so nothing here depends on how often we are
scraped; the values say how old they may be and vanish when they are older.
"""

from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.observation import Observation, Requests
from exporter.readings import AccountReading, ClockReading, ExchangeStatus
from exporter.secrets import ApiKey, read_api_key
from exporter.sources.exchange import Exchange, open_exchange

_KEY_REASONS = (Reason.KEY_REJECTED, Reason.KEY_FORMAT, Reason.SIGNATURE)


class RemoteWatch:
    """One bot's exchange: clock, status and, with a key, the account."""

    def __init__(self, bot: Bot, settings: ExporterSettings) -> None:
        self.seconds = settings.poll_seconds
        # A round in flight may take a timeout's length before it can be called late.
        stale = settings.stale_intervals * self.seconds + settings.timeout_seconds
        roles = bot.venue.credentials
        self._bot = bot
        self._credentials = roles.exporter or roles.bot
        self._timeout = settings.timeout_seconds
        self._samples = settings.clock_samples
        self._client: Exchange | None = None
        self._key_problem: SourceError | None = None
        self.requests = Requests()
        self.clock: Observation[ClockReading] = Observation(f"{bot.name}/exchange", stale)
        self.status: Observation[ExchangeStatus] = Observation(f"{bot.name}/status", stale)
        self.account: Observation[AccountReading] = Observation(f"{bot.name}/account", stale)

    @property
    def has_account(self) -> bool:
        """Whether a key is configured that may read the account."""
        return self._credentials is not None

    def round(self) -> None:
        """Ask once for everything; a failure of one does not keep the others from being asked."""
        self.clock.ask(self._read_clock)
        self.status.ask(lambda: self._open().status())
        if self.has_account:
            self.account.ask(self._read_account)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> Exchange:
        if self._client is None:
            key = self._read_key()
            self._client = open_exchange(
                self._bot.venue, key, timeout=self._timeout, observe=self.requests.observe
            )
        return self._client

    def _read_key(self) -> ApiKey | None:
        """Without a readable key the unsigned part must still work."""
        self._key_problem = None
        if self._credentials is None:
            return None
        try:
            return read_api_key(self._credentials)
        except SourceError as error:
            self._key_problem = error
            return None

    def _read_clock(self) -> ClockReading:
        client = self._open()
        client.ping()
        return client.clock(self._samples)

    def _read_account(self) -> AccountReading:
        client = self._open()
        if self._key_problem is not None:
            problem = self._key_problem
            self.close()  # the key is read again next round
            raise problem
        try:
            return client.account()
        except SourceError as error:
            if error.reason in _KEY_REASONS:
                self.close()  # it may have been replaced on disk
            raise
