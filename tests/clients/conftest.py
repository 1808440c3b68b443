"""A simulator for the libraries to be pointed at."""

from collections.abc import Iterator

import pytest

from tests.sim.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running
