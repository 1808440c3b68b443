"""The bot's own doctor: bounded in time and output, never recursive."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from exporter.errors import Reason, SourceError
from exporter.sources.bot_doctor import NESTED_VARIABLE, run_doctor
from tests.sources.bots import make_bot
from tests.sources.v1_cgroup import wait_for


def _bot(root: Path, code: str) -> object:
    return make_bot(root, commands={"doctor": [sys.executable, "-c", code]})


def test_status_and_last_lines(root: Path) -> None:
    """It runs in the bot's root, and what it said last is kept."""
    code = "import os\nfor i in range(9): print(i)\nprint(os.getcwd())\nraise SystemExit(3)"
    reading = run_doctor(_bot(root, code), timeout=20)  # type: ignore[arg-type]
    assert reading is not None
    assert reading.status == 3
    assert reading.lines[-2:] == ("8", str(root.resolve()))
    assert len(reading.lines) == 5


def test_one_that_hangs_is_ended(root: Path) -> None:
    """When its time is over."""
    with pytest.raises(SourceError) as caught:
        run_doctor(_bot(root, "import time; time.sleep(60)"), timeout=1)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.TIMEOUT


def test_one_that_is_ended_takes_its_children_with_it(root: Path) -> None:
    """Neither it nor what it started lives on, TERM ignored or not."""
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    stopping, mark = threading.Event(), root / "child"

    def stop() -> None:
        wait_for("its child", lambda: mark.exists() and mark.read_text())
        stopping.set()

    with ThreadPoolExecutor(1) as threads:
        stopped = threads.submit(stop)
        with pytest.raises(SourceError) as caught:
            run_doctor(_bot(root, code), timeout=50, stopping=stopping)  # type: ignore[arg-type]
        stopped.result()
    assert caught.value.reason is Reason.TIMEOUT
    pid = int(mark.read_text())
    wait_for("its child's end", lambda: not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_one_that_cannot_start(root: Path) -> None:
    """It is a failure to check, not a pass."""
    bot = make_bot(root, commands={"doctor": ["/nonexistent/doctor"]})
    with pytest.raises(SourceError) as caught:
        run_doctor(bot, timeout=5)
    assert caught.value.reason is Reason.UNREADABLE


def test_ours_as_the_bots_does_not_call_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that we set for the command ends the recursion."""
    monkeypatch.setenv(NESTED_VARIABLE, "1")
    assert run_doctor(_bot(root, "raise SystemExit(1)"), timeout=5) is None  # type: ignore[arg-type]


def test_without_a_command_nothing_runs(root: Path) -> None:
    """It is optional."""
    assert run_doctor(make_bot(root), timeout=5) is None
