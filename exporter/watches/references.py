"""Can the clocks of second exchanges be asked? They tell whose fault it is when clocks differ.

Only the receiver judges by what they say, and asks them itself when it must; here they are asked
so that one that is gone is known before that.
"""

from exporter.config import ClockReference, ExporterSettings
from exporter.errors import SourceError
from exporter.observation import Observation
from exporter.snapshot import Health
from exporter.sources.exchange import Clock, RateBook, host_of, open_clock


class ReferencesWatch:
    """Measures the local clock against each reference; one that is dead hides no other.

    The source counts as down while any does not answer, since each was configured to be there;
    the failure names all that do not.

    Args:
        settings: which, how often, and how long to wait.
        limits: the book of all rate limits.
    """

    name = "reference"

    def __init__(self, settings: ExporterSettings, limits: RateBook) -> None:
        self.seconds = settings.ntp_poll_seconds
        self._references = settings.clock_references
        self._samples = settings.clock_samples
        self._timeout = settings.timeout_seconds
        self._limits = limits
        self._clocks: dict[str, Clock] = {}
        longest = len(self._references) * settings.timeout_seconds
        stale = settings.stale_intervals * self.seconds + longest
        self._asked: Observation[None] = Observation(self.name, stale)

    @property
    def configured(self) -> bool:
        """Whether there is any reference."""
        return bool(self._references)

    @property
    def health(self) -> Health:
        """How asking has gone."""
        return self._asked.health()

    def round(self) -> None:
        """Ask each of them once."""
        self._asked.ask(self._ask_all)

    def close(self) -> None:
        """Close the connections."""
        for clock in self._clocks.values():
            clock.close()

    def _ask_all(self) -> None:
        problems: list[SourceError] = []
        for reference in self._references:
            try:
                self._open(reference).clock(self._samples)
            except SourceError as error:
                detail = f"{_name(reference)}: {error.detail}"
                problems.append(SourceError(error.reason, detail, permanent=error.permanent))
        if problems:
            detail = "; ".join(problem.detail for problem in problems)
            raise SourceError(problems[0].reason, detail, permanent=problems[0].permanent)

    def _open(self, reference: ClockReference) -> Clock:
        url = reference.base_url
        if url not in self._clocks:
            self._clocks[url] = open_clock(reference, timeout=self._timeout, limits=self._limits)
        return self._clocks[url]


def _name(reference: ClockReference) -> str:
    try:
        return host_of(reference.base_url)
    except SourceError:
        return reference.base_url
