"""The mark that makes a kill-switch flag *our* pause instead of a latch.

The content names the incident and the file's own mtime, so any reader can tell
a pause without the journal, and a person's plain ``touch`` ends it (design §7).
"""

import json
from dataclasses import dataclass

_KEY = "tradewarden_pause"
_LIMIT = 4096


@dataclass(frozen=True)
class PauseMark:
    """Which incident paused the bot, and the mtime its file was given."""

    incident: str
    mtime_ns: int


def encode(mark: PauseMark) -> bytes:
    """Return the flag file's content: one JSON line."""
    body = {_KEY: {"incident": mark.incident, "mtime_ns": mark.mtime_ns}}
    return json.dumps(body, separators=(", ", ": ")).encode() + b"\n"


def decode(content: bytes) -> PauseMark | None:
    """Return the mark, or None for anything that ``encode`` would not have written."""
    if len(content) > _LIMIT:
        return None
    try:
        body = json.loads(content.decode("utf-8"))
        fields = body[_KEY]
        mark = PauseMark(fields["incident"], fields["mtime_ns"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(mark.incident, str) or not mark.incident or type(mark.mtime_ns) is not int:
        return None
    # Byte equality leaves no room for a second reading of the same file.
    try:
        return mark if encode(mark) == content else None
    except ValueError:  # an integer too long to print
        return None
