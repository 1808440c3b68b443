"""Run one command as an argv list: bounded in time, in output and in environment."""

import contextlib
import functools
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from remediation.actuators.sessions import MARKER, Ending, Spawn, end, find, start_time
from remediation.errors import ActionError, ActionReason
from remediation.redact import redact

# TERM's grace and KILL's effect together stay within five seconds of the deadline.
GRACE = 4.0
HEAD_BYTES = 16 * 1024
TAIL_BYTES = 48 * 1024
_CHUNK = 64 * 1024
_DRAIN_SECONDS = 0.5
_POLL = 0.05
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ")


@dataclass(frozen=True)
class CommandResult:
    """How a command ended.

    ``exit_status`` is None if it had to be ended; ``left`` are processes of the
    command that outlived it and were not ended.
    """

    argv: tuple[str, ...]
    exit_status: int | None
    timed_out: bool
    output: str
    seconds: float
    left: tuple[int, ...] = ()


class Capture:
    """The first and the last part of a stream of any length."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        room = HEAD_BYTES - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room > 0 else data
        if (excess := len(self._tail) - TAIL_BYTES) > TAIL_BYTES:
            self._drop(excess)

    def text(self) -> str:
        """What was kept, with a line that says how much was not."""
        if (excess := len(self._tail) - TAIL_BYTES) > 0:
            self._drop(excess)
        gap = f"\n[... {self._dropped} bytes left out ...]\n".encode() if self._dropped else b""
        return (self._head + gap + self._tail).decode("utf-8", errors="replace")

    def _drop(self, count: int) -> None:
        del self._tail[:count]
        self._dropped += count


class Running:
    """A command that was started: read it, ask after it, end it."""

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        step_id: str,
        *,
        detached: bool,
        spared: Callable[[], Collection[int]],
    ) -> None:
        self._popen = popen
        self._step_ids = () if detached else (step_id,)
        self._detached = detached
        self._spared = spared
        self.capture = Capture()
        self._selector = selectors.DefaultSelector()
        if popen.stdout is not None:
            os.set_blocking(popen.stdout.fileno(), False)
            self._selector.register(popen.stdout, selectors.EVENT_READ)

    @property
    def exit_status(self) -> int | None:
        """The leader's exit status, or None while it runs."""
        return self._popen.poll()

    def pump(self, seconds: float) -> bool:
        """Take what the command writes for at most ``seconds``; whether more may come."""
        if not self._selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
            return False
        if not self._selector.select(seconds):
            return False
        with contextlib.suppress(BlockingIOError):
            if data := os.read(self._stdout(), _CHUNK):
                self.capture.feed(data)
                return True
            self._selector.unregister(self._stdout())
        return False

    def drain(self) -> None:
        """Take what is still in the pipe, without waiting for children that hold it open."""
        until = time.monotonic() + _DRAIN_SECONDS
        while self.pump(0) and time.monotonic() < until:
            pass

    def processes(self) -> list[psutil.Process]:
        """Every living process of the command, wherever it went."""
        return self._search(())

    def end(self, grace: float = GRACE) -> Ending:
        """TERM, then KILL; a detached command is never killed: it may be the bot itself."""
        search = functools.partial(self._search, frozenset(self._spared()))
        return end(search, grace=grace, may_kill=lambda _: not self._detached)

    def close(self) -> None:
        """Give the pipe back; a leader that is still there is waited for elsewhere."""
        self._selector.close()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        if self._popen.poll() is None:
            threading.Thread(target=self._popen.wait, daemon=True).start()

    def _search(self, spared: Collection[int]) -> list[psutil.Process]:
        self._popen.poll()  # a leader that ended must not stay a zombie
        return find(self._step_ids, (self._popen.pid,), spared)

    def _stdout(self) -> int:
        if self._popen.stdout is None:
            raise ValueError("the command's output is not read")
        return self._popen.stdout.fileno()


class CommandActuator:
    """Starts commands. Safe to use from several threads.

    Args:
        on_spawn: told of each process right after it exists; if it raises, the
            process is ended.
        clean: takes secrets out of output.
        spared: pids that are never signalled, whatever group they are in.
    """

    def __init__(
        self,
        on_spawn: Callable[[Spawn], None],
        *,
        clean: Callable[[str], str] = redact,
        spared: Callable[[], Collection[int]] = tuple,
    ) -> None:
        self._on_spawn = on_spawn
        self.clean = clean
        self._spared = spared

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str | Path,
        deadline: float,
        step_id: str,
        env: Mapping[str, str] | None = None,
        detach_children: bool = False,
    ) -> CommandResult:
        """Run a command to its end, or end it ``deadline`` seconds from now.

        Args:
            argv: the program and its arguments; no shell.
            cwd: working directory.
            deadline: seconds until TERM; KILL follows within five more.
            step_id: marks the command and its children.
            env: variables added to the allow-list.
            detach_children: for starting a bot: nothing is marked, output goes to
                /dev/null (a pipe of ours would break under the bot), and after the
                deadline the command's own session gets TERM but never KILL.

        Raises:
            ActionError: IO if it cannot be started.
        """
        started = time.monotonic()
        running = self.spawn(argv, cwd=cwd, step_id=step_id, env=env, detach=detach_children)
        try:
            timed_out = False
            while running.exit_status is None and not timed_out:
                running.pump(_POLL)
                timed_out = time.monotonic() - started >= deadline
            # It may have ended by itself at the last moment.
            timed_out = running.exit_status is None
            left: Sequence[int] = ()
            if timed_out:
                left = running.end().left
            running.drain()
            if not timed_out and not detach_children:
                left = tuple(process.pid for process in running.processes())
            return CommandResult(
                argv=tuple(argv),
                exit_status=None if timed_out else running.exit_status,
                timed_out=timed_out,
                output=self.clean(running.capture.text()),
                seconds=time.monotonic() - started,
                left=tuple(left),
            )
        finally:
            running.close()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: str | Path,
        step_id: str,
        env: Mapping[str, str] | None = None,
        detach: bool = False,
    ) -> Running:
        """Start a command in a session of its own; the caller must ``close`` it.

        Raises:
            ActionError: IO if it cannot be started.
        """
        environment = allowed_environment() | dict(env or {})
        if not detach:
            environment[MARKER] = step_id
        try:
            popen = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if detach else subprocess.PIPE,
                stderr=subprocess.DEVNULL if detach else subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ActionError(
                ActionReason.IO, f"cannot run {argv[0]} in {cwd}: {error}", permanent=True
            ) from error
        running = Running(popen, step_id, detached=detach, spared=self._spared)
        try:
            # A leader that is not waited for keeps its start time, even as a zombie.
            self._on_spawn(Spawn(step_id, popen.pid, start_time(popen.pid) or 0.0))
        except BaseException:
            # Unjournalled means unowned after a crash: it must not go on.
            running.end()
            running.close()
            raise
        return running


def allowed_environment() -> dict[str, str]:
    """The few variables of ours that a command gets."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith("LC_")
    } | {"PATH": os.environ.get("PATH", os.defpath)}
