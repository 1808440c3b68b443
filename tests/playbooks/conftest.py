"""A simulator and a bot's desk for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playbooks.desk import Desk, desk
from tests.sim.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


@pytest.fixture
def at_hand(tmp_path: Path, simulator: Simulator) -> Iterator[Desk]:
    """A bot that is installed and not started."""
    with desk(tmp_path, simulator) as ready:
        yield ready
