"""Who says that the bot was killed for want of memory, and who cannot."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.errors import Reason, SourceError
from exporter.readings import OomEvidence, ProcessReading
from exporter.sources.oom import OomWitnesses
from exporter.sources.systemd import parse
from tests.sources.test_memory import reading

TREES = Path(__file__).parent / "trees"
_LOG = tuple((TREES / "v2/kernel.txt").read_text().splitlines())
_SERVICE = "cgroup/system.slice/oomchild.service"


class Ground:
    """The captured version 2 tree with a bot of two processes, and what the kernel has logged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: tuple[str, ...] | SourceError = ()
        shutil.copytree(TREES / "v2", folder / "v2")
        self.proc = folder / "v2/proc"
        (self.proc / "self/ns").mkdir()
        (self.proc / "self/ns/pid").symlink_to("/proc/self/ns/pid")
        self.live(730, 733)
        self.witnesses = OomWitnesses(
            root=folder / "v2/cgroup", proc=self.proc, kernel_lines=lambda _: self._kernel_lines()
        )

    def live(self, bot: int, *workers: int) -> None:
        """Let the bot have these processes."""
        for pid in (bot, *workers):
            (self.proc / f"{pid}/task/{pid}").mkdir(parents=True, exist_ok=True)
            (self.proc / f"{pid}/task/{pid}/children").write_text("")
            shutil.copyfile(TREES / "v2/proc/oomchild/cgroup", self.proc / f"{pid}/cgroup")
        children = " ".join(str(pid) for pid in workers)
        (self.proc / f"{bot}/task/{bot}/children").write_text(children)
        procs = "".join(f"{pid}\n" for pid in (bot, *workers))
        (self.folder / "v2" / _SERVICE / "cgroup.procs").write_text(procs)

    def empty(self) -> None:
        """Let the bot be gone, and its cgroup still there."""
        (self.folder / "v2" / _SERVICE / "cgroup.procs").write_text("")

    def _kernel_lines(self) -> tuple[str, ...]:
        if isinstance(self.log, SourceError):
            raise self.log
        return self.log


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Before anything has happened but what the captured tree holds."""
    return Ground(tmp_path)


def _kills(evidence: OomEvidence) -> tuple[int | None, int]:
    return evidence.cgroup_kills, evidence.log_kills


def test_the_cgroup_counts_while_it_is_there(ground: Ground) -> None:
    """Also when the bot is dead and its cgroup empty."""
    assert _kills(ground.witnesses.read(reading(730))) == (1, 0)
    ground.empty()
    assert _kills(ground.witnesses.read(reading())) == (1, 0)
    shutil.rmtree(ground.folder / "v2" / _SERVICE)
    evidence = ground.witnesses.read(reading())
    assert (evidence.cgroup, evidence.cgroup_kills) == (None, None)


def test_an_empty_cgroup_that_others_have_entered_is_the_bots_no_more(ground: Ground) -> None:
    """What dies there now is somebody else."""
    ground.witnesses.read(reading(730))
    (ground.folder / "v2" / _SERVICE / "cgroup.procs").write_text("99\n")
    line = next(line for line in _LOG if "pid=733" in line)
    ground.log = (line.replace("pid=733", "pid=99"),)
    assert _kills(ground.witnesses.read(reading())) == (None, 0)


def test_a_unit_names_its_cgroup_when_no_process_does(ground: Ground) -> None:
    """While it is between two processes, as before its main one has begun."""
    process = replace(reading(), control_group="/system.slice/oomchild.service")
    assert ground.witnesses.read(process).cgroup_kills == 1


def test_the_kernels_log_names_the_victim(ground: Ground) -> None:
    """733 was a worker; the line that names it is news only once."""
    ground.witnesses.read(reading(730))
    ground.log = _LOG
    ground.live(730)
    assert ground.witnesses.read(reading(730)).log_kills == 1
    assert ground.witnesses.read(reading(730)).log_kills == 0
    ground.live(730, 733)
    ground.witnesses.read(reading(730))
    ground.live(730)
    assert ground.witnesses.read(reading(730)).log_kills == 0


def test_a_victim_that_came_and_went_between_two_looks_is_known_by_its_cgroup(
    ground: Ground,
) -> None:
    """The counter has moved, and the log says in which cgroup."""
    ground.live(730)
    ground.witnesses.read(reading(730))
    ground.log = _LOG
    local = ground.folder / "v2" / _SERVICE / "memory.events.local"
    local.write_text(local.read_text().replace("oom_kill 1", "oom_kill 2"))
    assert _kills(ground.witnesses.read(reading(730))) == (2, 1)
    assert _kills(ground.witnesses.read(reading(730))) == (2, 0)


def test_what_the_log_said_before_the_first_look_is_history(ground: Ground) -> None:
    """The pid may be another process's by now."""
    ground.log = _LOG
    ground.witnesses.read(reading(730))
    ground.live(730)
    assert ground.witnesses.read(reading(730)).log_kills == 0


def test_another_victim_is_not_the_bot(ground: Ground) -> None:
    """A worker ended by itself while the kernel killed a neighbour."""
    ground.witnesses.read(reading(730))
    ground.log = tuple(line for line in _LOG if "731" in line)
    ground.live(730)
    assert ground.witnesses.read(reading(730)).log_kills == 0


def _in_a_container(ground: Ground) -> None:
    (ground.proc / "self/ns/pid").unlink()
    (ground.proc / "self/ns/pid").write_text("")


def _not_allowed(ground: Ground) -> None:
    ground.log = SourceError(Reason.UNREADABLE, "not permitted")


@pytest.mark.parametrize("blind", [_in_a_container, _not_allowed])
def test_a_log_that_cannot_be_used_leaves_the_others(
    ground: Ground, blind: Callable[[Ground], None]
) -> None:
    """Pids of another namespace name other processes; no rights, no log."""
    ground.witnesses.read(reading(730))
    ground.log = _LOG
    blind(ground)
    ground.live(730)
    assert _kills(ground.witnesses.read(reading(730))) == (1, 0)


@pytest.mark.parametrize(
    "line",
    [
        "[  14.49] Memory cgroup out of memory: Killed process 733 (python3) total-vm:79480kB",
        "[  14.49] Out of memory: Killed process 733 (a b) c) total-vm:79480kB, anon-rss:65032kB",
        "[  14.49] Killed process 733 (python3) total-vm:79480kB, anon-rss:65032kB",
    ],
)
def test_every_kernels_words_are_known(ground: Ground, line: str) -> None:
    """By a cgroup's limit, by the host's, and as kernels before 5.0 put it."""
    ground.witnesses.read(reading(730))
    ground.log = (line,)
    ground.live(730)
    assert ground.witnesses.read(reading(730)).log_kills == 1


@pytest.mark.parametrize(("layout", "told"), [("v2", True), ("hybrid", False), ("v1", False)])
def test_systemd_tells_with_version_2_only(layout: str, told: bool) -> None:
    """With version 1 the same kill is ``signal`` to it, as captured."""
    unit = parse("oomstop.service", (TREES / layout / "show-oomstop.txt").read_text())
    assert (unit.oom_run is not None) == told
    assert unit.control_group is None


def test_systemds_verdict_is_passed_on(ground: Ground) -> None:
    """It comes with the process, and names the run."""
    process: ProcessReading = replace(reading(), oom_run="75d5a266")
    assert ground.witnesses.read(process).unit_run == "75d5a266"
