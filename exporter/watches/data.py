"""One bot's data files and backups: judged in the background, by processes of their own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason
from exporter.observation import Observation
from exporter.readings import DataFileReading, DataReading
from exporter.sources.datafiles import DataFiles
from exporter.watches.timing import Timing


class DataWatch:
    """Judges the files again and again; unchanged ones cost no more than a look.

    Args:
        bot: whose files.
        settings: how often.
        timing: the clocks to go by.
        recall: where an earlier watch of this bot saw backups; it may learn that late.
    """

    name = "data_files"

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        *,
        timing: Timing | None = None,
        recall: Callable[[], Path | None] = lambda: None,
    ) -> None:
        timing = timing or Timing()
        self.seconds = settings.data_poll_seconds
        self._files = DataFiles(bot, pause=timing.pause, wall=timing.wall, recall=recall)
        # A round may spend the whole time limit on a file.
        stale = settings.stale_intervals * self.seconds + bot.data_checks.timeout_seconds
        self.data: Observation[DataReading] = Observation(
            f"{bot.name}/data_files", stale, wall=timing.wall, monotonic=timing.monotonic
        )
        self._last: DataReading | None = None

    @property
    def reading(self) -> DataReading | None:
        """What is known now; once it is too old, the same files with nothing known to be good."""
        reading, last = self.data.fresh(), self._last
        if reading is None and last is not None:
            reading = replace(last, files=tuple(map(_unknown, last.files)), backup=None)
        if reading is None or self.backups_seen is None:
            return reading
        # The first round may have come before the hand-over that tells of them.
        return replace(reading, backup_expected=True)

    @property
    def backups_seen(self) -> Path | None:
        """Where backups were seen since the exporter started, for the next watch of this bot."""
        return self._files.backups_seen

    def round(self) -> None:
        """Judge once."""
        reading = self.data.ask(self._files.check)
        if reading is not None:
            self._last = reading

    def close(self) -> None:
        """Nothing is kept open between rounds."""


def _unknown(file: DataFileReading) -> DataFileReading:
    """The file as it may be now: not known to be valid, all measurements gone."""
    return DataFileReading(
        file=file.file,
        kind=file.kind,
        valid=False,
        reason=Reason.STALE,
        detail="has not been judged for too long",
        size_bytes=None,
        modified=None,
        max_age_seconds=file.max_age_seconds,
    )
