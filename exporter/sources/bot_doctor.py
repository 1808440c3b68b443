"""The bot's own doctor command: its exit status and the end of what it said."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

from exporter.config import Bot
from exporter.errors import Reason, SourceError

# Set for the command, so that a bot's doctor that is ours does not call itself.
NESTED_VARIABLE = "TRADEWARDEN_DOCTOR"
_OUTPUT_BYTES = 64 * 1024
_LINES = 5
_TERM_SECONDS = 2.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class DoctorReading:
    """Exit status and the last lines of output; redaction is the caller's."""

    status: int
    lines: tuple[str, ...]


def run_doctor(
    bot: Bot, *, timeout: float, stopping: threading.Event | None = None
) -> DoctorReading | None:
    """Run ``commands.doctor`` in the bot's root; None when there is none to run.

    Args:
        bot: whose doctor.
        timeout: seconds that it may take.
        stopping: once set, the command is ended as if its time were over: it has a session of
            its own and would outlive us.

    Raises:
        SourceError: it cannot be started or does not end in time.
    """
    stopping = stopping or threading.Event()
    if bot.commands.doctor is None or os.environ.get(NESTED_VARIABLE):
        return None
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                bot.commands.doctor,
                cwd=bot.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, NESTED_VARIABLE: "1"},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            detail = f"{bot.commands.doctor[0]} cannot be started: {error}"
            raise SourceError(Reason.UNREADABLE, detail) from error
        with process:
            deadline = time.monotonic() + timeout
            while (status := process.poll()) is None:
                if time.monotonic() >= deadline or stopping.wait(_POLL_SECONDS):
                    _end(process)
                    detail = f"{bot.commands.doctor[0]} did not end within {timeout:g} s"
                    raise SourceError(Reason.TIMEOUT, detail)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _OUTPUT_BYTES))
        return DoctorReading(status, _last_lines(output.read(_OUTPUT_BYTES)))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole session: TERM, then KILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TERM_SECONDS)
            if number is signal.SIGKILL:
                return


def _last_lines(output: bytes) -> tuple[str, ...]:
    text = output.decode("utf-8", errors="replace")
    lines = ["".join(c if c.isprintable() else " " for c in line) for line in text.splitlines()]
    return tuple(line.strip()[:200] for line in lines if line.strip())[-_LINES:]
