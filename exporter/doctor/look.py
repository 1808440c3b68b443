"""One thing to read that several checks need: read once, by whoever asks first."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.errors import Reason, SourceError
from exporter.observation import Observation

T = TypeVar("T")


class Look(Generic[T]):
    """A reading that is made when it is first asked for; whoever asks meanwhile waits for it."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._values: list[T] = []
        self._error: Exception | None = None

    def get(self) -> T:
        """Return what was read.

        Raises:
            SourceError: it could not be read; the same for everybody who asks.
        """
        with self._lock:
            if not self._values and self._error is None:
                try:
                    self._values.append(self._read())
                except Exception as error:  # noqa: BLE001 - each check must hear of it
                    self._error = error
            if self._error is not None:
                raise self._error
            return self._values[0]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a watch has just seen, or why it has not; taken before it can grow old."""

    seen: T | None
    problem: SourceError

    @classmethod
    def of(cls, observation: Observation[T]) -> "Outcome[T]":
        """Take what an observation holds now."""
        problem = observation.problem() or SourceError(Reason.STALE, "it has not been read")
        return cls(observation.current(), problem)

    def get(self) -> T:
        """Return what was seen.

        Raises:
            SourceError: why nothing was.
        """
        if self.seen is None:
            raise self.problem
        return self.seen
