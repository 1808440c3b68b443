"""Signals to the running exporter: none is lost, however soon it follows the last."""

import os
import signal

from tests.collectors.conftest import Program, Watched, wait_for

_ROUNDS = 300


def test_no_reload_is_lost_that_follows_on_the_heels_of_another(
    watched: Watched, program: Program
) -> None:
    """The next is asked for the moment the last one has been answered."""
    watched.bot["mode"] = "demo"
    watched.save()
    asked = 0

    def answered() -> bool:
        return program.log.count("reload failed") == asked

    while asked < _ROUNDS:
        os.kill(program.process.pid, signal.SIGHUP)
        asked += 1
        wait_for("the answer", answered)
