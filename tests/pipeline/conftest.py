"""A served receiver for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.receiver import Receiver, start, stop


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """A receiver with a journal of its own."""
    served, listener = start(tmp_path)
    yield served
    stop(served, listener)
