"""The logs of one bot from one round to the next, under whatever names.

A log that is renamed away stays open and is read to its end; one that is deleted with lines
unread, too. Not the name but the (device, inode) and the content say which log it is.
"""

import os
from collections.abc import Iterable, Iterator, Sequence

from exporter.sources import log_discovery
from exporter.sources.log_discovery import Found
from exporter.sources.log_offsets import Mark
from exporter.sources.log_rotation import (
    Gap,
    close_gap,
    continue_copies,
    level_copies,
    link_copies,
    release_copies,
)
from exporter.sources.log_track import (
    START,
    Key,
    Seen,
    Track,
    holds,
    line_start,
    make_mark,
)

MAX_FILES = 256
_MAX_RETIRED = 64
_MAX_DESCRIPTORS = 32
_IDLE_SECONDS = 60.0


class Tracks:
    """The logs that are followed.

    ``unread`` is how many matching files are not followed: beyond the cap, or not readable.
    ``grown_ns`` is the latest modification time of a log that was seen to grow.
    """

    def __init__(self, tracks: Iterable[Track] = ()) -> None:
        self._tracks = {track.key: track for track in tracks}
        self._passed_over: dict[Key, int] = {}
        self._left: dict[Key, Mark] = {}
        self._gaps: list[Gap] = []
        self._moved: dict[Key, str] = {}
        self._fresh = True
        self._unreadable: set[Key] = set()
        self._beyond = 0
        self.grown_ns = 0

    def __iter__(self) -> Iterator[Track]:
        return iter(tuple(self._tracks.values()))

    @property
    def followed(self) -> int:
        """How many logs are followed under a configured name."""
        return sum(not t.retired and t.key not in self._unreadable for t in self)

    @property
    def unread(self) -> int:
        """How many matching files are not followed."""
        return self._beyond + len(self._unreadable)

    def update(self, found: Sequence[Found], now: float, *, begin: bool) -> None:
        """Find out what became of every log, and which are new.

        Args:
            found: the files that match now, newest first.
            now: monotonic time.
            begin: nothing was ever followed, so everything there is begins at its end.
        """
        self._left, self._gaps, self._moved = {}, [], {}
        self._unreadable = set()
        self._beyond = max(0, len(found) - MAX_FILES)
        self._pass_over(found)
        current = {file.key: file for file in found[:MAX_FILES]}
        self._depart(current)
        for file in reversed(current.values()):
            self._arrive(file, begin=begin)
        if begin:
            self._remember_generations(current.values())
        for track in self:
            self._look(track, current.get(track.key), now, begin=begin)
        # A copy of what was read must be known as one before it can pass for a new generation,
        # or for what another file has become.
        link_copies(self._tracks, self._tracks if begin else ())
        resumed: set[Key] = set()
        # A copy may have been left before its log, and a file may hold both marks.
        for gap in sorted(self._gaps, key=lambda gap: gap.mark.offset if gap.mark else -1)[::-1]:
            resumed |= close_gap(gap, self._tracks)
        for track in self:
            if track.seen is None:
                self._look(track, current.get(track.key), now, begin=begin)
        resumed |= release_copies(self._tracks, self._left)
        link_copies(self._tracks, resumed)
        continue_copies(self._tracks)
        self._fresh = False

    def settle(self, now: float) -> None:
        """Finish a round, after reading: copies follow, what is not needed is given back."""
        level_copies(self._tracks)
        newest = sorted(self, key=lambda track: (track.active_at, track.modified_ns), reverse=True)
        retired = 0
        for rank, track in enumerate(newest):
            retired += track.retired
            if track.retired and (retired > _MAX_RETIRED or _is_gone(track, now)):
                track.close()
                del self._tracks[track.key]
            elif rank >= _MAX_DESCRIPTORS:
                track.close()

    def close(self) -> None:
        """Give all descriptors back."""
        for track in self:
            track.close()

    def _pass_over(self, found: Sequence[Found]) -> None:
        """Remember where files beyond the cap end: should one come in, it begins there."""
        before = self._passed_over
        self._passed_over = {
            file.key: before.get(file.key, file.size)
            for rank, file in enumerate(found)
            if rank >= MAX_FILES or file.key in before
        }

    def _depart(self, current: dict[Key, Found]) -> None:
        for track in self:
            if track.key in current or (track.retired and not self._fresh):
                continue
            path, mark = track.path, None
            if not _find_again(track):
                track.close()
                del self._tracks[track.key]
                mark = self._left[track.key] = track.mark
            if not track.retired:
                self._gaps.append(Gap(path, track.modified_ns, mark))
            track.retired = True

    def _arrive(self, file: Found, *, begin: bool) -> None:
        track = self._tracks.get(file.key)
        if track is not None:
            if track.path != file.path and not track.retired:
                # Rotated to another name that is followed.
                self._gaps.append(Gap(track.path, track.modified_ns, None))
                self._moved[file.key] = track.path
            track.path, track.retired = file.path, False
            return
        track = Track(file.key, file.path)
        if begin or file.key in self._passed_over:
            size = self._passed_over.pop(file.key, file.size)
            if not _begin_at_end(track, size):
                self._passed_over[file.key] = size
                self._unreadable.add(file.key)
                return
        self._tracks[file.key] = track

    def _remember_generations(self, files: Iterable[Found]) -> None:
        """What lies beside the logs at the very first start is no news at the next rotation."""
        for file in files:
            for generation in log_discovery.generations(file.path):
                track = Track(generation.key, generation.path, retired=True)
                track.modified_ns = generation.modified_ns
                if generation.key not in self._tracks and _begin_at_end(track, generation.size):
                    self._tracks[generation.key] = track

    def _look(self, track: Track, file: Found | None, now: float, *, begin: bool) -> None:
        """See whether a log has changed, and whether it is still the one that was read."""
        if track.descriptor is None:
            unchanged = file is not None and track.seen == Seen(file.size, file.modified_ns)
            if unchanged or (track.retired and not self._fresh):
                return
        descriptor = track.open()
        if descriptor is None:
            self._unreadable.add(track.key)
            return
        status = os.fstat(descriptor)
        seen = Seen(status.st_size, status.st_mtime_ns)
        if seen == track.seen:
            return
        before = track.seen.size if track.seen else track.mark.offset
        if not begin and status.st_size > before:
            self.grown_ns = max(self.grown_ns, status.st_mtime_ns)
        track.seen, track.active_at = seen, now
        if not holds(descriptor, track.mark):
            self._lost(track)
        elif not track.mark.offset and track.modified_ns:
            # Nothing of it was read, so nothing tells whether this is what grew.
            self._gaps.append(Gap(track.path, track.modified_ns, None))
        track.modified_ns = status.st_mtime_ns

    def _lost(self, track: Track) -> None:
        """The content is another one: a truncation, or an inode used again."""
        path = self._moved.get(track.key, track.path)
        self._left[track.key] = track.mark
        self._gaps.append(Gap(path, track.modified_ns, track.mark))
        track.mark, track.copy_of = START, None


def _find_again(track: Track) -> bool:
    """Whether a log that no name leads to is open, or stands under another name beside."""
    if track.descriptor is not None:
        return True
    if not track.mark.offset:
        return False  # nothing tells it from another file under its inode
    where = log_discovery.locate(track.path, track.key)
    if where is None:
        return False
    track.path = where
    # The inode's number may have been given to another file.
    descriptor = track.open()
    return descriptor is not None and holds(descriptor, track.mark)


def _begin_at_end(track: Track, size: int) -> bool:
    """Begin where the last line begins, so that it counts once it is complete."""
    descriptor = track.open()
    if descriptor is None:
        return False
    size = min(size, os.fstat(descriptor).st_size)
    track.mark = make_mark(descriptor, line_start(descriptor, size))
    return True


def _is_gone(track: Track, now: float) -> bool:
    """Whether nobody can write to it any more, as far as silence tells."""
    if track.descriptor is None:
        return False
    deleted = os.fstat(track.descriptor).st_nlink == 0
    return deleted and now - track.active_at > _IDLE_SECONDS
