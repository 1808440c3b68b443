"""One watch's connection to a venue, with the key as it is on disk now."""

from collections.abc import Callable
from typing import TypeVar

from exporter.config import Credentials
from exporter.errors import Reason, SourceError
from exporter.keys import REFUSALS
from exporter.secrets import ApiKey, read_api_key
from exporter.sources.exchange import Exchange

# One lost packet, or a connection that the exchange closed while we did not look.
_TRY_AGAIN = frozenset({Reason.TIMEOUT, Reason.NETWORK})

T = TypeVar("T")


class VenueConnection:
    """Opens a client when it is needed, and a new one after the key was refused.

    Args:
        credentials: where the key is; None to go without.
        open_exchange: makes a client with a key, or without.
    """

    def __init__(
        self,
        credentials: Credentials | None,
        open_exchange: Callable[[ApiKey | None], Exchange],
    ) -> None:
        self._credentials = credentials
        self._open = open_exchange
        self._client: Exchange | None = None
        self._key_problem: SourceError | None = None

    def ask(self, read: Callable[[Exchange], T], *, tries: int = 1) -> T:
        """Ask the venue something; again at once, if the way may be to blame.

        Raises:
            SourceError: why it did not work; why the key cannot be read, if one is needed.
        """
        for _ in range(tries - 1):
            try:
                return self._ask(read)
            except SourceError as error:
                if error.reason not in _TRY_AGAIN:
                    raise
        return self._ask(read)

    def close(self) -> None:
        """Close the client; asking opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, read: Callable[[Exchange], T]) -> T:
        try:
            if self._client is None:
                self._client = self._open(self._read_key())
            return read(self._client)
        except SourceError as error:
            if error.reason in REFUSALS:
                self.close()  # it may have been replaced on disk
            if error.reason is Reason.NO_CREDENTIALS:
                self.close()
                raise (self._key_problem or error).bare() from error
            raise

    def _read_key(self) -> ApiKey | None:
        """Without a readable key, what needs none must still work."""
        self._key_problem = None
        if self._credentials is None:
            return None
        try:
            return read_api_key(self._credentials)
        except SourceError as error:
            self._key_problem = error.bare()
            return None
