"""A day of the exporter at speed: three bots, faults that come and go, logs that are rotated.

Each interval is about fifty times shorter than in earnest, and three bots are watched, so that
in a few hundred seconds the one process makes as many rounds and answers as many scrapes as in
24 hours of one bot at the default intervals. An *hour* is a 24th of it.
"""

import re
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from tests.hostile.bots import running
from tests.hostile.cases import VENUES
from tests.sim.holdings import Venue
from tests.soak.faults import Undo, troubles
from tests.soak.watched_bots import section
from tests.sources.bots import write
from tests.web.served import Served

_ROUNDS = ("exchange", "account", "bot_files")
_ATTEMPT = re.compile(
    r'tradingbot_source_last_attempt_timestamp_seconds\{bot="(\w+)",source="(\w+)"\} (\S+)'
)
_LINES = re.compile(r'tradingbot_log_lines_total\{bot="(\w+)"\} (\S+)')
_ACCEPT = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0")


@dataclass(frozen=True)
class Plan:
    """How much of a day, and how fast.

    ``scrapes`` are those of an hour by each of two scrapers; ``reloads`` and ``rotations`` are
    the hours that begin with one.
    """

    hours: int
    scrapes: int
    scrape_seconds: float
    poll_seconds: float
    reloads: frozenset[int]
    rotations: frozenset[int]

    @property
    def settings(self) -> dict[str, Any]:
        """The intervals, in the proportions of the defaults."""
        poll = self.poll_seconds
        return {
            "poll_seconds": poll,
            "account_poll_seconds": 2 * poll,
            "ntp_poll_seconds": 4 * poll,
            "data_poll_seconds": 4 * poll,
            "key_poll_seconds": 20 * poll,
            "rules_poll_seconds": 240 * poll,
            "timeout_seconds": 1.0,
        }


@dataclass(frozen=True)
class Usage:
    """What the exporter takes: bytes in memory, descriptors, threads, children."""

    resident: int
    descriptors: int
    threads: int
    children: int


@dataclass
class Record:
    """What happened: an entry an hour, and counts of everything."""

    hours: list[Usage] = field(default_factory=list)
    rounds: Counter[str] = field(default_factory=Counter)
    scrapes: int = 0
    seconds: float = 0.0
    written: int = 0
    counted: dict[str, float] = field(default_factory=dict)
    status: int | None = None
    log: str = ""

    def table(self) -> str:
        """Return the figures for people."""
        lines = ["hour  resident MiB  descriptors  threads  children"]
        lines += [
            f"{number:4}  {one.resident / 2**20:12.1f}  {one.descriptors:11}  {one.threads:7}"
            f"  {one.children:8}"
            for number, one in enumerate(self.hours, start=1)
        ]
        rounds = ", ".join(f"{count} {name}" for name, count in sorted(self.rounds.items()))
        lines.append(f"{self.scrapes} scrapes in {self.seconds:.0f} s; rounds: {rounds}")
        return "\n".join(lines)


class Day:
    """Runs it.

    Args:
        directory: for everything.
        plan: how much.
    """

    def __init__(self, directory: Path, plan: Plan) -> None:
        self._directory = directory
        self._plan = plan
        self._stack = ExitStack()
        self._record = Record()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._attempts: dict[tuple[str, str], str] = {}

    def run(self) -> Record:
        """Live through it."""
        with self._stack:
            self._world = self._stack.enter_context(running())
            self._stack.callback(self._end_processes)
            self._write_configuration()
            self._served = Served(self._directory / "tradewarden.yml")
            self._stack.callback(self._served.stop)
            self._client = self._stack.enter_context(
                httpx.Client(base_url=self._served.url, timeout=10, trust_env=False)
            )
            self._scrapers = self._stack.enter_context(ThreadPoolExecutor(len(_ACCEPT)))
            began = time.monotonic()
            roots = tuple(map(self._root, VENUES))
            faults = troubles(self._world.simulator.world, roots, self._restart)
            for hour, fault in zip(range(self._plan.hours), faults, strict=False):
                self._live(hour, fault)
            self._count_lines()
            self._record.seconds = time.monotonic() - began
            self._served.process.terminate()
            self._record.status = self._served.process.wait(10)
            self._record.log = self._served.log
        return self._record

    def _live(self, hour: int, fault: Callable[[], Undo]) -> None:
        """One hour: a fault in its first half, and a look at ourselves in its last quarter."""
        plan, samples = self._plan, list[Usage]()
        if hour in plan.reloads:
            assert self._client.post("/-/reload").status_code == 200
        if hour in plan.rotations:
            self._rotate(hour)
        undo = fault()
        for number in range(plan.scrapes):
            if number == plan.scrapes // 2:
                undo()
            began = time.monotonic()
            self._scrape()
            self._log_lines()
            if number >= plan.scrapes * 3 // 4 and number % max(1, plan.scrapes // 80) == 0:
                samples.append(_usage(self._served.process.pid))
            time.sleep(max(0.0, plan.scrape_seconds - (time.monotonic() - began)))
        self._record.hours.append(_typical(samples))

    def _scrape(self) -> None:
        """Both scrapers at once, as a pair that stands in for each other."""
        texts = list(self._scrapers.map(self._ask, _ACCEPT))
        self._record.scrapes += len(texts)
        for bot, source, attempt in _ATTEMPT.findall(texts[-1]):
            if source in _ROUNDS and self._attempts.get((bot, source)) != attempt:
                self._attempts[bot, source] = attempt
                self._record.rounds[source] += 1

    def _ask(self, accept: str) -> str:
        response = self._client.get("/metrics", headers={"Accept": accept})
        assert response.status_code == 200
        return response.text

    def _count_lines(self) -> None:
        """Wait until what was written has been counted, as far as it will be."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            text = self._client.get("/metrics").text
            self._record.counted = {bot: float(lines) for bot, lines in _LINES.findall(text)}
            if set(self._record.counted.values()) == {self._record.written}:
                break
            time.sleep(0.2)

    def _log_lines(self) -> None:
        lines = [f"{self._record.written + n} ERROR Connection refused by peer\n" for n in range(3)]
        for venue in VENUES:
            with self._log(venue).open("a") as file:
                file.writelines(lines)
        self._record.written += len(lines)

    def _rotate(self, hour: int) -> None:
        """Rename and begin anew, or copy and truncate; two older ones are kept."""
        for venue in VENUES:
            log = self._log(venue)
            older = log.with_name(f"bot.log.{hour}")
            if hour % 2:
                older.write_bytes(log.read_bytes())
                log.write_bytes(b"")
            elif hour:
                log.rename(older)
                log.touch()
            log.with_name(f"bot.log.{hour - 3}").unlink(missing_ok=True)

    def _restart(self) -> Undo:
        """Every bot dies and comes back."""
        self._end_processes()
        return self._start_processes

    def _start_processes(self) -> None:
        for venue in VENUES:
            self._processes[venue] = subprocess.Popen(["sleep", "3600"])
            write(self._root(venue), "state/bot.pid", str(self._processes[venue].pid))

    def _end_processes(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _write_configuration(self) -> None:
        ready = self._world.simulator.ready
        plain = {
            "bots": [section(self._root(venue), self._world, venue) for venue in VENUES],
            "exporter": {
                **self._plan.settings,
                "ntp_servers": list(ready["ntp"]),
                "clock_references": [{"kind": "binance_usdm", "base_url": ready["reference"]}],
                "data_dir": str(self._directory / "exporter"),
            },
        }
        self._start_processes()
        (self._directory / "tradewarden.yml").write_text(yaml.safe_dump(plain))

    def _root(self, venue: Venue) -> Path:
        return self._directory / venue

    def _log(self, venue: Venue) -> Path:
        return self._root(venue) / "logs/bot.log"


def _usage(pid: int) -> Usage:
    process = psutil.Process(pid)
    return Usage(
        resident=process.memory_info().rss,
        descriptors=process.num_fds(),
        threads=process.num_threads(),
        children=len(process.children(recursive=True)),
    )


def _typical(samples: list[Usage]) -> Usage:
    """The median of memory; the least of what comes and goes with each request."""
    return Usage(
        resident=int(statistics.median(one.resident for one in samples)),
        descriptors=min(one.descriptors for one in samples),
        threads=min(one.threads for one in samples),
        children=min(one.children for one in samples),
    )
