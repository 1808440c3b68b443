"""Lines a second in which symptoms are counted, against mtail on the same file.

The file is the same, the patterns are the same, and so must the counts be. Ours is the whole
of it, as the exporter does it: finding the log, reading, counting, and keeping the offsets on
disk. mtail's time is that of a one-shot run less that of one over an empty file.
"""

import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from exporter.sources.log_follower import LogFollower
from exporter.sources.log_offsets import OffsetStore
from exporter.sources.log_patterns import EVENTS
from tests.bench.result import Result
from tests.sources.bots import make_bot
from tests.stack.render import PROJECT
from tests.tools import find_tool

_LINES = 200_000
_LINE_BYTES = 120
_RUNS = 3
_GOAL = 10.0
_SHARES = (0.01, 0.2)

# Fifteen of the built-in events, each with a line's part that it must find.
_SYMPTOMS = {
    "connection_refused": "Connection refused",
    "websocket_disconnect": "WebSocket disconnected",
    "api_timeout": "Read timed out",
    "recv_window": "Timestamp for this request is outside of the recvWindow",
    "kill_switch_triggered": "Kill switch triggered: clock drift",
    "partially_filled": "PARTIALLY_FILLED",
    "service_unavailable": "Service unavailable",
    "http_503": "HTTP 503",
    "invalid_data": "Invalid data in file",
    "nan_value": "NaN values in features",
    "invalid_api_key": "Invalid API key",
    "signature_failed": "Signature verification failed",
    "unauthorized": "401 Unauthorized",
    "memory_error": "MemoryError",
    "unhandled_exception": "Traceback (most recent call last):",
}
_EVENTS = tuple(event for event in EVENTS if event.name in _SYMPTOMS)
_SENTENCE = (
    "order book update processed symbol BTCUSDT price quantity signal features window model"
    " step bar latency position spread depth candle ETHUSDT binance tick risk limit check"
)
_WORDS = _SENTENCE.split()


def run() -> tuple[Result, ...]:
    """Measure with one line in a hundred matching, and with one in five."""
    mtail = find_tool("mtail")
    if mtail is None:
        print("  skipped: no mtail here (sh tests/prepare.sh bench_tools)")
        return ()
    directory = PROJECT / "build/bench/logs"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    program = directory / "symptoms.mtail"
    program.write_text("\n".join(_program()) + "\n")
    return tuple(_compare(mtail, directory, share) for share in _SHARES)


def _compare(mtail: Path, directory: Path, share: float) -> Result:
    log = directory / f"generated-{share:g}.txt"
    with log.open("w", encoding="utf-8") as stream:
        stream.writelines(_lines(share))
    ours, peer = [], []
    for number in range(_RUNS):
        seconds, counted = _follow(directory, log)
        start, _ = _run_mtail(mtail, directory, Path("/dev/null"))
        peer_seconds, peer_counted = _run_mtail(mtail, directory, log)
        if counted != peer_counted:
            sys.exit(f"not the same work: {counted} and {peer_counted}")
        ours.append(_LINES / seconds)
        peer.append(_LINES / (peer_seconds - start))
        print(f"\r  {share:.0%} matching, run {number + 1} of {_RUNS}", end="", flush=True)
    print()
    return Result(
        f"log_counting_{share * 100:g}_percent",
        "lines/s",
        statistics.median(ours),
        statistics.median(peer),
        _GOAL,
        more=True,
    )


def _lines(share: float) -> Iterator[str]:
    """Generate lines of a bot's log; the matching ones in no particular case."""
    chance = random.Random(15)
    for number in range(_LINES):
        clock = f"{number // 3600000:02}:{number // 60000 % 60:02}:{number // 1000 % 60:02}"
        text = f"2026-11-24 {clock},{number % 1000:03} INFO tradingbot2.feed "
        if chance.random() < share:
            symptom = chance.choice(tuple(_SYMPTOMS.values()))
            text += chance.choice((symptom, symptom.lower(), symptom.upper())) + " "
        while len(text) < _LINE_BYTES:
            text += f"{chance.uniform(1, 90000):.2f} " if chance.random() < 0.2 else ""
            text += chance.choice(_WORDS) + " "
        yield text[: _LINE_BYTES - 1] + "\n"


def _program() -> Iterator[str]:
    """Write the events as mtail's language has them."""
    yield "counter log_events by event"
    for event in _EVENTS:
        yield f'/(?i){event.pattern}/ {{\n  log_events["{event.name}"]++\n}}'


def _follow(directory: Path, log: Path) -> tuple[float, dict[str, int]]:
    """Let a follower find the log and count to its end."""
    root = directory / "bot"
    shutil.rmtree(root, ignore_errors=True)
    (root / "logs").mkdir(parents=True)
    store = OffsetStore(str(root / "offsets"), "alpha")
    follower = LogFollower(make_bot(root), store, events=_EVENTS)
    follower.poll()
    (root / "logs/bot.log").hardlink_to(log)
    began = time.perf_counter()
    while (reading := follower.poll()).lines < _LINES:
        pass
    seconds = time.perf_counter() - began
    follower.close()
    return seconds, dict(reading.events)


def _run_mtail(mtail: Path, directory: Path, log: Path) -> tuple[float, dict[str, int]]:
    argv = [str(mtail), "--one_shot", "--logs", str(log), "--progs", str(directory)]
    began = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, check=True, text=True)
    seconds = time.perf_counter() - began
    values = json.loads(done.stdout)["log_events"][0].get("LabelValues", [])
    counted = {row["Labels"][0]: int(row["Value"]["Value"]) for row in values}
    return seconds, {event.name: counted.get(event.name, 0) for event in _EVENTS}
