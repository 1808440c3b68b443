"""The bot's process among all others: found, counted, and its end judged."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import ExitKind
from exporter.sources.host import TWIN_VARIABLE, read_process
from tests.sources.bots import make_bot, write
from tests.sources.v1_cgroup import wait_for

_SCRIPT = "import sys, time\nopen('up' + str(len(sys.argv)), 'w').close()\ntime.sleep(120)\n"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start the bot's script in its root and wait until it runs."""
    write(root, "live.py", _SCRIPT)
    started: list[subprocess.Popen[bytes]] = []

    def run(*options: str, cwd: Path = root, **env: str) -> subprocess.Popen[bytes]:
        mark = cwd / f"up{len(options) + 3}"
        mark.unlink(missing_ok=True)
        argv = [sys.executable, "live.py", "--config", "c.yaml", *options]
        process = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **env})
        started.append(process)
        deadline = time.monotonic() + 20
        while not mark.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _runs(argv: list[str], cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run something, and wait until it can be told by its command line.

    Popen returns while the kernel still replaces the program; the process has none then.
    """
    with subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL) as process:
        try:
            run = psutil.Process(process.pid)
            wait_for("its command line", lambda: run.cmdline()[1:] == argv[1:])
            yield process
        finally:
            process.kill()


def _bot(root: Path, **changes: object) -> Bot:
    command = ["setsid", "--fork", sys.executable, "live.py", "--config", "c.yaml"]
    return make_bot(root, **{"commands": {"start": command}, **changes})


def _pidfile(root: Path, pid: int) -> Path:
    return write(root, "state/bot.pid", f"{pid}\n")


def test_the_pidfiles_process_is_the_bot(root: Path, start: Start) -> None:
    """Running, with its pid, start time and birth."""
    process = start()
    _pidfile(root, process.pid)
    reading = read_process(make_bot(root))
    assert reading.up
    assert reading.pids == (process.pid,)
    assert reading.last_exit is ExitKind.RUNNING
    assert reading.start_time == pytest.approx(psutil.Process(process.pid).create_time(), abs=2)
    assert [pid for pid, _ in reading.births] == [process.pid]


def test_a_bot_without_a_pidfile_is_found_by_its_command(root: Path, start: Start) -> None:
    """A lost pidfile must not make a second start look safe."""
    process = start()
    assert read_process(_bot(root)).pids == (process.pid,)


def test_two_bots_in_one_root_are_two(root: Path, start: Start) -> None:
    """The rule that must never be broken is counted when it is."""
    first, second = start(), start()
    _pidfile(root, second.pid)
    assert set(read_process(_bot(root)).pids) == {first.pid, second.pid}


def test_the_same_command_in_another_root_is_another_bot(
    root: Path, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bots often share a command line; the directory tells them apart."""
    other = tmp_path_factory.mktemp("other")
    write(other, "live.py", _SCRIPT)
    start(cwd=other)
    assert not read_process(_bot(root)).up


def test_a_dry_run_never_counts_as_up(root: Path, start: Start) -> None:
    """By its option or by the mark in its environment."""
    by_option = start("--dry-run")
    by_mark = start(**{TWIN_VARIABLE: str(root)})
    reading = read_process(_bot(root))
    assert not reading.up
    assert set(reading.dry_run_pids) == {by_option.pid, by_mark.pid}


def test_a_marked_twin_elsewhere_belongs_to_the_bot_it_names(
    root: Path, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A twin runs in a copied directory; its mark says whose it is."""
    copy = tmp_path_factory.mktemp("twin")
    write(copy, "live.py", _SCRIPT)
    twin = start(cwd=copy, **{TWIN_VARIABLE: str(root)})
    assert read_process(_bot(root)).dry_run_pids == (twin.pid,)
    elsewhere = tmp_path_factory.mktemp("another")
    assert read_process(_bot(elsewhere)).dry_run_pids == ()


def test_a_pattern_finds_the_bot(root: Path, start: Start) -> None:
    """The third way to name a process."""
    process = start()
    bot = make_bot(root, process={"cmdline": r"live\.py --config c\.yaml$"})
    assert process.pid in read_process(bot).pids


def test_a_zombie_is_down(root: Path, start: Start) -> None:
    """A process that ended and was not waited for keeps its pid and does nothing."""
    process = start()
    _pidfile(root, process.pid)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not read_process(_bot(root)).up


def test_a_reused_pid_is_not_the_bot(root: Path, start: Start) -> None:
    """A process younger than the pidfile, elsewhere and not the bot's script, is another's."""
    with _runs(["sleep", "60"], Path("/")) as process:
        os.utime(_pidfile(root, process.pid), (1, 1))
        assert not read_process(make_bot(root)).up


@pytest.mark.parametrize("content", ["", "abc", "-1", "0", "99999999999", "12 13", b"\xff"])
def test_a_pidfile_that_is_none_leaves_it_open(root: Path, content: bytes | str) -> None:
    """Nothing found and a pidfile that cannot be read: nobody knows whether the bot runs."""
    write(root, "state/bot.pid", content)
    with pytest.raises(SourceError) as caught:
        read_process(make_bot(root))
    assert caught.value.reason is Reason.INVALID


def test_a_service_managers_command_is_not_the_bot(root: Path, start: Start) -> None:
    """While "systemctl start" waits in the bot's root it must not count as the bot."""
    start()
    command = ["/usr/bin/systemctl", "live.py", "--config", "c.yaml"]
    assert not read_process(make_bot(root, commands={"start": command})).up
    write(root, "state/bot.pid", "not a pid")
    with pytest.raises(SourceError):
        read_process(make_bot(root, commands={"start": command}))


def test_no_pidfile_is_down(root: Path) -> None:
    """A stopped bot has removed it."""
    reading = read_process(make_bot(root))
    assert not reading.up
    assert reading.last_exit is ExitKind.UNKNOWN


@pytest.mark.parametrize(
    ("arguments", "is_bot"),
    [
        (["live.py", "--config", "c.yaml"], True),
        (["-u", "./live.py", "--config=c.yaml"], True),
        (["live.py", "--config", "other.yaml"], False),
        (["live.py", "webserver"], False),
    ],
)
def test_a_bot_started_by_hand_is_found_beside_its_unit(
    root: Path, arguments: list[str], is_bot: bool
) -> None:
    """Run in the same way it is the bot; in another way nobody knows, and no start is allowed."""
    write(root, "live.py", _SCRIPT)
    commands = {
        "start": ["systemctl", "start", "bot.service"],
        "start_dry_run": ["venv/bin/python", "live.py", "--config", "c.yaml", "--dry-run"],
    }
    with _runs([sys.executable, *arguments], root) as process:
        reading = read_process(make_bot(root, commands=commands))
        assert (reading.pids, reading.up) == (((process.pid,), True) if is_bot else ((), False))
        assert reading.others == (() if is_bot else (process.pid,))


def test_another_bots_process_in_another_root_is_nothing_of_ours(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two bots may share one installed script; where it works tells whose it is."""
    script = write(tmp_path_factory.mktemp("shared"), "live.py", _SCRIPT)
    other = tmp_path_factory.mktemp("other")
    commands = {"start": ["setsid", "--fork", "python3", str(script)]}
    with _runs([sys.executable, str(script)], other) as process:
        reading = read_process(make_bot(root, commands=commands))
        assert (reading.up, reading.pids, reading.others) == (False, (), ())
        assert read_process(make_bot(other, commands=commands)).pids == (process.pid,)


def test_an_editor_on_the_script_is_no_bot(root: Path) -> None:
    """A wrong "up" would hide a crash."""
    write(root, "live.py", _SCRIPT)
    commands = {"start": ["setsid", "--fork", "python3", "live.py"]}
    with _runs(["tail", "-f", "live.py"], root):
        assert not read_process(make_bot(root, commands=commands)).up


def test_a_process_younger_than_its_pidfile_counts_if_it_works_in_the_root(
    root: Path, start: Start
) -> None:
    """A clock stepped forward makes every process look younger than its file."""
    process = start()
    file = _pidfile(root, process.pid)
    os.utime(file, (1_000_000, 1_000_000))
    assert read_process(make_bot(root)).pids == (process.pid,)
