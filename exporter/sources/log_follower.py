"""Follows a bot's logs and counts the symptoms in them: each complete line once.

What is guaranteed, whatever rotation does (renames, copies and truncates, deletes, creates):

- Every line that is complete is counted exactly once, also over a restart or a crash of the
  exporter, as long as the file that holds it can still be read at the next poll: under a name
  that is configured, as a generation beside it, or through the descriptor kept open.
- Lost are lines that nobody can read any more: truncated without a copy or deleted before a
  poll, or deleted or compressed while the exporter was away.
- A line that is not complete does not count before it is. A line longer than a block counts
  as several. Without saved offsets a log begins at its end.
- Copies count once, however many there are and whichever is left. That a file is a copy of
  another is known by its first bytes and those before a place, so it cannot be told from a log
  of its own whose lines are the same, as lines without times may be: that one counts too little.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import LogReading
from exporter.sources import log_discovery, log_patterns
from exporter.sources.log_counter import LineCounter
from exporter.sources.log_offsets import OffsetStore, Saved
from exporter.sources.log_patterns import Event
from exporter.sources.log_track import BLOCK, Track, advance, make_mark, read_on
from exporter.sources.log_tracks import Tracks

_POLL_BYTES = 16 << 20


@dataclass
class Progress:
    """What one follower hands over to the next: logs with their descriptors, and counts."""

    tracks: Tracks = field(default_factory=Tracks)
    events: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    bytes: int = 0
    last_growth: float | None = None
    begun: bool = False


class LogFollower:
    """Follows one bot's logs. ``poll`` may be called from any thread.

    Args:
        bot: whose logs, and which events beside the built-in ones.
        offsets: where progress is kept; ``OffsetStore(None, ...)`` keeps none.
        progress: taken over from a follower that has let go, instead of what was saved.
        events: the built-in ones.
        poll_bytes: at most this much is read at once; the rest at the next poll.
        wall: Unix time.
        monotonic: what idle times are measured by.
    """

    def __init__(
        self,
        bot: Bot,
        offsets: OffsetStore,
        *,
        progress: Progress | None = None,
        events: Iterable[Event] = log_patterns.EVENTS,
        poll_bytes: int = _POLL_BYTES,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot = bot
        self._offsets = offsets
        self._counter = LineCounter((*events, *log_patterns.configured(bot.log_events)))
        self._progress = progress if progress is not None else _resume(offsets.load())
        self._poll_bytes = poll_bytes
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._let_go = False

    def poll(self) -> LogReading:
        """Read on in all logs, save how far, and return what was counted so far.

        What is returned is on disk already, so that a crash never makes a counter go back.

        Raises:
            SourceError: MISSING, the bot's root is not there; UNREADABLE, no log can be read
                or the disk fails; STALE, a successor has taken over.
        """
        with self._lock:
            if self._let_go:
                raise SourceError(Reason.STALE, "another follower has taken over")
            # What was known before the first save of a run tells of an unreadable file.
            durable = self._offsets.durable
            try:
                self._round()
            except OSError as error:
                raise SourceError(
                    Reason.UNREADABLE, f"logs cannot be read: {error.strerror}"
                ) from error
            return self._reading(durable=durable and self._offsets.durable)

    def let_go(self) -> Progress:
        """Stop for good and return what a successor needs, open descriptors included."""
        with self._lock:
            self._let_go = True
            return self._progress

    def disown(self) -> None:
        """Stop for good without waiting for a poll that hangs: it saves nothing any more."""
        self._let_go = True

    def close(self) -> None:
        """Stop for good and give the descriptors back; what was counted is on disk."""
        self.let_go().tracks.close()

    def _round(self) -> None:
        progress, now = self._progress, self._monotonic()
        found = log_discovery.matching(self._bot)
        progress.tracks.update(found, now, begin=not progress.begun)
        progress.begun = True
        if grown := progress.tracks.grown_ns:
            # A modification time in the future says that the log grew, not when.
            seconds = min(grown / 1e9, self._wall())
            progress.last_growth = max(progress.last_growth or 0.0, seconds)
        self._read()
        progress.tracks.settle(now)
        self._save()
        if found and not progress.tracks.followed:
            raise SourceError(Reason.UNREADABLE, f"{found[0].path} cannot be read")
        if not found and not Path(self._bot.root).is_dir():
            raise SourceError(Reason.MISSING, f"{self._bot.root} is not a directory")

    def _read(self) -> None:
        """Read block by block in turn, so that a huge log does not hold up another."""
        pending = list(self._progress.tracks)
        left = self._poll_bytes
        while pending and left > 0:
            still = []
            for track in pending:
                taken = self._read_block(track)
                left -= taken
                if taken:
                    still.append(track)
            pending = still

    def _read_block(self, track: Track) -> int:
        """Count the complete lines of the next block; return how far it went."""
        descriptor, seen = track.descriptor, track.seen
        if descriptor is None or seen is None or track.copy_of is not None:
            return 0
        if seen.size <= track.mark.offset:
            return 0
        content = read_on(descriptor, track.mark)
        if content is None:
            track.seen = None  # truncated just now: the next round looks at it anew
            return 0
        before, block = content
        end = block.rfind(b"\n") + 1
        if not end and len(block) == BLOCK:
            if block.count(0) == BLOCK:
                return _skip_hole(track, descriptor)
            end = BLOCK  # a line of its own, by decree
        if end:
            lines = block[:end]
            progress = self._progress
            progress.lines += lines.count(b"\n") or 1
            progress.bytes += end
            progress.events.update(self._counter.count(lines))
            track.mark = advance(track.mark, before, lines)
        return end

    def _save(self) -> None:
        if self._let_go:
            raise SourceError(Reason.STALE, "another follower has taken over")
        progress = self._progress
        self._offsets.save(
            Saved(
                events=self._events(),
                lines=progress.lines,
                bytes=progress.bytes,
                last_growth=progress.last_growth,
                files=tuple(track.to_save() for track in progress.tracks),
            )
        )

    def _events(self) -> dict[str, int]:
        return {name: self._progress.events[name] for name in self._counter.names}

    def _reading(self, *, durable: bool) -> LogReading:
        progress = self._progress
        return LogReading(
            events=self._events(),
            lines=progress.lines,
            bytes=progress.bytes,
            files=progress.tracks.followed,
            offsets_durable=durable,
            last_growth=progress.last_growth,
            skipped=progress.tracks.unread,
        )


def _skip_hole(track: Track, descriptor: int) -> int:
    """Go past NULs that were never written, as a truncation leaves them; return how far."""
    start = track.mark.offset
    try:
        end = max(os.lseek(descriptor, start, os.SEEK_DATA), start + BLOCK)
    except OSError:
        return 0  # nothing but the hole yet
    track.mark = make_mark(descriptor, end)
    return end - start


def _resume(saved: Saved | None) -> Progress:
    if saved is None:
        return Progress()
    return Progress(
        tracks=Tracks(Track.from_saved(file) for file in saved.files),
        events=Counter(saved.events),
        lines=saved.lines,
        bytes=saved.bytes,
        last_growth=saved.last_growth,
        begun=True,
    )
