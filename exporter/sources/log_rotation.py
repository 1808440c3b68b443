"""What rotation makes of logs: where the lines went that were not read yet.

- Copied and truncated: the copy holds the mark that the log no longer holds, and is read on
  from there. While the log is not yet truncated, the copy's lines are the log's own.
- Rotated more than once between two rounds, or while the exporter was away: a generation that
  was not there before is read from its beginning.
"""

import os
from collections.abc import Mapping
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


def close_gap(gap: Gap, tracks: dict[Key, Track]) -> None:
    """Take up the generations that hold unread lines; adds to ``tracks``."""
    mark = gap.mark if gap.mark is not None and gap.mark.offset >= HEAD else None
    resumed = mark is None
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
        if mark is not None and not resumed and holds(descriptor, mark):
            track.mark, resumed = mark, True
        elif mark is not None and holds_head(descriptor, mark):
            # An earlier copy of what was read: its lines were counted where they came from.
            track.mark = make_mark(descriptor, line_start(descriptor, file.size))
        elif known is None and not _came_after(gap, file):
            track.close()
            continue
        tracks[file.key] = track
    if mark is not None and not resumed:
        _resume_elsewhere(mark, tracks)


def _came_after(gap: Gap, file: Found) -> bool:
    return file.modified_ns >= gap.modified_ns and log_discovery.is_appended(gap.path, file.path)


def _is_same(track: Track, path: str) -> bool:
    """Whether a log that was closed is this file, and not another one under its inode."""
    track.path = path
    descriptor = track.open()
    return descriptor is not None and holds(descriptor, track.mark)


def _resume_elsewhere(mark: Mark, tracks: Mapping[Key, Track]) -> None:
    """Find the mark in a new file of any name: a restored log, a device with a new number."""
    for track in tracks.values():
        descriptor = track.descriptor
        if track.mark.offset or track.copy_of is not None or descriptor is None:
            continue
        if holds(descriptor, mark):
            track.mark = mark
            return


def link_copies(tracks: dict[Key, Track]) -> None:
    """Recognise a new file that begins as a log that is known, and not count it again."""
    # Of two new files the copy is the one without a configured name, or the later one.
    newest_first = list(reversed(tracks.values()))
    for track in sorted(newest_first, key=lambda track: not track.retired):
        if not track.mark.offset and track.copy_of is None:
            for other in tracks.values():
                if other is not track and other.copy_of is None and _is_copy(track, other):
                    track.copy_of = other.key
                    break


def _is_copy(track: Track, original: Track) -> bool:
    """Whether a file is the start of another: what was read of it, or all of a new one."""
    descriptor = original.open()
    if track.descriptor is None or track.seen is None or descriptor is None:
        return False
    size = os.fstat(descriptor).st_size
    length = min(track.seen.size, original.mark.offset or size)
    return (
        length >= HEAD
        and track.seen.size <= size
        and same_content(track.descriptor, descriptor, length)
    )


def release_copies(tracks: Mapping[Key, Track], truncated: Mapping[Key, Mark]) -> None:
    """Read a copy on where its log was left, once the log was truncated; or if it is none."""
    for track in tracks.values():
        if track.copy_of is None or track.descriptor is None or track.seen is None:
            continue
        original = tracks.get(track.copy_of)
        mark = truncated.get(track.copy_of)
        if mark is not None and holds(track.descriptor, mark):
            track.mark = mark
        if (
            original is None
            or mark is not None
            or original.descriptor is None
            # Asked only now: the original may have grown, but a copy is never longer.
            or track.seen.size > os.fstat(original.descriptor).st_size
        ):
            track.copy_of = None


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
