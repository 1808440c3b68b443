"""Run the simulated world until TERM or INT: ``python -m tests.sim``."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from tests.sim.simulator import CONTROL_PORT, EXCHANGE_PORT, NTP_PORT, Simulator

_PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--exchange-port", type=_PORT, default=EXCHANGE_PORT, show_default=True)
@click.option("--control-port", type=_PORT, default=CONTROL_PORT, show_default=True)
@click.option("--ntp-port", type=_PORT, default=NTP_PORT, show_default=True, help="First of four.")
@click.option("--seed", type=int, default=1, show_default=True, help="Prices and keys.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Also write the ready line.")
def main(**options: Any) -> None:
    """Simulate exchange, clocks and pager on loopback; print one JSON line when ready."""
    ready_file: Path | None = options.pop("ready_file")
    # Blocked before any thread starts, so that only sigwait below receives them.
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        with Simulator(**options) as simulator:
            line = json.dumps(simulator.ready)
            if ready_file is not None:
                _write(ready_file, line)
            print(line, flush=True)
            signal.sigwait(stops)
    except OSError as error:
        sys.exit(f"tests.sim: {error}")


def _write(path: Path, line: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(line + "\n", encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    main()
