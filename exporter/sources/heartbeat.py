"""When the bot last did something: a file's mtime, a log line's time, or HTTP."""

import math
import os
import re
import stat
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.sources import connection, files, logs, transport

_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
# freqtrade's name first: it moves only while the bot processes (facts §4).
_HTTP_KEYS = ("last_process_ts", "last_heartbeat", "timestamp")
HEARTBEAT_HTTP_SECONDS = 5.0
# A clock that was set back makes a young file look as if it came from the future.
_AHEAD_SECONDS = 60.0
_HTTP_LIMIT = 64 * 1024


def read_heartbeat(bot: Bot) -> float:
    """Return the Unix time of the bot's last sign of life.

    Raises:
        SourceError: when there is none to be found, or one that lies ahead: it would hold the
            alarm off for as long.
    """
    beat = _read(bot)
    if beat > time.time() + _AHEAD_SECONDS:
        raise SourceError(Reason.INVALID, "the heartbeat's time lies in the future")
    return beat


def _read(bot: Bot) -> float:
    beat = bot.heartbeat
    if beat.file is not None:
        return _from_file(files.path(bot, beat.file))
    if beat.log_pattern is not None:
        return _from_logs(bot, re.compile(beat.log_pattern))
    return _from_http(beat.http or "")


def _from_file(file: Path) -> float:
    try:
        status = os.stat(file)  # noqa: PTH116 - symmetrical with lstat elsewhere
    except FileNotFoundError as error:
        raise SourceError(Reason.MISSING, f"{file} does not exist") from error
    except (OSError, ValueError) as error:
        raise SourceError(Reason.UNREADABLE, f"{file} cannot be read: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(Reason.UNREADABLE, f"{file} is not a regular file")
    return status.st_mtime


def _from_logs(bot: Bot, pattern: re.Pattern[str]) -> float:
    for line in reversed(logs.read_log_tail(bot, lines=100_000)):
        if pattern.search(line):
            if (stamp := _STAMP.search(line)) is None:
                raise SourceError(Reason.INVALID, "the heartbeat's log line has no time")
            return _unix_time(stamp)
    raise SourceError(Reason.MISSING, "no recent log line matches heartbeat.log_pattern")


def _unix_time(stamp: re.Match[str]) -> float:
    day, clock, fraction, zone = stamp.groups()
    text = f"{day}T{clock}.{(fraction or '0').ljust(6, '0')}{zone or ''}"
    try:
        # Without a zone it is local time, as Python's logging writes it.
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise SourceError(Reason.INVALID, f"{text} is no time") from error


def _from_http(url: str) -> float:
    # The bot's own endpoint, next door: reached without a proxy.
    with connection.open_client(timeout=HEARTBEAT_HTTP_SECONDS) as client:
        body = transport.fetch(
            client, httpx.Request("GET", url), HEARTBEAT_HTTP_SECONDS, _HTTP_LIMIT
        )
    if body.status != 200:
        raise SourceError(Reason.HTTP_STATUS, f"{url} answers {body.status}")
    if body.headers.get("content-encoding", "identity") != "identity":
        raise SourceError(Reason.BAD_RESPONSE, f"{url} answers compressed, which nobody asked for")
    try:
        parsed: Any = files.parse_json(body.content)
    except SourceError as error:
        if body.content.lstrip().startswith(b"{"):
            raise SourceError(Reason.INVALID, f"{url}: the answer {error.detail}") from error
        return time.time()  # "ok" in any form: it lives now
    if isinstance(parsed, dict):
        for key in _HTTP_KEYS:
            if key in parsed:
                return _plausible(parsed[key])
    return time.time()


def _plausible(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise SourceError(Reason.INVALID, "the heartbeat's time is no number") from error
    if not math.isfinite(seconds) or not 1e9 < seconds < 1e11:
        raise SourceError(Reason.INVALID, "the heartbeat's time is not in Unix seconds")
    return seconds
