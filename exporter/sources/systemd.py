"""What systemd says of the bot's unit."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from exporter.errors import Reason, SourceError

_TIMEOUT_SECONDS = 5.0
_PROPERTIES = (
    *("LoadState", "ActiveState", "SubState", "Result", "MainPID"),
    *("NRestarts", "ControlGroup", "InvocationID"),
)

_RUNTIME = Path("/run/systemd/system")


def is_init(runtime: Path = _RUNTIME) -> bool:
    """Return whether systemd runs this host (sd_booted(3)); in most containers it does not."""
    return runtime.is_dir()


@dataclass(frozen=True)
class Unit:
    """The unit's state in systemd's own words.

    ``restarts`` counts automatic ones and begins at 0 with each start by hand; None before
    systemd 235. ``control_group`` is None while the unit has no process. ``invocation`` is the
    identity of the run that is on or was the last.
    """

    active_state: str
    sub_state: str
    result: str
    main_pid: int | None
    restarts: int | None = None
    control_group: str | None = None
    invocation: str = ""

    @property
    def restarting(self) -> bool:
        """Waiting for, or in, an automatic start."""
        return self.sub_state == "auto-restart" or self.active_state in ("activating", "reloading")

    @property
    def stopped_cleanly(self) -> bool:
        """Stopped by intention and without an error."""
        return self.active_state == "inactive" and self.result == "success"

    @property
    def oom_run(self) -> str | None:
        """The last run's identity if systemd says that the kernel killed it for memory.

        The verdict lasts until the next start, which may be a tenth of a second away.
        """
        if self.result != "oom-kill":
            return None
        return self.invocation or f"restart {self.restarts}"


def show(name: str) -> Unit:
    """Ask for the unit's state.

    Raises:
        SourceError: UNSUPPORTED without systemd, MISSING for an unknown unit, else why.
    """
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise SourceError(Reason.UNSUPPORTED, "there is no systemctl on this host")
    argv = [systemctl, "show", f"--property={','.join(_PROPERTIES)}", "--", name]
    try:
        result = subprocess.run(
            argv, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False, text=True
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(Reason.TIMEOUT, "systemctl did not answer in time") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(Reason.UNREADABLE, f"systemctl cannot be run: {error}") from error
    if result.returncode != 0:
        detail = " ".join(result.stderr.split())[:200]
        raise SourceError(Reason.UNREADABLE, f"systemctl show {name}: {detail}")
    return parse(name, result.stdout)


def parse(name: str, output: str) -> Unit:
    """Read the ``Name=value`` lines of ``systemctl show``.

    Raises:
        SourceError: MISSING for a unit that systemd does not know, INVALID otherwise.
    """
    values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    if values.get("LoadState") == "not-found":
        raise SourceError(Reason.MISSING, f"systemd knows no unit {name}", permanent=True)
    if not values.get("ActiveState"):
        raise SourceError(Reason.INVALID, f"systemctl says nothing about {name}")
    pid, restarts = values.get("MainPID", "0"), values.get("NRestarts", "")
    return Unit(
        active_state=values["ActiveState"],
        sub_state=values.get("SubState", ""),
        result=values.get("Result", ""),
        main_pid=int(pid) if _is_number(pid) and int(pid) else None,
        restarts=int(restarts) if _is_number(restarts) else None,
        control_group=values.get("ControlGroup") or None,
        invocation=values.get("InvocationID", ""),
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
