"""The bot's own doctor: bounded in time and output, never recursive."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from exporter.errors import Reason, SourceError
from exporter.sources.bot_doctor import NESTED_VARIABLE, run_doctor
from tests.sources.bots import make_bot


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


def test_one_that_hangs_is_ended_with_its_children(root: Path) -> None:
    """Neither it nor what it started outlives the timeout, TERM ignored or not."""
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    with pytest.raises(SourceError) as caught:
        run_doctor(_bot(root, code), timeout=2)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.TIMEOUT
    pid = int((root / "child").read_text())
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
