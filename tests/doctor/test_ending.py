"""An early end: what was started goes first."""

import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from exporter.doctor.ending import Ending
from exporter.errors import Reason, SourceError
from exporter.sources.bot_doctor import run_doctor
from tests.collectors.conftest import wait_for
from tests.sources.bots import make_bot


def test_nobody_to_wait_for() -> None:
    """Then the end is at once."""
    assert Ending().now(0.0)


def test_whoever_is_busy_is_asked_and_waited_for() -> None:
    """As long as that takes, but not longer than said."""
    ending, busy, ended = Ending(), threading.Event(), threading.Event()

    def work() -> None:
        with ending.awaited():
            busy.set()
            ending.asked_for.wait(20)
            ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert busy.wait(20)
    assert ending.now(20)
    assert ended.is_set()
    thread.join()
    with ending.awaited():
        assert not ending.now(0.05)


def test_a_bots_own_doctor_is_ended_when_it_is_asked_for(tmp_path: Path) -> None:
    """Long before its time is over, and its whole session."""
    mark = tmp_path / "pid"
    script = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(600)"
    bot = make_bot(tmp_path, commands={"doctor": [sys.executable, "-c", script, str(mark)]})
    stopping = threading.Event()
    failures: list[SourceError] = []

    def run() -> None:
        with pytest.raises(SourceError) as caught:
            run_doctor(bot, timeout=600, stopping=stopping)
        failures.append(caught.value)

    thread = threading.Thread(target=run)
    thread.start()
    pid = int(wait_for("the command", lambda: mark.exists() and mark.read_text()))
    started = time.monotonic()
    stopping.set()
    thread.join(60)
    assert time.monotonic() - started < 60
    assert [failure.reason for failure in failures] == [Reason.TIMEOUT]
    assert not psutil.pid_exists(pid)
