"""One line per event on stderr: logfmt for people and grep, JSON for collectors."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")


class _Formatter(logging.Formatter):
    """Formats a record; ``extra={"fields": {...}}`` adds key-value pairs."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        values = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower().replace("warning", "warn"),
            "msg": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            values["error"] = self.formatException(record.exc_info)
        if self._kind == "json":
            return json.dumps(values, default=str)
        return " ".join(f"{name}={_quoted(str(value))}" for name, value in values.items())


def set_up(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send this program's log to ``stream``, stderr unless told otherwise."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(style))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel({"warn": "WARNING"}.get(level, level.upper()))
    # Their lines name every request, and so its signed query.
    for noisy in ("httpx", "httpcore", "waitress.queue"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _quoted(value: str) -> str:
    plain = value and not any(c in value for c in ' "=\n\r\t')
    return value if plain or _is_address(value) else json.dumps(value)


def _is_address(value: str) -> bool:
    return value.startswith("http") and not any(c in value for c in ' "\n')
