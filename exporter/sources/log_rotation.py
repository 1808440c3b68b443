"""What rotation makes of logs: where the lines went that were not read yet.

- Copied and truncated: the copy holds the mark that the log no longer holds, and is read on
  from there. While the log is not yet truncated, the copy's lines are the log's own.
- Copied more than once: every copy holds the mark, and one of them is read on; the others are
  its copies from then on.
- Rotated more than once between two rounds, or while the exporter was away: a generation that
  was not there before is read from its beginning.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from exporter.sources import log_discovery
from exporter.sources.log_discovery import Found
from exporter.sources.log_offsets import Mark
from exporter.sources.log_track import (
    HEAD,
    Key,
    Track,
    holds,
    holds_head,
    line_start,
    make_mark,
    same_content,
)


@dataclass(frozen=True)
class Gap:
    """A log went away or lost its content: generations may have come between two rounds.

    ``modified_ns`` is when the log was last seen to change. ``mark`` is set if what follows on
    it has to be looked for in other files.
    """

    path: str
    modified_ns: int
    mark: Mark | None


def close_gap(gap: Gap, tracks: dict[Key, Track]) -> set[Key]:
    """Take up the generations that hold unread lines; adds to ``tracks``.

    Returns:
        The files that hold the gap's mark and begin there: a log that goes on, and its copies.
    """
    mark = gap.mark if gap.mark is not None and gap.mark.offset >= HEAD else None
    resumed = set() if mark is None else _resume_new(mark, tracks)
    for file in log_discovery.generations(gap.path):
        known = tracks.get(file.key)
        if known is not None and known.copy_of is not None:
            continue
        if known is not None and known.mark.offset:
            if known.descriptor is not None or _is_same(known, file.path):
                continue
            known = None
        track = known or Track(file.key, file.path, retired=True)
        descriptor = track.open()
        if descriptor is None:
            continue
        if mark is not None and holds(descriptor, mark):
            track.mark = mark
            resumed.add(track.key)
        elif mark is not None and file.size < mark.offset and holds_head(descriptor, mark):
            # An earlier copy of what was read: its lines were counted where they came from.
            track.mark = make_mark(descriptor, line_start(descriptor, file.size))
        elif known is None and not _came_after(gap, file):
            track.close()
            continue
        tracks[file.key] = track
    return resumed


def _came_after(gap: Gap, file: Found) -> bool:
    return file.modified_ns >= gap.modified_ns and log_discovery.is_appended(gap.path, file.path)


def _is_same(track: Track, path: str) -> bool:
    """Whether a log that was closed is this file, and not another one under its inode."""
    track.path = path
    descriptor = track.open()
    return descriptor is not None and holds(descriptor, track.mark)


def _resume_new(mark: Mark, tracks: Mapping[Key, Track]) -> set[Key]:
    """Find the mark in new files of any name: a restored log, a device with a new number."""
    resumed = set()
    for track in tracks.values():
        descriptor = track.descriptor
        if track.mark.offset or track.copy_of is not None or descriptor is None:
            continue
        if holds(descriptor, mark):
            track.mark = mark
            resumed.add(track.key)
    return resumed


def link_copies(tracks: dict[Key, Track], resumed: Collection[Key] = ()) -> None:
    """Recognise what is the start of another log, and not count it again.

    Args:
        tracks: all logs; the new ones, of which nothing was read, are asked about.
        resumed: these are asked about, too: each begins where another log was left, so
            several may be copies of the same.
    """
    by_head = defaultdict(list)
    for track in tracks.values():
        by_head[track.mark.head].append(track)
    # Of two new files the copy is the one without a configured name, or the later one.
    newest_first = list(reversed(tracks.values()))
    for track in sorted(newest_first, key=lambda track: not track.retired):
        if track.copy_of is not None or (track.mark.offset and track.key not in resumed):
            continue
        alike = (*by_head[track.mark.head], *by_head[""])
        for other in alike if track.mark.offset else tracks.values():
            if other is not track and other.copy_of is None and _is_copy(track, other):
                _link(track, other)
                break
    for track in tracks.values():
        original = tracks.get(track.copy_of) if track.copy_of is not None else None
        if original is not None and original.copy_of is not None:
            # What it is a copy of has turned out to be a copy. One step: saved ones may go round.
            track.copy_of = original.copy_of


def _is_copy(track: Track, original: Track) -> bool:
    """Whether a file is the start of another: what was read of it, or all of a new one."""
    descriptor = original.open()
    if track.descriptor is None or track.seen is None or descriptor is None:
        return False
    size = os.fstat(descriptor).st_size
    length = track.seen.size
    if not track.mark.offset:
        length = min(length, original.mark.offset or size)
    return (
        length >= HEAD
        and track.seen.size <= size
        and same_content(track.descriptor, descriptor, length)
    )


def continue_copies(tracks: Mapping[Key, Track]) -> None:
    """Begin new files that are longer than the log they are copies of where that was read to.

    Such a copy was written to before it was ever looked at; what it shares was counted.
    """
    by_head = defaultdict(list)
    for track in tracks.values():
        if track.mark.offset >= HEAD:
            by_head[track.mark.head].append(track.mark)
    for track in tracks.values():
        descriptor = track.descriptor
        if track.mark.offset or track.copy_of is not None or descriptor is None:
            continue
        if track.seen is None or track.seen.size < HEAD:  # what cannot be read has no size, too
            continue
        marks = by_head.get(make_mark(descriptor, HEAD).head, ())
        held = (mark for mark in marks if holds(descriptor, mark))
        track.mark = max(held, key=lambda mark: mark.offset, default=track.mark)


def _link(track: Track, original: Track) -> None:
    """Make a log the copy of another: what was counted of either is not counted again."""
    track.copy_of = original.key
    if track.descriptor is None or original.descriptor is None or track.seen is None:
        return
    if track.mark.offset <= original.mark.offset:
        length = min(track.seen.size, original.mark.offset)
        track.mark = make_mark(track.descriptor, line_start(track.descriptor, length))
    elif holds(original.descriptor, track.mark):
        original.mark = track.mark


def release_copies(tracks: Mapping[Key, Track], left: Mapping[Key, Mark]) -> set[Key]:
    """Read copies on where their log was left, once it was truncated or is gone; or if it is none.

    Args:
        tracks: all logs.
        left: where logs were left that are not what they were.

    Returns:
        The former copies and their logs, which may be copies of each other.
    """
    released = set()
    for track in tracks.values():
        if track.copy_of is None or track.descriptor is None or track.seen is None:
            continue
        original = tracks.get(track.copy_of)
        mark = left.get(track.copy_of)
        if mark and mark.offset > track.mark.offset and holds(track.descriptor, mark):
            track.mark = mark
        if (
            original is None
            or mark is not None
            or original.descriptor is None
            # Asked only now: the original may have grown, but a copy is never longer.
            or track.seen.size > os.fstat(original.descriptor).st_size
        ):
            # Which of the two is the copy may have been taken the wrong way round.
            released |= {track.key, track.copy_of}
            track.copy_of = None
    return released


def level_copies(tracks: Mapping[Key, Track]) -> None:
    """Move copies to where their logs were read to; let go those that differ."""
    for track in tracks.values():
        original = tracks.get(track.copy_of) if track.copy_of is not None else None
        if original is None or track.descriptor is None or original.descriptor is None:
            continue
        size = track.seen.size if track.seen else 0
        length = min(size, original.mark.offset)
        if not same_content(track.descriptor, original.descriptor, length):
            track.copy_of = None
            continue
        track.mark = make_mark(track.descriptor, line_start(track.descriptor, length))
