"""Fault injected → first step started, against Prometheus and Alertmanager alone.

The peer is a bare HTTP sink that Alertmanager notifies of the same alerts in the
same run, so both times include the same scrapes, evaluations and notifications.
"""

import contextlib
import http.server
import json
import shutil
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from remediation.timing import boottime
from tests.bench.result import Result
from tests.stack.programs import wait_until
from tests.stack.render import PROJECT, SCRAPE_SECONDS
from tests.stack.stack import Stack

_INJECTIONS = 24
_STRIDE = 7  # coprime with the number of injections, so that every phase comes once
_GOAL = 1.25


class _Sink:
    """Answer at once and remember when each bot's first firing alert came."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                moment = boottime()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    if alert["status"] == "firing":
                        sink.arrived.setdefault(alert["labels"].get("bot", ""), moment)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()


class _BenchStack(Stack):
    """The stack with stopped bots and the sink beside the receiver."""

    def __init__(self, directory: Path, sink: _Sink, bots: list[str]) -> None:
        super().__init__(
            directory,
            bots=bots,
            remediation={"incident_budget": {"actions": 100}, "dry_run": True},
        )
        self._sink = sink

    def start_bot(self, name: str) -> None:
        """Leave it stopped cleanly: neither up nor crashed."""
        root = self.roots[name]
        (root / "state/positions.json").write_text("{}")
        (root / "state/kill_switch_state.json").write_text('{"tripped": false}')
        (root / "logs/bot.log").write_text("2026-01-01 00:00:00,000 INFO Shutdown complete\n")

    def start_alertmanager(self) -> None:
        """Notify the sink of whatever the receiver is notified of."""
        config = yaml.safe_load(self.files.alertmanager.read_text())
        for receiver in config["receivers"]:
            if receiver["name"] == "remediation":
                receiver["webhook_configs"].append({"url": self._sink.url})
        self.files.alertmanager.write_text(yaml.safe_dump(config))
        super().start_alertmanager()

    def wait_healthy(self) -> None:
        """Wait until Prometheus has seen every bot."""
        wait_until(
            lambda: len(self.query("tradingbot_kill_switch_engaged == 0")) == len(self.roots),
            "Prometheus sees every bot's kill switch",
        )


def run() -> tuple[Result, ...]:
    """Touch one bot's flag after another, as a person would, and time what follows."""
    directory = PROJECT / "build/bench/stack"
    shutil.rmtree(directory, ignore_errors=True)
    bots = [f"bot{number:02}" for number in range(_INJECTIONS)]
    sink = _Sink()
    ours, peer = [], []
    with sink.serving(), _BenchStack(directory, sink, bots) as stack:
        for number, bot in enumerate(bots, start=1):
            # Each injection follows on an evaluation of the one before; without this
            # all would meet the scrape cycle at the same, worst phase.
            threading.Event().wait(SCRAPE_SECONDS * (number * _STRIDE % _INJECTIONS) / _INJECTIONS)
            injected = boottime()
            (stack.roots[bot] / "state/kill_switch.flag").touch()
            ours.append(_first_step(stack, bot) - injected)
            wait_until(lambda b=bot: b in sink.arrived, "the sink is notified")  # type: ignore[misc]
            peer.append(sink.arrived[bot] - injected)
            print(f"\r  injection {number} of {len(bots)}", end="", flush=True)
    print()
    return (
        Result(
            "whole_path_p50", "seconds", statistics.median(ours), statistics.median(peer), _GOAL
        ),
        Result("whole_path_p95", "seconds", _p95(ours), _p95(peer), _GOAL),
    )


def _first_step(stack: Stack, bot: str) -> float:
    """Boot time at which the intent of the bot's first step reached the disk."""

    def started() -> float | None:
        for incident in stack.incidents("kill_switch"):
            if incident["bot"] == bot:
                detail = stack.api("GET", f"/incidents/{incident['id']}")
                steps = [step for phase in detail["phases"] for step in phase["steps"]]
                times = [s["started"]["boottime"] for s in steps if s.get("started")]
                return min(times) if times else None
        return None

    return float(wait_until(started, f"the first step for {bot} starts"))


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
