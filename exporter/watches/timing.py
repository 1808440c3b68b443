"""The clocks that a watch goes by, and how it waits."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """``wall`` is Unix time, for stamps only; ages and waits go by ``monotonic``."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
