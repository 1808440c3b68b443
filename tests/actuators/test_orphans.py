"""What an interrupted run left behind, found by marker and by journalled leader."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediation.actuators.orphans import kill_marked
from remediation.actuators.sessions import MARKER, Spawn, find, start_time
from tests.actuators.conftest import STEP, alive, until

LOOP = "while :; do sleep 0.1; done"


class Orphans:
    """Processes as a dead receiver leaves them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, script: str, marker: str | None) -> Spawn:
        """Start a shell script in a session of its own."""
        environment = {"PATH": os.environ["PATH"]}
        if marker is not None:
            environment[MARKER] = marker
        popen = subprocess.Popen(
            ["sh", "-c", script],
            env=environment,
            start_new_session=True,
            cwd=self._root,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(popen)
        return Spawn(marker or "unmarked", popen.pid, start_time(popen.pid) or 0.0)


@pytest.fixture
def orphans(root: Path) -> Iterator[Orphans]:
    """A source of orphans, all gone afterwards."""
    made = Orphans(root)
    yield made
    for popen in made.started:
        popen.kill()
        popen.wait()


def test_the_marker_finds_them_wherever_they_went(orphans: Orphans, root: Path) -> None:
    """A stubborn leader and a child in a session of its own, without any journal."""
    leader = orphans.start(
        f"trap '' TERM; setsid sh -c 'echo $$ > pid; {LOOP}' & {LOOP}", f"{STEP}-1"
    )
    until(lambda: (root / "pid").exists() and (root / "pid").read_text(), "the child")
    other = orphans.start(LOOP, f"{STEP}-2")
    killed = kill_marked({f"{STEP}-1"}, [])
    child = int((root / "pid").read_text())
    assert {leader.pid, child} <= set(killed)
    assert not alive(leader.pid)
    assert not alive(child)
    assert alive(other.pid)


def test_the_journalled_leader_finds_its_session(orphans: Orphans) -> None:
    """Pid and start time are enough, even without the step in question."""
    spawn = orphans.start(LOOP, f"{STEP}-1")
    assert spawn.pid in kill_marked([], [spawn])
    assert not alive(spawn.pid)


def test_a_reused_pid_is_left_alone(orphans: Orphans) -> None:
    """The pid matches, the start time does not: somebody else's process."""
    spawn = orphans.start(LOOP, None)
    stale = Spawn(f"{STEP}-1", spawn.pid, spawn.start_time - 100)
    assert kill_marked([], [stale]) == []
    assert alive(spawn.pid)


def test_an_unmarked_start_is_asked_and_never_killed(orphans: Orphans, root: Path) -> None:
    """A bot's own start command has no marker: it may be the bot."""
    spawn = orphans.start(f"trap 'echo asked > asked' TERM; echo ready > ready; {LOOP}", None)
    until((root / "ready").exists, "the trap")
    assert spawn.pid not in kill_marked(["unmarked"], [spawn])
    until((root / "asked").exists, "TERM")
    assert alive(spawn.pid)


def test_a_spared_pid_is_not_touched(orphans: Orphans) -> None:
    """A live bot and its children stay, marked or not."""
    spawn = orphans.start(LOOP, f"{STEP}-1")
    assert kill_marked([f"{STEP}-1"], [spawn], spared=[spawn.pid]) == []
    assert alive(spawn.pid)


def test_an_empty_id_means_nothing(orphans: Orphans) -> None:
    """An empty set, or an empty id, must never read as everything."""
    spawn = orphans.start(LOOP, "")
    assert kill_marked([], []) == []
    assert kill_marked([""], []) == []
    assert alive(spawn.pid)


def test_it_never_turns_on_its_own_lineage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that a step once started does not end itself."""
    monkeypatch.setenv(MARKER, f"{STEP}-1")
    assert os.getpid() not in kill_marked([f"{STEP}-1"], [Spawn(f"{STEP}-1", os.getpid(), 0.0)])


def test_a_process_that_is_replacing_its_program_is_found(orphans: Orphans, root: Path) -> None:
    """In the middle of exec it has no environment; it is the step's all the same."""
    (root / "again.sh").write_text("exec sh again.sh\n", encoding="utf-8")
    # The leader's session is not asked for; the mark alone must tell.
    restless = orphans.start("exec sh again.sh", f"{STEP}-1")
    for _ in range(1000):
        assert [process.pid for process in find([f"{STEP}-1"], [])] == [restless.pid]
