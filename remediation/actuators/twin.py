"""Run a bot's dry-run beside the live bot without letting it touch the live state."""

import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot
from exporter.errors import SourceError
from exporter.sources.bot import read_heartbeat, read_log_tail
from exporter.sources.host import TWIN_VARIABLE, read_process, twin_mark
from remediation.actuators import durable
from remediation.actuators.command import CommandActuator, Running
from remediation.actuators.twin_root import as_twin, build, fingerprint
from remediation.errors import ActionError, ActionReason

_STOP_SECONDS = 10.0
_POLL = 0.1
_LOG_LINES = 50


@dataclass(frozen=True)
class DryRunResult:
    """What the dry run proved, and the end of what it logged."""

    ok: bool
    detail: str
    seconds: float
    log_tail: tuple[str, ...]


def dry_run(
    command: CommandActuator,
    bot: Bot,
    step_id: str,
    directory: Path,
    *,
    seconds: float,
    stopping: threading.Event,
) -> DryRunResult:
    """Run ``commands.start_dry_run`` in a twin root for ``seconds``.

    1. Build a root of links, with copies where the bot keeps state.
    2. Run until the time is up, the twin ends, or the receiver stops.
    3. End it and prove it gone; only then look at what it did.
    4. If no live bot ran meanwhile, the live state must be as it was.

    Raises:
        ActionError: NOT_CONFIGURED, IO, or NOT_STOPPED.
    """
    argv = bot.commands.start_dry_run
    if argv is None:
        raise ActionError(
            ActionReason.NOT_CONFIGURED, "commands.start_dry_run is not set", permanent=True
        )
    if argv == bot.commands.start:
        raise ActionError(
            ActionReason.NOT_CONFIGURED,
            "commands.start_dry_run is the same as commands.start: it would trade",
            permanent=True,
        )
    with durable.reported("prepare the dry run"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix="twin-", dir=directory))
    try:
        with durable.reported("prepare the dry run"):
            build(bot, root)
            before = fingerprint(bot)
        quiet_before = _live_bot_is_absent(bot)
        twin = as_twin(bot, root)
        started = time.monotonic()
        running = command.spawn(
            argv, cwd=root, step_id=step_id, env={TWIN_VARIABLE: twin_mark(bot), "PWD": str(root)}
        )
        try:
            problem = _watch(running, twin, seconds, stopping)
        finally:
            try:
                _prove_gone(running)
            finally:
                running.close()
        lasted = time.monotonic() - started
        # A failing twin's last words may be on its output only.
        tail = read_log_tail(twin, _LOG_LINES) or tuple(running.capture.text().splitlines())
        if problem is None and quiet_before and _live_bot_is_absent(bot):
            with durable.reported("compare the live state"):
                problem = _changed(before, fingerprint(bot))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    lines = tuple(command.clean(line) for line in tail[-_LOG_LINES:])
    if problem is not None:
        return DryRunResult(ok=False, detail=problem, seconds=lasted, log_tail=lines)
    return DryRunResult(
        ok=True, detail=f"ran {lasted:.1f} s and is gone", seconds=lasted, log_tail=lines
    )


def _watch(running: Running, twin: Bot, seconds: float, stopping: threading.Event) -> str | None:
    """Return what is wrong with the twin, or None when it did what was asked."""
    started, started_wall = time.monotonic(), time.time()
    while time.monotonic() - started < seconds:
        if stopping.is_set():
            return "cut short: the receiver is stopping"
        running.pump(_POLL)
        status = running.exit_status
        if status == 0 and not running.processes():
            running.drain()
            return None
        if status is not None and status != 0:
            running.drain()
            return f"the dry run ended by itself with status {status}"
    if twin.heartbeat.file is None:
        return None
    try:
        beat = read_heartbeat(twin)
    except SourceError as error:
        return f"the dry run has no heartbeat: {error.detail}"
    age = time.time() - beat
    # The copy left the live heartbeat out, so any there is the twin's own.
    if age > min(twin.heartbeat.max_age_seconds, time.time() - started_wall + 1):
        return f"the dry run's last heartbeat is {age:.0f} s old"
    return None


def _prove_gone(running: Running) -> None:
    ending = running.end(_STOP_SECONDS)
    running.drain()
    if ending.left:
        pids = ", ".join(map(str, ending.left))
        raise ActionError(
            ActionReason.NOT_STOPPED, f"the dry run is still there: pid {pids}", permanent=True
        )


def _live_bot_is_absent(bot: Bot) -> bool:
    try:
        reading = read_process(bot)
    except SourceError:
        return False
    return not reading.up and not reading.pids


def _changed(before: dict[str, tuple[int, ...]], after: dict[str, tuple[int, ...]]) -> str | None:
    names = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    if not names:
        return None
    return f"the dry run wrote into the live state: {', '.join(names[:5])}"
