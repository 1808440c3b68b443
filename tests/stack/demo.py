"""The main job, shown: three faults, three recoveries, through the real stack.

``python -m tests.stack.demo`` writes ``build/demo/summary.json`` and the reports,
and exits non-zero if a scenario did not end as it should.
"""

import fcntl
import json
import os
import shutil
import sys
import threading
from pathlib import Path

import httpx

from tests.stack.drill import STAGES, Drill, Drilled, run_drill, settle
from tests.stack.programs import ProgramError, end_processes_in, ends_on_signal, wait_until
from tests.stack.render import PROJECT
from tests.stack.stack import Stack

BUILD = PROJECT / "build/demo"

DRILLS = (
    Drill(
        "clock_drift",
        'abs(tradingbot_clock_offset_seconds{bot="alpha"}) > 1',
        {"offset_seconds": 3.0},
    ),
    Drill("kill_switch", 'tradingbot_kill_switch_engaged{bot="alpha"} == 1'),
    Drill("process_crash", 'tradingbot_process_up{bot="alpha"} == 0', {"signal": "KILL"}),
)


class Line:
    """One scenario's line, growing while it happens; others may speak in between."""

    def __init__(self, scenario: str) -> None:
        self._said = f"{scenario:<14} injected"
        self._lock = threading.Lock()
        self._print(self._said)

    def add(self, stage: str, seconds: float) -> None:
        """A stage has been reached."""
        with self._lock:
            more = f" → {stage} {seconds:.1f}"
            self._said += more
            self._print(more)

    def interject(self, text: str) -> None:
        """Somebody else's line; ours is taken up again after it."""
        with self._lock:
            self._print(f"\n    {text}")
            self._print(f"\n{self._said}")

    def end(self, outcome: str) -> None:
        """The scenario has ended."""
        with self._lock:
            self._print(f" ⇒ {outcome}\n")

    @staticmethod
    def _print(text: str) -> None:
        print(text, end="", flush=True)


def main() -> int:
    """Run the demo; 0 if every scenario recovered, 1 if not, 130 if interrupted."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD.parent / "demo.lock").open("w") as lock, ends_on_signal():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("another demo is running in this checkout", file=sys.stderr)
            return 1
        try:
            return _demonstrate()
        except KeyboardInterrupt:
            print("\ninterrupted; everything that was started has been stopped", file=sys.stderr)
            return 130
        except (ProgramError, httpx.HTTPError) as error:
            print(f"\nthe demo failed: {error}\nlogs: {BUILD / 'stack/logs'}", file=sys.stderr)
            return 1


def _demonstrate() -> int:
    directory = BUILD / "stack"
    end_processes_in(directory)
    shutil.rmtree(BUILD, ignore_errors=True)
    print("starting simulator, bot, exporter, receiver, Alertmanager, Prometheus …", flush=True)
    results = []
    with Stack(directory) as stack:
        for name, address in vars(stack.addresses).items():
            print(f"  {name:<13} http://{address}")
        print("seconds since the fault was injected:", flush=True)
        operator = _start_operator(stack)
        for drill in DRILLS:
            line = Line(drill.scenario)
            with _relayed(operator, line):
                result = run_drill(stack, drill, line.add)
            line.end(result.outcome)
            results.append((result, _keep_report(stack, result)))
            if drill is not DRILLS[-1] and result.as_expected:
                settle(stack)
    _write_summary(results)
    _print_table(results)
    return 0 if all(result.as_expected for result, _ in results) else 1


def _start_operator(stack: Stack) -> Path:
    argv = [
        *(sys.executable, "-m", "tests.stack.operator"),
        *("--url", f"http://{stack.addresses.remediation}"),
        *("--token-file", str(stack.files.operator_token)),
    ]
    return stack.start_program("operator", argv).log


class _relayed:  # noqa: N801 - used as a with-statement's verb
    """Repeat what is written to a log file meanwhile, line by line."""

    def __init__(self, log: Path, line: Line) -> None:
        self._log, self._line = log, line
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._relay, daemon=True)

    def __enter__(self) -> None:
        self._start = self._log.stat().st_size
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(5)

    def _relay(self) -> None:
        with self._log.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._start)
            while not self._stopping.wait(0.1):
                if text := file.read():
                    self._line.interject(text.rstrip("\n").replace("\n", "\n    "))


def _keep_report(stack: Stack, result: Drilled) -> str | None:
    """Copy the incident's report to where it is found after the demo."""
    reports = BUILD / "reports"
    reports.mkdir(exist_ok=True)
    if not result.incident_id:
        return None
    for kind in ("json", "md"):
        source = stack.directory / "data/reports" / f"{result.incident_id}.{kind}"
        wait_until(source.exists, f"{source.name} is written")
        shutil.copy(source, reports)
    return os.path.relpath(reports / f"{result.incident_id}.md", PROJECT)


def _write_summary(results: list[tuple[Drilled, str | None]]) -> None:
    summary = [
        {
            "scenario": result.scenario,
            "outcome": result.outcome,
            "seconds": dict(result.seconds),
            "incident_id": result.incident_id,
            "report": report,
        }
        for result, report in results
    ]
    (BUILD / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def _print_table(results: list[tuple[Drilled, str | None]]) -> None:
    header = f"\n{'scenario':<14} {'outcome':<11}" + "".join(f"{s:>10}" for s in STAGES)
    print(header)
    for result, _ in results:
        cells = ("-" if (t := result.seconds[s]) is None else f"{t:.1f} s" for s in STAGES)
        print(f"{result.scenario:<14} {result.outcome:<11}" + "".join(f"{c:>10}" for c in cells))
    print()
    for _, report in results:
        print(f"report: {report}")
    print("summary: build/demo/summary.json")


if __name__ == "__main__":
    sys.exit(main())
