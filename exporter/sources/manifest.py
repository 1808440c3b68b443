"""The bot's checksum manifest, as ``sha256sum`` writes it."""

import re
from collections.abc import Mapping
from pathlib import Path

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.sources import files

# A backslash first: the name is escaped, because it holds a line end or a backslash.
_LINE = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{64}) [ *](?P<name>.+)")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


def read_manifest(bot: Bot) -> Mapping[Path, str]:
    """Return the digests by absolute path; empty without a manifest.

    Raises:
        SourceError: MISSING, UNREADABLE, TOO_LARGE or INVALID.
    """
    if bot.data_checks.manifest is None:
        return {}
    file = files.path(bot, bot.data_checks.manifest)
    return files.read_settled(file, lambda content: parse(content.data, Path(bot.root)))


def parse(data: bytes, root: Path) -> dict[Path, str]:
    """Decode a manifest whose names are relative to ``root``.

    Raises:
        SourceError: INVALID; one wrong line may be the one that matters.
    """
    digests: dict[Path, str] = {}
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(Reason.INVALID, "is not UTF-8 text") from error
    for number, line in enumerate(lines, start=1):
        text = line.removesuffix("\r")
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise SourceError(Reason.INVALID, f"has no checksum in line {number}")
        name = match["name"]
        if match["escaped"]:
            name = re.sub(r"\\[\\nr]", lambda found: _ESCAPES[found.group()], name)
        path = root / name
        digest = match["digest"].lower()
        if digests.setdefault(path, digest) != digest:
            raise SourceError(Reason.INVALID, f"has two checksums for line {number}'s file")
    if not digests:
        raise SourceError(Reason.INVALID, "is empty")
    return digests
