"""Run alpaca-py in its own environment against a simulator."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.sim.simulator import Simulator

PYTHON = Path(__file__).parents[2] / ".venv-clients/alpaca/bin/python"
_DEADLINE = 100


def judge(simulator: Simulator, session: str, role: str = "bot", **pair: str) -> Any:
    """Return what the library saw in one of ``alpaca_session``'s sessions."""
    assert PYTHON.exists(), "run: sh tests/prepare.sh clients"
    ready = simulator.ready
    own = {part: ready[f"alpaca_{role}_{part}"] for part in ("key", "secret")}
    to = {"alpaca": ready["alpaca"], "alpaca_data": ready["alpaca_data"], **own, **pair}
    script = Path(__file__).with_name("alpaca_session.py")
    done = subprocess.run(
        [str(PYTHON), str(script), json.dumps(to), session],
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
