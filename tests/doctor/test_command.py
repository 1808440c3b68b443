"""The command: what it prints, how it ends, and how long it takes."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.collectors.conftest import Watched, wait_for
from tests.doctor.conftest import Ward, living
from tests.sim.faults.network_disconnection import NetworkDisconnection
from tests.sources.bots import write

_PROJECT = Path(__file__).parents[2]


@pytest.fixture
def running(watched: Watched) -> Iterator[None]:
    """A process that is the bot as far as its pidfile says."""
    with living() as pid:
        write(watched.root, "state/bot.pid", str(pid))
        yield


@pytest.mark.usefixtures("running")
def test_a_healthy_bot_is_one_line_or_all_of_them(watched: Watched) -> None:
    """The table says so, and so does the exit status."""
    brief = watched.run("doctor")
    assert brief.returncode == 0, brief.stdout
    first, rest = brief.stdout.splitlines()
    assert first.startswith("All ")
    assert first.endswith(" checks passed.")
    assert rest.endswith("found nothing to check; --verbose says why.")
    full = watched.run("doctor", "--verbose")
    assert full.returncode == 0
    assert full.stdout.startswith("alpha:\n\nGeneral\n  ok       configuration")
    headings = [line for line in full.stdout.splitlines() if line[:1].isdigit() and ". " in line]
    assert [line.split(".")[0] for line in headings[:10]] == [str(n) for n in range(1, 11)]
    assert "  -        market data         venue.symbols is not configured" in full.stdout
    assert max(map(len, full.stdout.splitlines())) <= 80
    assert brief.stderr == full.stderr == ""


def test_a_failure_is_1_and_says_what_to_do(watched: Watched) -> None:
    """Only what is wrong, under its section of the runbook, with the next command in one piece."""
    result = watched.run("doctor")
    assert result.returncode == 1
    assert "6. Process Crash\n  FAIL     process\n" in result.stdout
    assert f"`tail -100 {watched.root}/logs/*.log`" in result.stdout
    assert "Do not resume." in result.stdout
    assert "  ok " not in result.stdout


@pytest.mark.usefixtures("running")
def test_what_could_not_be_checked_is_2(watched: Watched) -> None:
    """It is no failure, and no pass."""
    silent = {"ntp_servers": ["127.0.0.1:9"] * 3, "timeout_seconds": 5.0}
    watched.plain["exporter"] |= silent
    watched.save()
    result = watched.run("doctor")
    assert result.returncode == 2
    assert "2. Clock Drift\n  UNKNOWN  clock\n" in result.stdout
    assert "1 could not be made" in result.stdout


def test_one_scenario_or_some(watched: Watched) -> None:
    """And nothing else, in the runbook's order."""
    result = watched.run(
        *("doctor", "--json", "--scenario=position_mismatch", "--scenario=clock_drift")
    )
    assert result.returncode == 0
    report = json.loads(result.stdout)
    assert [check["check"] for check in report["checks"]] == ["clock", "positions"]
    assert {one["scenario"] for one in report["not_offered"]} <= {"clock_drift"}


def test_a_scenario_with_nothing_to_check_is_2(watched: Watched) -> None:
    """Nobody may take it for a pass."""
    result = watched.run("doctor", "--scenario=partial_fills")
    assert result.returncode == 2
    assert result.stdout.startswith("Nothing was checked.\n1 more found nothing to check")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--scenario=weather",), "network_disconnection"),
        (("--gate=resume", "--scenario=clock_drift"), "--scenario contradicts it"),
    ],
)
def test_a_wrong_option_is_one_line(
    watched: Watched, arguments: tuple[str, ...], text: str
) -> None:
    """A gate that is asked only in part would be none."""
    result = watched.run("doctor", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


def test_a_configuration_that_is_wrong_was_not_checked(watched: Watched) -> None:
    """Neither passed nor failed: exit status 2."""
    watched.bot["mode"] = "demo"
    watched.save()
    assert watched.run("doctor").returncode == 2


def test_several_bots_are_told_apart(watched: Watched) -> None:
    """Each with its own part, in the order of the file; one can be chosen."""
    venue = {**watched.bot["venue"], "account": "second"}
    beta = {**watched.bot, "name": "beta", "root": str(watched.root / "b"), "venue": venue}
    watched.plain["bots"].append(beta)
    watched.save()
    result = watched.run("doctor")
    assert result.stdout.index("alpha:\n") < result.stdout.index("beta:\n")
    # How long the paths are decides where a line ends.
    assert "is not a directory" in " ".join(result.stdout.split())
    only = watched.run("doctor", "--bot=alpha")
    assert "beta" not in only.stdout


def test_more_bots_than_are_examined_at_once(watched: Watched) -> None:
    """All of them, in the order of the file."""
    names = [f"bot{number}" for number in range(20)]
    watched.plain["bots"] = [{**watched.bot, "name": name} for name in names]
    watched.save()
    result = watched.run("doctor", "--json", "--scenario=kill_switch")
    assert result.returncode == 0
    assert [check["bot"] for check in json.loads(result.stdout)["checks"]] == names


def test_secrets_are_taken_out_of_the_table(watched: Watched) -> None:
    """However the bot's own doctor prints them."""
    script = "import os\nprint('it is', os.environ['TW_TEST_SECRET'])\nraise SystemExit(1)"
    watched.bot["commands"] = {"doctor": [sys.executable, "-c", script]}
    watched.save()
    result = watched.run("doctor", "--verbose")
    assert "exit status 1: it is <secret>" in result.stdout
    assert not any(secret in result.stdout + result.stderr for secret in watched.secrets)


def test_a_stalled_exchange_does_not_stall_the_doctor(ward: Ward) -> None:
    """What is stuck when its time is up is unknown; the rest is told."""
    ward.plain["exporter"]["timeout_seconds"] = 60.0
    ward.save()
    ward.inject(NetworkDisconnection(kind="hang"))
    started = time.monotonic()
    checks = ward.checks(deadline_seconds=5.0)
    assert time.monotonic() - started < 45
    assert checks["positions"].detail == "it did not end within 5 s"
    assert checks["kill switch"].ok


def _start(watched: Watched, stderr: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "exporter", "doctor", f"--config.file={watched.file}"],
        cwd=_PROJECT,
        env={**os.environ, **watched.env},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def test_ctrl_c_ends_it_at_once_and_the_bots_own_doctor_with_it(watched: Watched) -> None:
    """130, and nothing is left running."""
    script = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(600)"
    mark = watched.root / "own.pid"
    watched.bot["commands"] = {"doctor": [sys.executable, "-c", script, str(mark)]}
    watched.plain["exporter"]["timeout_seconds"] = 60.0
    watched.save()
    NetworkDisconnection(kind="hang").inject(watched.simulator.world)
    process = _start(watched, subprocess.DEVNULL)
    pid = int(wait_for("the bot's own doctor", lambda: mark.exists() and mark.read_text()))
    started = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert time.monotonic() - started < 30
    assert not psutil.pid_exists(pid)


def test_on_a_terminal_it_says_what_takes_so_long(watched: Watched) -> None:
    """And takes the line away again."""
    NetworkDisconnection(kind="hang").inject(watched.simulator.world)
    watched.plain["exporter"]["timeout_seconds"] = 60.0
    watched.save()
    master, slave = pty.openpty()
    process = _start(watched, slave)
    os.close(slave)
    seen = b""
    try:
        deadline = time.monotonic() + 50
        while b"checking alpha: " not in seen:
            assert select.select([master], [], [], max(0.0, deadline - time.monotonic()))[0]
            seen += os.read(master, 4096)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
        while select.select([master], [], [], 0)[0]:
            try:
                seen += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
    finally:
        os.close(master)
        process.kill()
        process.wait()
    assert re.search(rb"\d s: checking alpha: ", seen)
    assert b"\r\x1b[K" in seen.rpartition(b"checking")[2]
