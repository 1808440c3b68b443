"""How the bot's last run ended, from what it wrote last (runbook section 6, symptoms)."""

import re
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot
from exporter.readings import ExitKind
from exporter.sources import logs, systemd

_CLEAN_LINE = "Shutdown complete"
_START = re.compile(r"\bStarting\b.*\b(mode|bot|TradingBot2?)\b", re.IGNORECASE)
_DRY_START = re.compile(r"\bStarting\b.*\bdry.?run\b", re.IGNORECASE)
_SAME_MOMENT_SECONDS = 5.0
# Where no start is logged, what a process says on its way out after its last words.
_LAST_WORDS = 5


@dataclass(frozen=True)
class _Log:
    """The live part of one log's tail; ``cut`` if it begins in the middle of a run."""

    mtime: float
    lines: tuple[str, ...]
    cut: bool

    @property
    def starts(self) -> list[int]:
        return [index for index, line in enumerate(self.lines) if _START.search(line)]

    @property
    def ended_cleanly(self) -> bool:
        """Whether the last run said goodbye; others may write behind it."""
        begin = self.starts[-1] if self.starts else max(0, len(self.lines) - _LAST_WORDS)
        return any(_CLEAN_LINE in line for line in self.lines[begin:])


def read_last_exit(bot: Bot, unit: systemd.Unit | None) -> ExitKind:
    """Judge the last end. UNKNOWN means: do not take it for a crash, nor for a clean stop.

    1. A unit that systemd calls stopped is CLEAN.
    2. A log whose last run says "Shutdown complete" is CLEAN, unless another was written
       later: if that one shows a later run it is UNCLEAN, otherwise nobody knows (a
       doctor's log).
    3. No such log: UNCLEAN, unless there is nothing to read, as after a rotation.

    Logs that hold nothing but dry runs say nothing.
    """
    if unit is not None and unit.stopped_cleanly:
        return ExitKind.CLEAN
    read = [log for mtime, file in logs.newest(bot) if (log := _read(mtime, file)) is not None]
    clean = [log.mtime for log in read if log.ended_cleanly]
    if clean:
        latest = max(clean) + _SAME_MOMENT_SECONDS
        later = [log for log in read if log.mtime > latest and log.lines]
        if not later:
            return ExitKind.CLEAN
        ran = any(log.starts or log.cut for log in later)
        return ExitKind.UNCLEAN if ran else ExitKind.UNKNOWN
    newest = max(read, default=None, key=lambda log: log.mtime)
    return ExitKind.UNKNOWN if newest is None or not newest.lines else ExitKind.UNCLEAN


def _read(mtime: float, file: Path) -> _Log | None:
    """The live runs at the end of a log; None if it holds dry runs only."""
    lines = logs.tail_lines(file)
    kept = list(lines)
    while kept:
        starts = [index for index, line in enumerate(kept) if _START.search(line)]
        if not starts or not _DRY_START.search(kept[starts[-1]]):
            break
        kept = kept[: starts[-1]]
    if lines and not kept:
        return None
    return _Log(mtime, tuple(kept), cut=logs.is_cut(file))
