"""How far each log was read, and what was counted until then: one file, replaced at once.

Counts stand beside the offsets they belong to, so a crash between reading and saving can
neither lose a line nor count it twice: both are as they were, and the lines are read again.
"""

import logging
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from exporter.errors import SourceError
from exporter.sources import files
from exporter.sources.durable_file import replace_file

_log = logging.getLogger(__name__)

_LIMIT = 4 << 20
_VERSION = 1

_NotNegative = Annotated[int, Meta(ge=0, le=1 << 50)]


class Mark(Struct, frozen=True):
    """A place in a log, and digests of what stands at its start and just before the place."""

    offset: _NotNegative = 0
    head: str = ""
    tail: str = ""


class SavedFile(Struct, frozen=True, kw_only=True):
    """One log. ``copy_of`` is the (device, inode) of the log whose copy it seems to be."""

    path: str
    device: int
    inode: int
    mark: Mark
    modified_ns: int
    retired: bool
    copy_of: tuple[int, int] | None = None


class Saved(Struct, frozen=True, kw_only=True):
    """All that a restart must not forget about the logs of one bot."""

    version: Annotated[int, Meta(ge=_VERSION, le=_VERSION)] = _VERSION
    events: dict[str, _NotNegative]
    lines: _NotNegative
    bytes: _NotNegative
    last_growth: float | None
    files: tuple[SavedFile, ...]


class OffsetStore:
    """Keeps what was saved for one bot under the exporter's data directory.

    Args:
        data_dir: ``exporter.data_dir``; None keeps nothing.
        bot: the bot's name, which is a file name by the configuration's rules.
    """

    def __init__(self, data_dir: str | None, bot: str) -> None:
        self._file = None if data_dir is None else Path(data_dir) / "logs" / f"{bot}.json"
        self._written = b""
        self.durable = data_dir is not None

    def load(self) -> Saved | None:
        """Return what was saved, None if nothing (that can be read) was."""
        if self._file is None or not files.exists(self._file):
            return None
        try:
            data = files.read(self._file, limit=_LIMIT).data
            saved = msgspec.json.decode(data, type=Saved)
            for file in saved.files:
                files.from_text(file.path)
        except (SourceError, msgspec.MsgspecError, ValueError) as error:
            self._fail(f"cannot be read, so logs are followed from their ends: {error}")
            return None
        self._written = data
        return saved

    def save(self, saved: Saved) -> None:
        """Replace what was saved, unless nothing has changed; failing shows in ``durable``."""
        if self._file is None:
            return
        data = msgspec.json.encode(saved)
        if data == self._written and self.durable:
            return
        try:
            replace_file(self._file, data)
        except OSError as error:
            self._fail(f"cannot be written, so a restart will lose or repeat lines: {error}")
            return
        if not self.durable:
            _log.info("offsets %s are kept again", self._file)
        self._written, self.durable = data, True

    def _fail(self, problem: str) -> None:
        if self.durable:
            _log.warning("offsets %s %s", self._file, problem)
        self.durable = False
