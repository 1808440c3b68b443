"""The demo as its user runs it, with every host clock tool replaced by a tell-tale."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.stack.demo import BUILD
from tests.stack.drill import STAGES
from tests.stack.programs import wait_until
from tests.stack.render import PROJECT

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

_CLOCK_TOOLS = (
    *("chronyc", "chronyd", "ntpdate", "ntpd", "ntpdig", "sntp", "timedatectl", "hwclock"),
    *("date", "w32tm", "adjtimex", "systemctl", "rdate"),
)

_TELL_TALE = """#!/bin/sh
case "$*" in
"-c tracking" | "show "* | "show-timesync"* | "timesync-status"* | "/query "*) ;;
*) echo "{name} $*" >> {called} ;;
esac
exit 1
"""


@pytest.fixture
def tell_tale(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """An environment whose clock tools only write down that they were called.

    The exporter may ask a time service how it stands; such questions are not written down.
    """
    called = tmp_path / "called"
    for name in _CLOCK_TOOLS:
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(_TELL_TALE.format(name=name, called=called))
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}, called


def _start(environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.stack.demo"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _left_over() -> list[str]:
    """Processes that work below the demo's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(BUILD)):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_the_demo_recovers_three_scenarios_and_leaves_nothing(
    tell_tale: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    """Three recoveries with seconds per stage, three reports, no host clock tool, no process."""
    environment, called = tell_tale
    output = tmp_path / "demo.txt"
    status = _start(environment, output).wait(500)
    assert status == 0, output.read_text()
    summary = json.loads((BUILD / "summary.json").read_text())
    assert [row["scenario"] for row in summary] == ["clock_drift", "kill_switch", "process_crash"]
    for row in summary:
        assert row["outcome"] == "recovered"
        seconds = [row["seconds"][stage] for stage in STAGES]
        assert seconds == sorted(seconds)
        report = (PROJECT / row["report"]).read_text()
        assert row["incident_id"] in report
        assert "### 7. Review" in report
    assert not called.exists(), called.read_text()
    assert not _left_over()


def test_ctrl_c_in_the_middle_leaves_nothing(
    tell_tale: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    """An interrupted demo stops what it started, also the bot, and says so."""
    environment, called = tell_tale
    output = tmp_path / "demo.txt"
    demo = _start(environment, output)
    wait_until(lambda: "→ contained" in output.read_text(), "the first scenario is contained", 200)
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait(200) == 130, output.read_text()
    assert "stopped" in output.read_text()
    assert not _left_over()
    assert not called.exists()
