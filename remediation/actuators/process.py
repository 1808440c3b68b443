"""Stop and start a bot's process: one supervisor, never two bots, never KILL."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from exporter.config import Bot
from exporter.errors import SourceError
from exporter.readings import ProcessReading
from exporter.sources.bot import read_kill_switch, read_log_tail
from exporter.sources.host import read_process
from remediation.actuators.command import CommandActuator, CommandResult
from remediation.actuators.twin import DryRunResult, dry_run
from remediation.errors import ActionError, ActionReason

_POLL = 0.2
_SETTLE_SECONDS = 1.0
_SYSTEMCTL_SECONDS = 10.0


class ProcessActuator:
    """Acts on bot processes; what it did is judged by reading the host again.

    Args:
        command: runs the configured commands.
        command_seconds: how long a command, and after it the bot's appearance, may take.
        stop_seconds: how long a bot may take to stop.
    """

    def __init__(
        self, command: CommandActuator, *, command_seconds: float, stop_seconds: float
    ) -> None:
        self._command = command
        self._command_seconds = command_seconds
        self._stop_seconds = stop_seconds
        self._locks: dict[str, threading.Lock] = {}

    def stop(self, bot: Bot, step_id: str) -> str:
        """Ask the bot to stop and wait until it is gone.

        Raises:
            ActionError: NOT_STOPPED if it still runs after the allowed time;
                UNKNOWN_STATE if it cannot be told whether it runs.
        """
        reading = _read(bot)
        if not reading.up and not reading.pids:
            return "no process of the bot was running"
        deadline = time.monotonic() + self._stop_seconds
        how = self._ask_to_stop(bot, reading, step_id)
        last = self._wait(bot, deadline, lambda now: not now.up and not now.pids)
        if last is None or last.up or last.pids:
            detail = "its state cannot be read" if last is None else last.detail
            raise ActionError(
                ActionReason.NOT_STOPPED,
                f"{bot.name} did not stop within {self._stop_seconds:g} s of {how}: {detail}",
            )
        return f"stopped by {how}"

    def start(self, bot: Bot, step_id: str) -> str:
        """Start the bot if no process of it exists, and wait until it is up.

        Raises:
            ActionError: STILL_RUNNING, FORBIDDEN (latched), UNKNOWN_STATE,
                NOT_CONFIGURED, EXIT_STATUS or TIMEOUT.
        """
        with self._alone(bot):
            refuse_second(bot)
            if (switch := read_kill_switch(bot, seen=False)).engaged:
                raise ActionError(
                    ActionReason.FORBIDDEN,
                    f"the kill switch is engaged: {switch.reason}",
                    permanent=True,
                )
            unit, start = bot.process.systemd_unit, bot.commands.start
            if unit is not None:
                argv: tuple[str, ...] = ("systemctl", "start", "--", unit)
            elif start is not None:
                argv = start
            else:
                raise ActionError(
                    ActionReason.NOT_CONFIGURED, "commands.start is not set", permanent=True
                )
            result = self._command.run(
                argv,
                cwd=bot.root,
                deadline=self._command_seconds,
                step_id=step_id,
                detach_children=True,
            )
            _check_started(result)
            return f"started, {self._await_start(bot).detail}"

    def dry_run(
        self, bot: Bot, step_id: str, directory: Path, seconds: float, stopping: threading.Event
    ) -> DryRunResult:
        """Run the bot's dry-run on a copy of its state, and prove it gone afterwards.

        Raises:
            ActionError: NOT_CONFIGURED, STILL_RUNNING (another twin), IO, or
                NOT_STOPPED if the twin cannot be proved gone.
        """
        with self._alone(bot):
            if twins := _read(bot).dry_run_pids:
                raise ActionError(
                    ActionReason.STILL_RUNNING, f"a dry run of {bot.name} exists: pid {twins[0]}"
                )
            return dry_run(
                self._command, bot, step_id, directory, seconds=seconds, stopping=stopping
            )

    @contextlib.contextmanager
    def _alone(self, bot: Bot) -> Iterator[None]:
        """Between the look for other processes and the start nobody else may start one."""
        lock = self._locks.setdefault(bot.name, threading.Lock())
        if not lock.acquire(blocking=False):
            raise ActionError(
                ActionReason.STILL_RUNNING, f"another start or dry run of {bot.name} is under way"
            )
        try:
            yield
        finally:
            lock.release()

    def _await_start(self, bot: Bot) -> ProcessReading:
        """Wait for the process, and then a moment more: a bot that refuses ends at once."""
        deadline = time.monotonic() + self._command_seconds
        last = self._wait(bot, deadline, lambda now: bool(now.pids))
        if last is None or not last.pids:
            detail = "its state cannot be read" if last is None else last.detail
            raise ActionError(
                ActionReason.TIMEOUT,
                f"{bot.name} is not up {self._command_seconds:g} s after its start: {detail}",
            )
        gone = self._wait(bot, time.monotonic() + _SETTLE_SECONDS, lambda now: not now.pids)
        if gone is None or not gone.pids:
            words = "".join(read_log_tail(bot, 1)) or "no log"
            raise ActionError(
                ActionReason.EXIT_STATUS,
                f"{bot.name} ended right after its start; last log line: "
                f"{self._command.clean(words)[:200]}",
            )
        if len(gone.pids) > 1:
            raise ActionError(
                ActionReason.UNKNOWN_STATE,
                f"{len(gone.pids)} processes of {bot.name} run after one start",
                permanent=True,
            )
        return gone

    def _ask_to_stop(self, bot: Bot, reading: ProcessReading, step_id: str) -> str:
        """Send the request once; the bot is judged by reading the host, not by this."""
        unit, stop = bot.process.systemd_unit, bot.commands.stop
        argv = ("systemctl", "stop", "--no-block", "--", unit) if unit else stop
        if argv is None:
            for pid in reading.pids:
                with contextlib.suppress(psutil.NoSuchProcess):
                    _terminate(pid)
            return f"SIGTERM to {', '.join(map(str, reading.pids))}"
        deadline = _SYSTEMCTL_SECONDS if unit else self._stop_seconds
        result = self._command.run(argv, cwd=bot.root, deadline=deadline, step_id=step_id)
        if result.timed_out:
            return f"{argv[0]} (which hung)"
        return f"{argv[0]} (exit status {result.exit_status})"

    def _wait(
        self, bot: Bot, deadline: float, reached: Callable[[ProcessReading], bool]
    ) -> ProcessReading | None:
        """Return the last reading: the one that satisfied, or the one at the deadline."""
        pause = threading.Event()
        while True:
            last: ProcessReading | None = None
            with contextlib.suppress(SourceError):
                last = read_process(bot)
            if (last is not None and reached(last)) or time.monotonic() >= deadline:
                return last
            pause.wait(_POLL)


def refuse_second(bot: Bot) -> None:
    """Refuse if any process of the bot exists, live or dry-run.

    Raises:
        ActionError: STILL_RUNNING or UNKNOWN_STATE.
    """
    reading = _read(bot)
    if reading.up or reading.pids or reading.dry_run_pids or reading.others:
        pids = ", ".join(map(str, (*reading.pids, *reading.dry_run_pids, *reading.others)))
        raise ActionError(
            ActionReason.STILL_RUNNING,
            f"a process of {bot.name} exists ({pids or reading.detail}); not starting another",
        )


def _read(bot: Bot) -> ProcessReading:
    try:
        return read_process(bot)
    except SourceError as error:
        raise ActionError(
            ActionReason.UNKNOWN_STATE, f"cannot tell whether {bot.name} runs: {error.detail}"
        ) from error


def _terminate(pid: int) -> None:
    try:
        psutil.Process(pid).terminate()
    except psutil.AccessDenied as error:
        raise ActionError(
            ActionReason.NOT_STOPPED, f"no right to signal pid {pid}", permanent=True
        ) from error


def _check_started(result: CommandResult) -> None:
    if result.timed_out:
        left = f"; still there: {', '.join(map(str, result.left))}" if result.left else ""
        raise ActionError(
            ActionReason.TIMEOUT,
            f"commands.start did not return within {result.seconds:.0f} s and got SIGTERM{left}; "
            "it must put the bot into a session of its own",
            permanent=True,
        )
    if result.exit_status != 0:
        raise ActionError(
            ActionReason.EXIT_STATUS, f"{result.argv[0]} ended with status {result.exit_status}"
        )
