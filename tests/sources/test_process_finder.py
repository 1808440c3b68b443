"""Finding the bot again and again: as sure as the first time, at a fraction of the cost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from exporter.config import Bot
from exporter.sources.host import ProcessFinder, read_process
from exporter.sources.process_search import birth
from tests.sources.bots import make_bot, write
from tests.sources.v1_cgroup import wait_for

_SCRIPT = "import time\nopen('up', 'a').write('x')\ntime.sleep(120)\n"


class Ground:
    """A bot's root in which its script can be started, and a clock that stands still."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = 1000.0
        self.started: list[subprocess.Popen[bytes]] = []
        write(root, "live.py", _SCRIPT)

    @property
    def bot(self) -> Bot:
        """The bot that is found by what its start command runs."""
        return make_bot(self.root, commands={"start": ["setsid", "python3", "live.py"]})

    def finder(self) -> ProcessFinder:
        """A finder that goes by our clock."""
        return ProcessFinder(self.bot, monotonic=lambda: self.now)

    def start(self, script: str = "live.py") -> int:
        """Start the bot and wait until it runs."""
        mark = self.root / "up"
        before = len(mark.read_text()) if mark.exists() else 0
        process = subprocess.Popen([sys.executable, script], cwd=self.root)
        self.started.append(process)
        wait_for("the bot", lambda: mark.exists() and len(mark.read_text()) > before)
        return process.pid

    def kill(self) -> None:
        """End the bot that was started last, without a trace."""
        process = self.started.pop()
        process.kill()
        process.wait()


@pytest.fixture
def ground(root: Path) -> Iterator[Ground]:
    """Leaves no process behind."""
    made = Ground(root)
    yield made
    while made.started:
        made.kill()


def test_it_says_the_same_as_a_look_without_memory(ground: Ground) -> None:
    """In every field, however often it is asked."""
    ground.start()
    finder = ground.finder()
    assert finder.read() == finder.read() == read_process(ground.bot)


def test_a_process_that_is_gone_is_missed_at_once(ground: Ground) -> None:
    """A crash must show at the next scrape, not five seconds later."""
    ground.start()
    finder = ground.finder()
    assert finder.read().up
    ground.kill()
    assert not finder.read().up


def test_a_new_process_in_its_place_is_found_at_once(ground: Ground) -> None:
    """A quick restart is never seen as a gap."""
    ground.start()
    finder = ground.finder()
    finder.read()
    ground.kill()
    pid = ground.start()
    assert finder.read().pids == (pid,)


def test_a_start_is_seen_at_once(ground: Ground) -> None:
    """While the bot is down every look is a full one."""
    finder = ground.finder()
    assert not finder.read().up
    pid = ground.start()
    assert finder.read().pids == (pid,)


def test_a_second_bot_is_seen_within_five_seconds(ground: Ground) -> None:
    """Started by hand beside the first: two bots must never go unseen."""
    first = ground.start()
    finder = ground.finder()
    finder.read()
    second = ground.start()
    ground.now += 5.0
    assert set(finder.read().pids) == {first, second}


def test_between_two_searches_others_are_not_looked_at(ground: Ground) -> None:
    """That is the saving, and the reason for the five seconds."""
    first = ground.start()
    finder = ground.finder()
    finder.read()
    ground.start()
    ground.now += 4.9
    assert finder.read().pids == (first,)


def test_a_process_that_becomes_something_else_is_the_bot_no_more(ground: Ground) -> None:
    """The same pid may run another program; what it runs is looked at each time."""
    write(
        ground.root,
        "live.py",
        "import os, time\nopen('up', 'a').write('x')\n"
        "while not os.path.exists('go'):\n    time.sleep(0.01)\n"
        "os.execvp('sleep', ['sleep', '60'])\n",
    )
    pid = ground.start()
    finder = ground.finder()
    assert finder.read().pids == (pid,)
    write(ground.root, "go", "")
    wait_for("the exec", lambda: psutil.Process(pid).cmdline() == ["sleep", "60"])
    assert not finder.read().up


def test_a_stranger_that_becomes_the_bot_is_found(ground: Ground) -> None:
    """A verdict holds only while the process runs the same thing in the same place."""
    ground.start()
    write(
        ground.root,
        "wrapper.py",
        "import os, sys, time\nopen('up', 'a').write('x')\n"
        "while not os.path.exists('go'):\n    time.sleep(0.01)\n"
        "os.execv(sys.executable, [sys.executable, 'live.py'])\n",
    )
    stranger = ground.start("wrapper.py")
    finder = ground.finder()
    assert stranger not in finder.read().pids
    write(ground.root, "go", "")
    wait_for("the exec", lambda: psutil.Process(stranger).cmdline()[1:] == ["live.py"])
    ground.now += 5.0
    assert stranger in finder.read().pids


def test_a_pidfile_is_read_each_time(ground: Ground) -> None:
    """A bot known by its pidfile alone is remembered and missed like any other."""
    finder = ProcessFinder(make_bot(ground.root), monotonic=lambda: ground.now)
    assert not finder.read().up
    pid = ground.start()
    write(ground.root, "state/bot.pid", str(pid))
    assert finder.read().pids == (pid,)
    (ground.root / "state/bot.pid").unlink()
    assert not finder.read().up


def test_a_pidfile_of_another_time_is_judged_anew(ground: Ground) -> None:
    """The process was its writer's; of an older file it can only have got the number."""
    finder = ProcessFinder(make_bot(ground.root), monotonic=lambda: ground.now)
    process = subprocess.Popen(["sleep", "60"], cwd="/")
    ground.started.append(process)
    wait_for("the exec", lambda: psutil.Process(process.pid).cmdline() == ["sleep", "60"])
    pidfile = write(ground.root, "state/bot.pid", str(process.pid))
    assert [finder.read().pids for _ in range(3)] == [(process.pid,)] * 3
    os.utime(pidfile, (1e9, 1e9))
    assert not finder.read().up


def test_a_dead_process_that_nobody_has_waited_for_is_missed_at_once(ground: Ground) -> None:
    """It keeps its pid and its time of birth."""
    pid = ground.start()
    finder = ground.finder()
    assert finder.read().up
    os.kill(pid, signal.SIGKILL)
    wait_for("its end", lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert not finder.read().up


def test_a_process_that_moves_away_is_judged_anew(ground: Ground) -> None:
    """Where it works is a part of what makes it the bot."""
    write(
        ground.root,
        "live.py",
        "import os, time\nopen('up', 'a').write('x')\n"
        "while not os.path.exists('go'):\n    time.sleep(0.01)\n"
        "os.chdir('/')\ntime.sleep(60)\n",
    )
    pid = ground.start()
    finder = ground.finder()
    assert finder.read().pids == (pid,)
    write(ground.root, "go", "")
    wait_for("the move", lambda: psutil.Process(pid).cwd() == "/")
    assert not finder.read().up


def test_a_birth_is_counted_from_boot(ground: Ground) -> None:
    """So that a step of the clock makes no new process of the old one."""
    pid = ground.start()
    boot = psutil.boot_time()  # what psutil counts from until it is asked again
    since_boot = psutil.Process(pid).create_time() - boot
    assert birth(pid) == pytest.approx(since_boot, abs=0.02)


def test_a_name_with_brackets_and_spaces_does_not_shift_the_fields(tmp_path: Path) -> None:
    """A program may name itself as it likes."""
    (tmp_path / "9").mkdir()
    ticks = os.sysconf("SC_CLK_TCK")
    fields = " ".join(["S", *["1"] * 18, str(7 * ticks), "0"])
    (tmp_path / "9/stat").write_text(f"9 (a) b (c)) {fields}\n")
    assert birth(9, proc=tmp_path) == 7.0


@pytest.mark.parametrize("content", ["", "9 (x", "9 (x) S 1", "9 (x) " + "a " * 30])
def test_a_birth_that_is_not_said_is_unknown(tmp_path: Path, content: str) -> None:
    """Not a number of seconds that somebody could compare."""
    (tmp_path / "9").mkdir()
    (tmp_path / "9/stat").write_text(content)
    assert birth(9, proc=tmp_path) is None
