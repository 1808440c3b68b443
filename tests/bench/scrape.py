"""What a scrape costs, against Debian's node_exporter scraped in the same run.

Every scrape is its own: local files and processes are read for it, nothing rendered is kept, and
scrapes are further apart than readings may be shared. Our bots are watched in full, beside a
simulated exchange; the peer runs with its defaults.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from tests.bench.result import Bound, Result
from tests.sim.simulator import Simulator
from tests.sources.bots import write
from tests.stack.programs import Program, wait_until
from tests.stack.render import PROJECT
from tests.tools import find_tool

_WARM_UP = 25  # the first seconds of a program are like no other
_SCRAPES = 200
_ROUNDS = 40  # of eight at once
_CLIENTS = 8
_GAP_SECONDS = 0.12
_HOUR = 720  # scrapes, one each 5 s
_SETTLED = 200  # scrapes after which memory should not grow any more
_WATCH_SECONDS = 60.0
_INTERVAL_SECONDS = 5.0
_MIB = float(1 << 20)
# A bot in full has some 700 series, half of them of failed requests by endpoint and cause.
_SMALL: tuple[int, str] = (1, "--no-collector.network_disconnection")
_LARGE: tuple[int] = (4,)
_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


@dataclass(frozen=True)
class _Cost:
    """Milliseconds a scrape, of waiting and of CPU; and how many series it returns."""

    p50: float
    p99: float
    cpu: float
    series: int


class _Target:
    """A program that is scraped as Prometheus would."""

    def __init__(self, program: Program, url: str) -> None:
        self._program = program
        self._process = psutil.Process(program.process.pid)
        self._url = url

    def measure(self, scrapes: int) -> _Cost:
        """Scrape one after the other."""
        with self._client() as client:
            text = client.get(self._url).text
            for _ in range(_WARM_UP):
                self._scrape(client)
            before = self.cpu_seconds()
            took = [self._scrape(client) for _ in range(scrapes)]
            cpu = (self.cpu_seconds() - before) * 1000 / scrapes
        series = sum(1 for line in text.splitlines() if line and not line.startswith("#"))
        return _Cost(statistics.median(took), _p99(took), cpu, series)

    def measure_crowd(self, rounds: int) -> float:
        """The 99th percentile with eight clients at the same moment."""
        barrier = threading.Barrier(_CLIENTS)

        def visit() -> list[float]:
            took = []
            with self._client() as client:
                client.get(self._url)
                for _ in range(rounds):
                    barrier.wait(60)
                    took.append(self._scrape(client))
            return took

        with ThreadPoolExecutor(_CLIENTS) as pool:
            visits = [pool.submit(visit) for _ in range(_CLIENTS)]
            return _p99([one for each in visits for one in each.result()])

    def cpu_seconds(self) -> float:
        """CPU time of the process until now, without its children."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def resident_mib(self) -> float:
        """Resident memory now."""
        return float(self._process.memory_info().rss) / _MIB

    def scrape_for(self, seconds: float, interval: float) -> float:
        """Scrape at an interval; return the share of a core that was used meanwhile."""
        before, started = self.cpu_seconds(), time.monotonic()
        with self._client() as client:
            while time.monotonic() - started < seconds:
                client.get(self._url)
                threading.Event().wait(interval)
        return (self.cpu_seconds() - before) / (time.monotonic() - started)

    def _client(self) -> httpx.Client:
        return httpx.Client(headers={"Accept": _ACCEPT}, timeout=30, trust_env=False)

    def _scrape(self, client: httpx.Client) -> float:
        threading.Event().wait(_GAP_SECONDS)
        started = time.perf_counter()
        client.get(self._url).raise_for_status()
        return (time.perf_counter() - started) * 1000


def run() -> tuple[Result | Bound, ...]:
    """Measure at some 300 and some 3,000 series."""
    tool = find_tool("prometheus-node-exporter")
    if tool is None:
        print("  skipped: no node_exporter here (sh tests/prepare.sh bench_tools)")
        return ()
    directory = PROJECT / "build/bench/scrape"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with _peer(tool, directory) as peer:
        theirs = peer.measure(_SCRAPES)
        their_crowd = peer.measure_crowd(_ROUNDS)
    print(f"  node_exporter: {theirs}")
    results: list[Result | Bound] = []
    for label, (bots, *flags) in (("300", _SMALL), ("3000", _LARGE)):
        with _ours(directory / label, bots, *flags) as ours:
            cost = ours.measure(_SCRAPES)
            crowd = ours.measure_crowd(_ROUNDS)
            print(f"  {bots} of our bots: {cost}")
            # The peer has some 500 series: with more, no slower for each of them.
            goal = round(max(1.0, cost.series / theirs.series), 2)
            results += [
                Result(f"scrape_{label}_p50", "ms", cost.p50, theirs.p50, goal),
                Result(f"scrape_{label}_p99", "ms", cost.p99, theirs.p99, goal),
                Result(f"scrape_{label}_p99_8_clients", "ms", crowd, their_crowd, goal),
                Result(
                    f"scrape_{label}_cpu_per_series",
                    "µs",
                    cost.cpu * 1000 / cost.series,
                    theirs.cpu * 1000 / theirs.series,
                    1.0,
                ),
            ]
            if label == "300":
                results += [
                    Result("scrape_300_cpu", "ms", cost.cpu, theirs.cpu, 1.0),
                    Bound("scrape_300_p99_limit", "ms", cost.p99, 25.0),
                    Bound("scrape_300_p99_8_clients_limit", "ms", crowd, 150.0),
                    *_hour(ours),
                ]
    return tuple(results)


def _hour(ours: _Target) -> Iterator[Bound]:
    """Memory over an hour's worth of scrapes, and the share of a core in a real minute."""
    ours.measure(_SETTLED)
    settled = ours.resident_mib()
    ours.measure(_HOUR - _SETTLED - 2 * _WARM_UP)
    yield Bound("scrape_hour_rss", "MiB", ours.resident_mib(), 60.0)
    yield Bound("scrape_hour_rss_growth", "MiB", ours.resident_mib() - settled, 2.0)
    share = ours.scrape_for(_WATCH_SECONDS, _INTERVAL_SECONDS)
    yield Bound("scrape_5s_core_share", "%", share * 100, 1.0)


@contextmanager
def _peer(tool: Path, directory: Path) -> Iterator[_Target]:
    """node_exporter on a free port, which it prints."""
    log = directory / "node_exporter.log"
    argv = [str(tool), "--web.listen-address=127.0.0.1:0"]
    program = Program("node_exporter", argv, log)
    try:
        address = _listening(program, r"address=(127\S+)")
        yield _Target(program, f"http://{address}/metrics")
    finally:
        program.stop()


@contextmanager
def _ours(directory: Path, bots: int, *flags: str) -> Iterator[_Target]:
    """The exporter, every bot's process and files, and the exchange that serves them."""
    directory.mkdir()
    with Simulator() as simulator, _process() as pid:
        ready = simulator.ready
        config = directory / "tradewarden.yml"
        names = [f"bot{number:02}" for number in range(bots)]
        plain = {
            "bots": [_bot(directory / name, name, ready, pid) for name in names],
            "exporter": {"ntp_servers": ready["ntp"], "data_dir": str(directory / "data")},
        }
        config.write_text(yaml.safe_dump(plain))
        argv = [sys.executable, "-m", "exporter", "serve", f"--config.file={config}"]
        argv += ["--web.listen-address=127.0.0.1:0", *flags]
        keys = {"TW_KEY": ready["exporter_key"], "TW_SECRET": ready["exporter_secret"]}
        log = directory / "exporter.log"
        program = Program("exporter", argv, log, cwd=PROJECT, env={**os.environ, **keys})
        try:
            url = _listening(program, r"listening address=(\S+)")
            wait_until(
                lambda: httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200,
                "the exporter is ready",
            )
            yield _Target(program, f"{url}/metrics")
        finally:
            program.stop()


def _bot(root: Path, name: str, ready: dict[str, Any], pid: int) -> dict[str, Any]:
    """One bot with the files that it would have."""
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/positions.json", "{}")
    write(root, "state/heartbeat", "")
    write(root, "state/bot.pid", f"{pid}\n")
    write(root, "logs/bot.log", "2026-01-01 00:00:00,000 INFO started\n" * 1000)
    exchange = ready["exchange"]
    return {
        "name": name,
        "mode": "paper",
        "root": str(root),
        "venue": {
            "kind": "binance_usdm",
            "base_url": exchange,
            "sapi_base_url": exchange,
            "symbols": ["BTCUSDT"],
            "credentials": {"exporter": {"key": "TW_KEY", "secret": "TW_SECRET"}},
        },
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat"},
    }


@contextmanager
def _process() -> Iterator[int]:
    """Something that runs, as the bots do."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _listening(program: Program, pattern: str) -> str:
    def found() -> str | None:
        program.check()
        match = re.search(pattern, program.log.read_text(encoding="utf-8"))
        return match[1] if match else None

    address: str = wait_until(found, f"{program.name} listens")
    return address


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]
