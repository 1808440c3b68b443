"""Commands: bounded in time, output and environment."""

import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from remediation.actuators.command import (
    GRACE,
    HEAD_BYTES,
    TAIL_BYTES,
    Capture,
    CommandActuator,
)
from remediation.actuators.sessions import MARKER, Spawn, start_time
from remediation.errors import ActionError, ActionReason
from tests.actuators.conftest import STEP, alive, until

STUBBORN = """
trap '' TERM
echo $$ >> pids
sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 1; done' &
setsid sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 1; done' &
while :; do sleep 1; done
"""


def _pids(root: Path, count: int) -> list[int]:
    file = root / "pids"
    until(lambda: file.exists() and len(file.read_text().split()) >= count, f"{count} pids")
    return [int(pid) for pid in file.read_text().split()]


def _patient(ready: Callable[[], object]) -> CommandActuator:
    """Make hands that end a command only once it is ready: they ask first whom to spare."""

    def spared() -> tuple[int, ...]:
        ready()
        return ()

    return CommandActuator(lambda _: None, spared=spared)


def test_it_returns_status_and_merged_output(command: CommandActuator, root: Path) -> None:
    """Both streams, in order, with the exit status and no shell in between."""
    argv = ["sh", "-c", "echo out; echo err >&2; exit 3"]
    result = command.run(argv, cwd=root, deadline=60, step_id=STEP)
    assert (result.exit_status, result.timed_out, result.output) == (3, False, "out\nerr\n")
    literal = command.run(["echo", "$HOME; rm -rf x"], cwd=root, deadline=60, step_id=STEP)
    assert literal.output == "$HOME; rm -rf x\n"


def test_it_announces_the_process_with_its_start(
    command: CommandActuator, spawns: list[Spawn], root: Path
) -> None:
    """The journal gets step, pid and a start time that identifies the process."""
    seen: list[float | None] = []
    recording = CommandActuator(lambda spawn: seen.append(start_time(spawn.pid)))
    recording.run(["sleep", "0.1"], cwd=root, deadline=60, step_id=STEP)
    command.run(["true"], cwd=root, deadline=60, step_id=f"{STEP}-1")
    assert spawns[0].step_id == f"{STEP}-1"
    assert spawns[0].start_time > 0
    assert seen[0] is not None


def test_a_process_that_cannot_be_journalled_is_ended(root: Path) -> None:
    """If the intent is not on disk the command must not go on."""

    def refuse(spawn: Spawn) -> None:
        (root / "pids").write_text(str(spawn.pid))
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        CommandActuator(refuse).run(["sleep", "600"], cwd=root, deadline=60, step_id=STEP)
    assert not alive(int((root / "pids").read_text()))


def test_a_program_that_is_missing_is_one_clear_line(command: CommandActuator, root: Path) -> None:
    """No program, no directory: an ActionError that says which."""
    with pytest.raises(ActionError, match="cannot run no-such-program"):
        command.run(["no-such-program"], cwd=root, deadline=1, step_id=STEP)
    with pytest.raises(ActionError) as caught:
        command.run(["true"], cwd=root / "nowhere", deadline=1, step_id=STEP)
    assert caught.value.reason is ActionReason.IO
    assert caught.value.permanent


def test_only_the_allow_list_reaches_the_command(
    command: CommandActuator, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets and interpreter settings of the receiver stay with the receiver."""
    monkeypatch.setenv("BINANCE_API_SECRET", "very-secret-value")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv(MARKER, "of-somebody-else")
    result = command.run(
        ["env"], cwd=root, deadline=60, step_id=STEP, env={"ALERT_FILE": "/a.json"}
    )
    names = {line.partition("=")[0] for line in result.output.splitlines()}
    assert names <= {"PATH", "HOME", "LANG", "TZ", "LC_ALL", "LC_CTYPE", "ALERT_FILE", MARKER}
    assert f"{MARKER}={STEP}" in result.output
    assert {"PATH", "LC_ALL", "ALERT_FILE"} <= names


def test_a_hung_script_dies_with_all_its_grandchildren(root: Path) -> None:
    """TERM is ignored by three processes, one in another session: all gone in time."""
    started = time.monotonic()
    command = _patient(lambda: _pids(root, 3))
    result = command.run(["sh", "-c", STUBBORN], cwd=root, deadline=1.0, step_id=STEP)
    took = time.monotonic() - started
    pids = _pids(root, 3)
    assert result.timed_out
    assert result.exit_status is None
    assert result.left == ()
    assert took < 60
    assert [pid for pid in pids if alive(pid)] == []


def test_a_polite_script_is_not_kept_waiting(root: Path) -> None:
    """TERM is enough: the grace period is not waited out, and last words are kept."""
    script = "trap 'echo cleaned up; exit 0' TERM; touch ready; while :; do sleep 0.05; done"
    ended = [0.0]

    def ready() -> None:
        until((root / "ready").exists, "the trap")
        ended[0] = time.monotonic()

    command = _patient(ready)
    result = command.run(["sh", "-c", script], cwd=root, deadline=0.5, step_id=STEP)
    assert result.timed_out
    assert result.output.endswith("cleaned up\n")
    assert time.monotonic() - ended[0] < GRACE


def test_two_hundred_megabytes_of_output_stay_outside_memory(
    command: CommandActuator, root: Path
) -> None:
    """First and last part are kept, the rest is counted."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    script = "echo first; head -c 200000000 /dev/zero | tr '\\0' 'x'; echo; echo last"
    result = command.run(["sh", "-c", script], cwd=root, deadline=60, step_id=STEP)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert result.exit_status == 0
    assert result.output.startswith("first\n")
    assert result.output.endswith("x\nlast\n")
    assert "bytes left out" in result.output
    assert len(result.output) < HEAD_BYTES + TAIL_BYTES + 100
    assert grown < 20 * 1024


def test_endless_output_does_not_outlast_the_deadline(command: CommandActuator, root: Path) -> None:
    """A command that only writes is ended like one that only waits."""
    started = time.monotonic()
    result = command.run(["yes"], cwd=root, deadline=0.5, step_id=STEP)
    assert result.timed_out
    assert time.monotonic() - started < 60


def test_a_grandchild_with_the_pipe_does_not_hang_us(command: CommandActuator, root: Path) -> None:
    """The leader's end is the end; who is left is named, not waited for and not killed."""
    script = "echo started; sleep 600 & echo $! > pids"
    started = time.monotonic()
    result = command.run(["sh", "-c", script], cwd=root, deadline=60, step_id=STEP)
    assert time.monotonic() - started < 30
    assert (result.exit_status, result.output) == (0, "started\n")
    assert result.left == tuple(_pids(root, 1))
    assert alive(result.left[0])


def test_a_noisy_grandchild_does_not_hang_us(command: CommandActuator, root: Path) -> None:
    """Output that never ends is drained only for a moment."""
    started = time.monotonic()
    result = command.run(["sh", "-c", "yes & exit 0"], cwd=root, deadline=60, step_id=STEP)
    assert result.exit_status == 0
    assert time.monotonic() - started < 30


def test_output_is_redacted(root: Path) -> None:
    """What looks like a secret, and what is known to be one, leaves no trace."""
    cleaning = CommandActuator(lambda _: None)
    result = cleaning.run(["echo", "api_secret=abcdef123456"], cwd=root, deadline=60, step_id=STEP)
    assert result.output == "api_secret=<secret>\n"


def test_a_detached_child_is_outside_of_all_we_kill(command: CommandActuator, root: Path) -> None:
    """No marker, another session, no pipe of ours: the bot cannot be hit or broken."""
    script = "echo $$ > pids; exec sleep 600"
    argv = ["setsid", "--fork", "sh", "-c", script]
    result = command.run(argv, cwd=root, deadline=60, step_id=STEP, detach_children=True)
    assert result.exit_status == 0
    (pid,) = _pids(root, 1)
    child = psutil.Process(pid)
    until(lambda: child.cmdline() == ["sleep", "600"], "the exec")
    assert MARKER not in child.environ()
    assert os.getsid(pid) == pid
    outputs = {Path(f"/proc/{pid}/fd/{number}").readlink().name for number in (0, 1, 2)}
    assert outputs == {"null"}


def test_a_start_that_does_not_return_gets_term_and_never_kill(root: Path) -> None:
    """It may be the bot itself: asked to stop, then left and named."""
    command = _patient(lambda: _pids(root, 3))
    result = command.run(
        ["sh", "-c", STUBBORN], cwd=root, deadline=0.5, step_id=STEP, detach_children=True
    )
    pids = _pids(root, 3)
    session = {pid for pid in pids if os.getsid(pid) == pids[0]}
    assert len(session) == 2
    assert result.timed_out
    assert session <= set(result.left)
    assert alive(pids[0])


def test_a_spared_process_survives_in_the_middle_of_a_killed_group(root: Path) -> None:
    """A live bot in a group that must die is the one that does not."""

    def live() -> list[int]:
        return _pids(root, 3)[1:2]

    command = CommandActuator(lambda _: None, spared=live)
    result = command.run(["sh", "-c", STUBBORN], cwd=root, deadline=0.5, step_id=STEP)
    leader, bot, other = _pids(root, 3)
    assert result.timed_out
    assert alive(bot)
    assert not alive(leader)
    assert not alive(other)


def test_commands_run_side_by_side(command: CommandActuator, root: Path) -> None:
    """Ending one command leaves another's processes alone."""
    results = {}

    def work(name: str, script: str, deadline: float) -> None:
        results[name] = command.run(
            ["sh", "-c", script], cwd=root, deadline=deadline, step_id=f"{STEP}-{name}"
        )

    until_told = "touch here; until [ -e go ]; do sleep 0.05; done"
    fine = threading.Thread(target=work, args=("fine", until_told, 60.0))
    fine.start()
    until((root / "here").exists, "the other command")
    work("hung", "sleep 600", 0.3)
    (root / "go").touch()
    fine.join()
    assert results["hung"].timed_out
    assert results["fine"].exit_status == 0


def test_no_descriptor_is_leaked(command: CommandActuator, root: Path) -> None:
    """Fifty commands leave as many open files as one."""
    command.run(["true"], cwd=root, deadline=60, step_id=STEP)
    before = psutil.Process().num_fds()
    for _ in range(50):
        command.run(["true"], cwd=root, deadline=60, step_id=STEP)
    assert psutil.Process().num_fds() <= before


@pytest.mark.parametrize("size", [0, HEAD_BYTES, HEAD_BYTES + TAIL_BYTES], ids=str)
def test_what_fits_is_kept_whole(size: int) -> None:
    """Nothing is left out, and no gap announced, up to the limit."""
    capture = Capture()
    data = bytes(index % 64 + 33 for index in range(size))
    for start in range(0, size, 1000):
        capture.feed(data[start : start + 1000])
    assert capture.text().encode() == data
