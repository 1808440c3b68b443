"""A day of the exporter's work at speed: as many rounds as a day has, and nothing grows.

At the default intervals a day has 5,760 rounds of the venue's watch; here they follow one another
every 0.2 s. Scrapes, faults that come and go, log rotations and reloads go on meanwhile.
"""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.collectors.conftest import Program, Watched, wait_for
from tests.sim.faults.exchange_maintenance import ExchangeMaintenance
from tests.sim.simulator import Simulator

_INTERVAL = 0.2
_DAY = 5760
# A reload keeps the old pollers' threads until their last request has ended.
_SETTLE_SECONDS = 8
# Caches that fill slowly (attempts kept for the debug pages, the allocator's own pools).
_ALLOWED_BYTES = 8 << 20
# A rotated log that is still held, a connection that is just being replaced.
_ALLOWED_DESCRIPTORS = 2


@dataclass(frozen=True)
class _Size:
    resident: int
    descriptors: int
    threads: int


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """One exchange for the whole day."""
    with Simulator() as running:
        yield running


@pytest.fixture
def watched(simulator: Simulator, tmp_path: Path) -> Watched:
    """A bot with streams, logs and data, asked as often as the configuration allows."""
    bot = Watched(tmp_path, simulator)
    bot.bot["venue"].update(symbols=["BTCUSDT"], stream_url=simulator.ready["stream_usdm"])
    bot.plain["exporter"].update(
        dict.fromkeys(
            (
                *("poll_seconds", "ntp_poll_seconds", "account_poll_seconds"),
                *("key_poll_seconds", "rules_poll_seconds", "data_poll_seconds"),
            ),
            _INTERVAL,
        )
    )
    bot.save()
    return bot


@pytest.mark.parametrize(
    "rounds", [40, pytest.param(_DAY, marks=[pytest.mark.soak, pytest.mark.timeout(3400)])]
)
def test_nothing_grows(watched: Watched, rounds: int) -> None:
    """Memory, descriptors and threads at the end are what they were after warming up."""
    program = Program(watched)
    try:
        with httpx.Client(timeout=10) as client:
            _live(watched, program, client, max(20, rounds // 20))
            before = _measure(program)
            _live(watched, program, client, rounds)
            after = _measure(program)
    finally:
        program.stop()
    print(f"\n{rounds} rounds: {before} -> {after}")
    assert after.descriptors <= before.descriptors + _ALLOWED_DESCRIPTORS
    assert after.threads <= before.threads
    assert after.resident - before.resident < _ALLOWED_BYTES
    assert "Traceback" not in program.log


def _live(watched: Watched, program: Program, client: httpx.Client, rounds: int) -> None:
    """Scrape three times a round; a few times an hour something happens."""
    log = watched.root / "logs/bot.log"
    log.parent.mkdir(exist_ok=True)
    for number in range(3 * rounds):
        with log.open("a") as stream:
            stream.write(f"Connection refused {number}\n" * 3)
        answer = client.get(f"{program.url}/metrics")
        assert answer.status_code == 200
        if number % 60 == 30:
            undo = ExchangeMaintenance().inject(watched.simulator.world)
            client.get(f"{program.url}/debug/exchange_maintenance")
            undo()
        if number % 240 == 100:
            log.rename(log.with_suffix(".log.1"))
        if number % 480 == 50:
            program.process.send_signal(signal.SIGHUP)
        time.sleep(_INTERVAL / 3)


def _measure(program: Program) -> _Size:
    """Wait until threads of a reload have ended, then look."""
    process = psutil.Process(program.process.pid)
    fewest, descriptors = process.num_threads(), process.num_fds()
    quiet_since = time.monotonic()

    def settled() -> bool:
        nonlocal fewest, descriptors, quiet_since
        descriptors = min(descriptors, process.num_fds())
        if (threads := process.num_threads()) < fewest:
            fewest, quiet_since = threads, time.monotonic()
        return time.monotonic() - quiet_since > _SETTLE_SECONDS

    wait_for("threads to settle", settled)
    return _Size(process.memory_info().rss, descriptors, fewest)
