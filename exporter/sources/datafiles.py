"""All of a bot's files in one pass: are they whole, plausible, young enough, and backed up?

Slow by nature, so it belongs into a thread of its own, never into a scrape.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from exporter.config import Bot, DataChecks
from exporter.errors import Reason, SourceError
from exporter.readings import DataFileReading, DataReading, FileKind
from exporter.sources import files
from exporter.sources.backups import is_expected, read_backup
from exporter.sources.data_judging import Judge
from exporter.sources.data_verdict import Limits, Question, Shape, Verdict, kind_of
from exporter.sources.datafiles_listing import Listed, label, listed
from exporter.sources.manifest import read_manifest


class DataFiles:
    """Reads one bot's files; remembers verdicts, sizes and what has been there.

    Args:
        bot: whose files.
        pause: how to wait before a file that looks damaged is looked at again.
        wall: Unix time, to compare with the files' own.
        recall: where an earlier reader of this bot's files saw backups, asked each time.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        pause: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
        recall: Callable[[], Path | None] = lambda: None,
    ) -> None:
        checks = bot.data_checks
        self._bot = bot
        self._wall = wall
        limits = Limits(memory_bytes=checks.memory_limit_bytes, seconds=checks.timeout_seconds)
        self._judge = Judge(limits, pause=pause)
        self._backup_judge = Judge(limits, pause=pause)
        self._known: tuple[Listed, ...] = ()
        self._largest: dict[str, int] = {}
        self._backups = files.path(bot, bot.paths.backups)
        self._has_seen_backups = False
        self._recall = recall

    @property
    def backups_seen(self) -> Path | None:
        """The folder of backups, if it was ever there while somebody looked; else None."""
        seen = self._has_seen_backups or self._recall() == self._backups
        return self._backups if seen else None

    def check(self, *, backup: bool = True) -> DataReading:
        """Read everything once; what cannot be read is a reading, too, and never raises.

        ``backup`` False leaves the backups alone, and the reading's ``backup`` None.
        """
        bot = self._bot
        self._known, skipped = listed(bot, self._known, now=self._wall())
        manifest, problem = self._read_manifest()
        questions = {
            file.path: _question(file, digest=Path(file.path) in manifest) for file in self._known
        }
        judged = [q for q in questions.values() if q is not None]
        verdicts = self._judge.judge(judged)
        if any(verdict.reason is Reason.MISSING for verdict in verdicts.values()):
            # Judging takes time: what the bot has taken away meanwhile is not lost.
            left = {file.path for file in listed(bot, self._known, now=self._wall())[0]}
            self._known = tuple(file for file in self._known if file.path in left)
        self._judge.forget(verdicts.keys())
        readings = [self._reading(file, verdicts.get(file.path), manifest) for file in self._known]
        filters = next((file.label for file in self._known if file.filters), None)
        now = self._wall()
        # A folder that was there and is gone is a loss, not a setting.
        self._has_seen_backups = self._has_seen_backups or files.exists(self._backups)
        return DataReading(
            files=(*readings, *((problem,) if problem else ())),
            skipped=skipped,
            backup=read_backup(bot, self._backup_judge, now=now) if backup else None,
            filters=filters,
            backup_expected=self.backups_seen is not None or is_expected(bot),
        )

    def _read_manifest(self) -> tuple[Mapping[Path, str], DataFileReading | None]:
        """Return the digests; a manifest that cannot be read is a bad file itself."""
        try:
            return read_manifest(self._bot), None
        except SourceError as error:
            path = str(files.path(self._bot, self._bot.data_checks.manifest or ""))
            size, modified = _look(path)
            return {}, DataFileReading(
                file=label(self._bot, path),
                kind=FileKind.OTHER,
                valid=False,
                reason=error.reason,
                detail=error.detail,
                size_bytes=size,
                modified=modified,
            )

    def _reading(
        self, file: Listed, verdict: Verdict | None, manifest: Mapping[Path, str]
    ) -> DataFileReading:
        size, modified = _look(file.path)
        if verdict is None:
            missing = size is None
            verdict = Verdict(
                reason=Reason.MISSING if missing else None,
                detail="does not exist" if missing else "",
            )
        reason, detail = _against(self._bot.data_checks, verdict)
        expected = manifest.get(Path(file.path))
        return DataFileReading(
            file=file.label,
            kind=kind_of(file.path),
            valid=reason is None,
            reason=reason,
            detail=detail,
            size_bytes=size,
            modified=modified,
            rows=verdict.rows,
            nan_ratio=verdict.nan_ratio,
            dropped=not file.state and self._has_dropped(file.path, size),
            checksum_ok=None if expected is None else verdict.sha256 == expected,
            max_age_seconds=_max_age(self._bot.data_checks, file),
        )

    def _has_dropped(self, path: str, size: int | None) -> bool:
        """Whether a file is much smaller than the exporter has ever seen it."""
        if size is None:
            return False
        largest = self._largest[path] = max(size, self._largest.get(path, 0))
        return size < largest * (1 - self._bot.data_checks.max_size_drop_ratio)


def _question(file: Listed, *, digest: bool) -> Question | None:
    """What to ask about a file; nothing of a state file that only has to be there."""
    kind = kind_of(file.path)
    if kind is FileKind.OTHER and file.state and not digest:
        return None
    shape = Shape.FILTERS if file.filters and kind is FileKind.JSON else Shape.ANY
    return Question(path=file.path, kind=kind, shape=shape, digest=digest)


def _max_age(checks: DataChecks, file: Listed) -> float | None:
    if file.filters:
        return checks.filters_max_age_seconds
    return None if file.state else checks.max_age_seconds


def _against(checks: DataChecks, verdict: Verdict) -> tuple[Reason | None, str]:
    """Hold a well-formed file to what is expected of it."""
    if verdict.reason is None and verdict.rows is not None and verdict.rows < checks.min_rows:
        return Reason.INVALID, f"has {verdict.rows} rows, fewer than {checks.min_rows}"
    return verdict.reason, verdict.detail


def _look(path: str) -> tuple[int | None, float | None]:
    """Return size and modification time, None if there is no such file."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None, None
    return status.st_size, status.st_mtime
