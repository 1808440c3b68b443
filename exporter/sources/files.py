"""Bounded reads of files that another program writes and may be writing now."""

import json
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from exporter.config import Bot
from exporter.errors import Reason, SourceError

LIMIT = 1 << 20
_BLOCK = 64 * 1024
_REREADS = 3
_MAX_READS = 10
_REREAD_PAUSE_SECONDS = 0.02
# Beyond what any bot or exchange writes, and below what later reading could stumble over:
# the stack that a repr needs, Decimal's own arithmetic, an encoder for half a character.
_DEEPEST = 64
_LARGEST_EXPONENT = 400
_NO_STRUCTURE = bytes(set(range(256)) - set(b'"[]{}'))
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_RUN = re.compile(rb"[\[{]{%d}" % (_DEEPEST + 1))
_HALF = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))

T = TypeVar("T")


@dataclass(frozen=True)
class Content:
    """A regular file's bytes and what the file was at that moment."""

    data: bytes
    inode: int
    size: int
    mtime_ns: int


def to_text(name: str) -> str:
    """Return a file name as text that any encoder takes; ``from_text`` gives it back.

    A name on disk is bytes, which need not be UTF-8.
    """
    return os.fsencode(name).decode("latin-1")


def from_text(text: str) -> str:
    """Return the file name that ``to_text`` was given.

    Raises:
        ValueError: the text is not from there.
    """
    return os.fsdecode(text.encode("latin-1"))


def path(bot: Bot, relative: str) -> Path:
    """Where a configured path is; relative ones start at the bot's root."""
    return _join(bot.root, relative)


def read(file: Path, *, limit: int = LIMIT, follow: bool = True) -> Content:
    """Read a regular file of at most ``limit`` bytes; never block on a pipe.

    Raises:
        SourceError: MISSING, UNREADABLE or TOO_LARGE.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(file, flags)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise SourceError(Reason.UNREADABLE, f"{file} is not a regular file")
            if before.st_size > limit:
                raise SourceError(
                    Reason.TOO_LARGE, f"{file} has {before.st_size} bytes, more than {limit}"
                )
            data = _drain(descriptor, limit + 1)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise SourceError(Reason.MISSING, f"{file} does not exist") from error
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise SourceError(Reason.UNREADABLE, f"{file} cannot be read: {cause}") from error
    if len(data) > limit:
        raise SourceError(Reason.TOO_LARGE, f"{file} grew beyond {limit} bytes")
    return Content(data, after.st_ino, after.st_size, after.st_mtime_ns)


def _drain(descriptor: int, most: int) -> bytes:
    """Read to the end, or as much: a stream object would cost more than reading a small file."""
    parts = []
    while most and (part := os.read(descriptor, min(most, _BLOCK))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def read_settled(
    file: Path, judge: Callable[[Content], T], *, pause: Callable[[float], None] = time.sleep
) -> T:
    """Read and judge a file, reading again while it may be half-written.

    A file is wrong only when three reads in a row find it wrong with the same
    inode, size and mtime; a writer in the middle of its work gets time to finish.

    Raises:
        SourceError: the last judgement or failure to read.
    """
    failures = 0
    last: tuple[object, ...] | None = None
    reason, detail = Reason.INTERNAL, ""
    for attempt in range(_MAX_READS):
        if attempt:
            pause(_REREAD_PAUSE_SECONDS)
        seen: tuple[object, ...] = ()
        try:
            content = read(file)
            seen = (content.inode, content.size, content.mtime_ns)
            return judge(content)
        except SourceError as error:
            failures = failures + 1 if (seen, error.reason) == last else 1
            last = (seen, error.reason)
            reason, detail = error.reason, error.detail
            if str(file) not in detail:
                detail = f"{file} {detail}"
            if failures >= _REREADS:
                break
    else:
        detail += " (and keeps changing)"
    # Without its causes, since their frames hold the content.
    raise SourceError(reason, detail)


def exists(file: Path) -> bool:
    """Whether the name is there at all, whatever it names; in doubt it is."""
    try:
        os.lstat(file)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return True


def parse_json(data: bytes) -> Any:
    """Decode strict JSON: numbers as Decimal, no NaN, no key written twice, nothing extreme.

    Raises:
        SourceError: INVALID.
    """
    try:
        _refuse_extremes(data)
        return json.loads(
            data.decode("utf-8"),
            parse_float=_number,
            parse_int=_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise SourceError(Reason.INVALID, f"is not JSON: {str(error)[:120]}") from error


def _refuse_extremes(data: bytes) -> None:
    """Refuse what the decoder would take and its result's readers would not."""
    nested = data.count(b"[") + data.count(b"{") > _DEEPEST
    escaped = b"\\u" in data
    if not nested and not escaped:
        return
    text = data.replace(b"\\\\", b"")
    if escaped and _HALF.search(text):
        raise ValueError("a string holds half a character")
    if nested and _is_deep(text):
        raise ValueError("it is nested too deeply")


def _is_deep(text: bytes) -> bool:
    """Whether brackets still stand after the innermost ones were taken away time and again."""
    marks = text.replace(b'\\"', b"").translate(None, _NO_STRUCTURE)
    brackets = b"".join(marks.replace(b'""', b"").split(b'"')[::2])  # outside of strings
    if _RUN.search(brackets):
        return True
    for _ in range(_DEEPEST):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            return False  # gone, or never closed: the decoder says so
        brackets = fewer
    return bool(brackets)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("a number is out of any range")
    return number


def _refuse_constant(name: str) -> None:
    message = f"{name} is not a number"
    raise ValueError(message)


@lru_cache(maxsize=1024)
def _join(root: str, relative: str) -> Path:
    """Put a configured path together: once, since every scrape asks for the same few."""
    return Path(root) / relative


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        message = "a key is written twice"
        raise ValueError(message)
    return mapping
