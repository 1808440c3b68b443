"""The simulated bot's files: configuration, lock, pidfile, positions, latch, heartbeat."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

STATE = Path("state")
FLAG = STATE / "kill_switch.flag"
_LATCH = STATE / "kill_switch_state.json"
_POSITIONS = STATE / "positions.json"
_PIDFILE = STATE / "bot.pid"
_HEARTBEAT = STATE / "heartbeat"
_LOCK = STATE / "bot.lock"
_FILTERS = Path("data/binance_filters.json")

STEP_SECONDS = 0.25  # what the bot rests after a step, at least


@dataclass(frozen=True)
class Settings:
    """What the bot reads from its configuration and ``.env``."""

    base_url: str
    symbol: str
    warn_ms: float
    kill_ms: float
    refresh_seconds: float
    timeout_seconds: float
    retries: int
    max_errors: int
    api_key: str
    api_secret: str
    stream_url: str | None
    metrics_port: int | None


@dataclass(frozen=True)
class Held:
    """The bot's position in one symbol."""

    quantity: Decimal = Decimal(0)
    average: Decimal = Decimal(0)

    def after(self, change: Decimal, price: Decimal) -> "Held":
        """The position after a fill."""
        total = self.quantity + change
        if total == 0:
            return Held()
        if self.quantity * change >= 0:
            cost = abs(self.quantity) * self.average + abs(change) * price
            return Held(total, (cost / abs(total)).quantize(Decimal("0.00001")))
        return Held(total, self.average if total * self.quantity > 0 else price)


def read_settings(path: Path) -> Settings:
    """Read the configuration and the key pair."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = Path(".env").read_text(encoding="utf-8").splitlines()
    env = dict(line.split("=", 1) for line in lines if "=" in line)
    clock = config["clock_sync"]
    return Settings(
        base_url=config["exchange"]["base_url"],
        symbol=config["symbol"],
        warn_ms=float(clock["warn_threshold_ms"]),
        kill_ms=float(clock["kill_threshold_ms"]),
        refresh_seconds=float(clock["refresh_sec"]),
        timeout_seconds=config["latency"]["timeout_ms"] / 1000,
        retries=int(config["latency"]["retries"]),
        max_errors=int(config["kill_switch"]["max_consecutive_errors"]),
        api_key=env["BINANCE_API_KEY"],
        api_secret=env["BINANCE_API_SECRET"],
        stream_url=config["exchange"].get("stream_url"),
        metrics_port=config.get("metrics", {}).get("port"),
    )


def filters_problem() -> str | None:
    """What is wrong with the exchange's filters as downloaded; None if nothing is."""
    try:
        filters = json.loads(_FILTERS.read_text(encoding="utf-8"))["filters"]
        steps = [Decimal(symbol["LOT_SIZE"]["stepSize"]) for symbol in filters.values()]
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        return f"{_FILTERS}: {type(error).__name__}: {error}"
    return None if steps else f"{_FILTERS}: no symbol in it"


@contextlib.contextmanager
def only_instance() -> Iterator[bool]:
    """Hold the root's lock; yield False if another bot holds it."""
    with _LOCK.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def pidfile() -> Iterator[None]:
    """Name this process while it runs; a killed one leaves the file behind."""
    write(_PIDFILE, f"{os.getpid()}\n")
    yield
    _PIDFILE.unlink(missing_ok=True)


def write(path: Path, content: str) -> None:
    """Replace a file at once, on disk before it is in place."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def beat() -> None:
    """Show that a step has ended."""
    _HEARTBEAT.touch()


def write_positions(symbol: str, held: Held) -> None:
    """Store the position."""
    row = {"qty": format(held.quantity, "f"), "avg_price": format(held.average, "f")}
    write(_POSITIONS, json.dumps({symbol: row}) + "\n")


def read_position(symbol: str) -> Held:
    """Read the position; a missing or unreadable file is a flat one, corrected at start."""
    try:
        row = json.loads(_POSITIONS.read_text(encoding="utf-8"))[symbol]
        return Held(Decimal(row["qty"]), Decimal(row["avg_price"]))
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError):
        return Held()


def read_latch() -> dict[str, Any] | None:
    """Read the latch: None if there is none yet.

    Raises:
        ValueError: if the file is there and no object with a boolean ``tripped``.
    """
    try:
        state = json.loads(_LATCH.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(state, dict) or not isinstance(state.get("tripped"), bool):
        raise ValueError("no boolean 'tripped'")  # noqa: TRY004 - the caller has one error to expect
    return state


def write_latch(reason: str | None, counters: dict[str, int]) -> None:
    """Store the latch; a reason means tripped, and then the flag follows."""
    state = {
        "tripped": reason is not None,
        "reason": reason,
        "counters": counters,
        "updated": datetime.now(UTC).isoformat(),
    }
    write(_LATCH, json.dumps(state) + "\n")
    if reason is not None:
        write(FLAG, f"{reason}\n")
