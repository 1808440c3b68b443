"""A bot's empty root, and a running simulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.simulator import Simulator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A bot's root with an empty state directory."""
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator with right clocks."""
    with Simulator() as running:
        yield running
