"""What systemd says of the bot's unit."""

import shutil
import subprocess
from dataclasses import dataclass

from exporter.errors import Reason, SourceError

_TIMEOUT_SECONDS = 5.0
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "MainPID")


@dataclass(frozen=True)
class Unit:
    """The unit's state in systemd's own words."""

    active_state: str
    sub_state: str
    result: str
    main_pid: int | None

    @property
    def restarting(self) -> bool:
        """Waiting for, or in, an automatic start."""
        return self.sub_state == "auto-restart" or self.active_state in ("activating", "reloading")

    @property
    def stopped_cleanly(self) -> bool:
        """Stopped by intention and without an error."""
        return self.active_state == "inactive" and self.result == "success"


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
    pid = values.get("MainPID", "0")
    return Unit(
        active_state=values["ActiveState"],
        sub_state=values.get("SubState", ""),
        result=values.get("Result", ""),
        main_pid=int(pid) if pid.isdecimal() and int(pid) else None,
    )
