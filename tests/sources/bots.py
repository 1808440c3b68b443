"""A bot as the configuration describes it, for tests that need one."""

from pathlib import Path
from typing import Any

import msgspec

from exporter.config import Bot


def make_bot(root: Path, **changes: Any) -> Bot:
    """Return a paper bot in ``root``; ``changes`` replace or add top-level keys."""
    plain = {
        "name": "alpha",
        "mode": "paper",
        "root": str(root),
        "venue": {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"},
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat"},
        **changes,
    }
    return msgspec.convert(plain, Bot, strict=True)


def write(root: Path, name: str, content: bytes | str) -> Path:
    """Write one of the bot's files, directories included."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file
