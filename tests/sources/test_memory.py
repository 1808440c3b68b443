"""The bot's memory: its processes together, and the limit that it will hit first."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from exporter.readings import ExitKind, ProcessReading
from exporter.sources.memory import MemoryReader, read_memory
from exporter.sources.process_tree import look, tree
from tests.sources.bots import make_bot
from tests.sources.v1_cgroup import wait_for

TREES = Path(__file__).parent / "trees"
MEBIBYTE = 1 << 20
_TAKE = "kept = bytearray(b'x') * (40 << 20)\n"
_BOT = (
    f"import subprocess, sys, time\n{_TAKE}"
    "if len(sys.argv) > 1:\n"
    f"    subprocess.Popen([sys.executable, '-c', {_TAKE + 'import time; time.sleep(120)'!r}])\n"
    "print('up', flush=True)\ntime.sleep(120)\n"
)


def reading(*pids: int) -> ProcessReading:
    """A live bot with these processes, or one that is down."""
    return ProcessReading(
        up=bool(pids),
        pids=pids,
        dry_run_pids=(),
        start_time=None,
        last_exit=ExitKind.RUNNING,
        detail="",
        births=tuple((pid, 1.0) for pid in pids),
    )


def _run(*arguments: str, address_space: int | None = None) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _BOT, *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    # Only a process that is at rest has the same size twice.
    asleep = psutil.STATUS_SLEEPING
    wait_for("its sleep", lambda: psutil.Process(process.pid).status() == asleep)
    if address_space is not None:
        limits = (address_space, resource.RLIM_INFINITY)
        resource.prlimit(process.pid, resource.RLIMIT_AS, limits)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    for pid in tree([process.pid]) - {process.pid}:
        os.kill(pid, 9)
    process.kill()
    process.communicate()


@pytest.fixture
def alone() -> Iterator[subprocess.Popen[bytes]]:
    """A bot of one process that holds 40 MiB."""
    process = _run()
    yield process
    _end(process)


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A bot with a worker; each holds 40 MiB."""
    process = _run("worker")
    yield process
    _end(process)


@pytest.fixture
def captured(tmp_path: Path, alone: subprocess.Popen[bytes]) -> Path:
    """The captured version 2 tree, with a living process in the place of ``calm``'s."""
    shutil.copytree(TREES / "v2", tmp_path / "v2")
    calm = tmp_path / "v2/cgroup/bots.slice/calm.service"
    (calm / "cgroup.procs").write_text(f"{alone.pid}\n")
    (tmp_path / "v2/proc/calm").rename(tmp_path / f"v2/proc/{alone.pid}")
    return tmp_path / "v2"


def test_a_bot_of_one_process(root: Path, alone: subprocess.Popen[bytes]) -> None:
    """What it holds is resident, its own, and used."""
    found = read_memory(make_bot(root), reading(alone.pid))
    assert found is not None
    assert found.resident_bytes == psutil.Process(alone.pid).memory_info().rss
    assert 40 * MEBIBYTE <= (found.unique_bytes or 0) <= found.resident_bytes
    assert found.swap_bytes is not None


def test_a_workers_memory_is_the_bots(root: Path, family: subprocess.Popen[bytes]) -> None:
    """It counts against the same limit, and its death is the bot's loss."""
    wait_for("the worker", lambda: len(tree([family.pid])) == 2)

    def together() -> bool:
        found = read_memory(make_bot(root), reading(family.pid))
        return found is not None and (found.unique_bytes or 0) >= 80 * MEBIBYTE

    wait_for("both to hold their memory", together)


def test_children_are_found_without_the_kernels_list(
    tmp_path: Path, family: subprocess.Popen[bytes]
) -> None:
    """Some kernels do not list them; then all processes are asked for their parent."""
    wait_for("the worker", lambda: len(tree([family.pid])) == 2)
    assert tree([family.pid], proc=tmp_path) == tree([family.pid])


def test_a_bot_that_is_down_has_no_memory(root: Path) -> None:
    """That is no failure of the source; nor is one that ends while it is read."""
    assert read_memory(make_bot(root), reading()) is None
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert read_memory(make_bot(root), reading(gone.pid)) is None


def test_ulimit_is_a_limit_on_address_space(root: Path) -> None:
    """The runbook's ``ulimit -v``: what counts is what is mapped, resident or not."""
    process = _run(address_space=2 << 30)
    try:
        found = read_memory(make_bot(root), reading(process.pid))
        assert found is not None
        assert (found.limit_kind, found.limit_bytes) == ("rlimit", 2 << 30)
        assert found.used_bytes == psutil.Process(process.pid).memory_info().vms
    finally:
        _end(process)


def test_a_limit_of_our_own_counts_what_is_resident(
    root: Path, alone: subprocess.Popen[bytes]
) -> None:
    """For a host on which nothing else confines the bot."""
    bot = make_bot(root, memory={"limit_bytes": 64 * MEBIBYTE})
    found = read_memory(bot, reading(alone.pid))
    assert found is not None
    assert (found.limit_kind, found.limit_bytes) == ("config", 64 * MEBIBYTE)
    assert found.used_bytes == found.resident_bytes


def test_the_nearest_limit_counts_not_the_lowest(root: Path) -> None:
    """All but a MiB mapped is nearer than a part resident of a limit that is lower."""
    process = _run()
    try:
        mapped = psutil.Process(process.pid).memory_info().vms
        limits = (mapped + MEBIBYTE, mapped + MEBIBYTE)
        resource.prlimit(process.pid, resource.RLIMIT_AS, limits)
        bot = make_bot(root, memory={"limit_bytes": mapped - MEBIBYTE})
        found = read_memory(bot, reading(process.pid))
        assert found is not None
        assert found.limit_kind == "rlimit"
    finally:
        _end(process)


def test_a_version_2_cgroup(root: Path, alone: subprocess.Popen[bytes], captured: Path) -> None:
    """Its limit, what counts against it, its kills and its pressure."""
    reader = MemoryReader(make_bot(root), root=captured / "cgroup", proc=captured / "proc")
    found = reader.read(reading(alone.pid))
    assert found is not None
    assert (found.limit_kind, found.limit_bytes) == ("cgroup_v2", 104_857_600)
    assert found.used_bytes == 49_864_704
    assert found.oom_kills == 0
    assert found.pressure == {"some": 0.125, "full": 0.04}


def test_a_full_slice_is_nearer_than_the_bots_own_limit(
    root: Path, alone: subprocess.Popen[bytes], captured: Path
) -> None:
    """When the neighbours have taken it all, the kernel may choose the bot."""
    (captured / "cgroup/bots.slice/memory.current").write_text("180000000\n")
    reader = MemoryReader(make_bot(root), root=captured / "cgroup", proc=captured / "proc")
    found = reader.read(reading(alone.pid))
    assert found is not None
    assert found.limit_bytes == 157_286_400


@pytest.mark.parametrize("stranger", ["exporter", "somebody"])
def test_a_shared_cgroup_limits_but_its_kills_are_not_the_bots(
    root: Path, alone: subprocess.Popen[bytes], captured: Path, stranger: str
) -> None:
    """A kill in it may have hit anyone."""
    other = subprocess.Popen(["sleep", "60"])
    pid = os.getpid() if stranger == "exporter" else other.pid
    procs = captured / "cgroup/bots.slice/calm.service/cgroup.procs"
    procs.write_text(f"{alone.pid}\n{pid}\n")
    try:
        reader = MemoryReader(make_bot(root), root=captured / "cgroup", proc=captured / "proc")
        found = reader.read(reading(alone.pid))
    finally:
        other.kill()
        other.wait()
    assert found is not None
    assert found.limit_bytes == 104_857_600
    assert found.oom_kills is None


def test_what_the_bot_was_started_through_is_no_stranger(captured: Path) -> None:
    """In a container an init stands before it; a shell may wait for it."""
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 60; true"], start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        wait_for("the child", lambda: len(tree([shell.pid])) == 2)
        (child,) = tree([shell.pid]) - {shell.pid}
        (captured / f"proc/{child}").mkdir()
        (captured / f"proc/{child}/cgroup").write_text("0::/bots.slice/calm.service\n")
        procs = captured / "cgroup/bots.slice/calm.service/cgroup.procs"
        procs.write_text(f"{shell.pid}\n{child}\n")
        family = look([child], root=captured / "cgroup", proc=captured / "proc")
        assert family.own is not None
        os.kill(child, 9)
    finally:
        shell.kill()
        shell.wait()


@pytest.mark.parametrize("path", ["/", "/user.slice/user-1000.slice/session-3.scope"])
def test_a_login_or_the_root_is_nobodys_own(
    captured: Path, alone: subprocess.Popen[bytes], path: str
) -> None:
    """Whatever runs in it at this moment."""
    place = captured / f"cgroup{path}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "cgroup.procs").write_text(f"{alone.pid}\n")
    (captured / f"proc/{alone.pid}/cgroup").write_text(f"0::{path}\n")
    family = look([alone.pid], root=captured / "cgroup", proc=captured / "proc")
    assert family.cgroup is not None
    assert family.own is None


def test_the_costly_figure_is_read_now_and_then(root: Path, alone: subprocess.Popen[bytes]) -> None:
    """The kernel walks every page for it; half a minute old is young enough."""
    now = [time.monotonic()]
    reader = MemoryReader(make_bot(root), monotonic=lambda: now[0])
    first = reader.read(reading(alone.pid))
    assert first is not None
    reader._unique = 1
    now[0] += 29
    again = reader.read(reading(alone.pid))
    assert again is not None
    assert again.unique_bytes == 1
    now[0] += 2
    later = reader.read(reading(alone.pid))
    assert later is not None
    assert later.unique_bytes == pytest.approx(first.unique_bytes, rel=0.1)
