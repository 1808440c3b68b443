"""Silences that exchanges have asked for, kept over a restart.

A ban is prolonged by whoever has forgotten it and asks again.
"""

import logging
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.errors import Reason, SourceError
from exporter.sources import files
from exporter.sources.durable_file import replace_file
from exporter.sources.exchange.rate_limits import KeptSilence

_log = logging.getLogger(__name__)

_VERSION = 1


class _Silence(Struct, frozen=True, kw_only=True):
    """One silence; ``key`` is the digest of one, empty where the host counts by address."""

    host: Annotated[str, Meta(min_length=1, max_length=300)]
    key: Annotated[str, Meta(max_length=100)]
    until: float
    seconds: float
    reason: Literal["banned", "rate_limited"]


class _Saved(Struct, frozen=True, kw_only=True):
    """All that a restart must not forget about the exchanges."""

    version: Annotated[int, Meta(ge=_VERSION, le=_VERSION)] = _VERSION
    silences: Annotated[tuple[_Silence, ...], Meta(max_length=1000)]


class SilenceStore:
    """Keeps silences in a file under the exporter's data directory.

    Args:
        data_dir: ``exporter.data_dir``; None keeps nothing.
    """

    def __init__(self, data_dir: str | None) -> None:
        self._file = None if data_dir is None else Path(data_dir) / "silences.json"
        self._failing = False

    def load(self) -> tuple[KeptSilence, ...]:
        """Return what was saved; nothing if nothing (that can be read) was."""
        if self._file is None or not files.exists(self._file):
            return ()
        try:
            saved = msgspec.json.decode(files.read(self._file).data, type=_Saved)
        except (SourceError, msgspec.MsgspecError, ValueError) as error:
            _log.warning(
                "silences %s cannot be read, so a ban may be forgotten: %s", self._file, error
            )
            return ()
        return tuple(
            KeptSilence(one.host, one.key, one.until, one.seconds, Reason(one.reason))
            for one in saved.silences
        )

    def save(self, silences: tuple[KeptSilence, ...]) -> None:
        """Replace what was saved; failing is logged once, and that it works again."""
        if self._file is None:
            return
        saved = _Saved(silences=tuple(map(_row, silences)))
        try:
            replace_file(self._file, msgspec.json.encode(saved))
        except OSError as error:
            if not self._failing:
                words = "cannot be written, so a restart may prolong a ban"
                _log.warning("silences %s %s: %s", self._file, words, error)
            self._failing = True
            return
        if self._failing:
            _log.info("silences %s are kept again", self._file)
        self._failing = False


def _row(one: KeptSilence) -> _Silence:
    return _Silence(
        host=one.host,
        key=one.key,
        until=one.until,
        seconds=one.seconds,
        reason="banned" if one.reason is Reason.BANNED else "rate_limited",
    )
