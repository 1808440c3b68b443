"""Choose and run the host's own clock command; each declares what it does.

A slew keeps time monotonic for programs that run; a step makes it jump. Where a
tool may do either, it is declared as a step.
"""

import shutil
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import psutil

from exporter.config import Bot
from remediation.actuators.command import CommandActuator, CommandResult
from remediation.errors import ActionError, ActionReason

Method = Literal["slew", "step"]
Origin = Literal["configured", "chrony", "timesyncd", "ntpd", "sntp", "w32tm"]

_POOL = "pool.ntp.org"
_DAEMONS = ("chronyd", "systemd-timesyncd", "ntpd", "ntp-daemon")


@dataclass(frozen=True)
class ClockCommand:
    """One way to bring the host's clock right."""

    argv: tuple[str, ...]
    method: Method
    origin: Origin


# chronyd takes eight quick measurements and slews by itself; makestep jumps.
_CHRONY = (
    ClockCommand(("chronyc", "-a", "burst 4/4"), "slew", "chrony"),
    ClockCommand(("chronyc", "-a", "makestep"), "step", "chrony"),
)
# After a restart timesyncd steps from 0.4 s on; below that it slews.
_TIMESYNCD = (ClockCommand(("systemctl", "restart", "systemd-timesyncd"), "step", "timesyncd"),)
# Plain ntpdate slews below 0.5 s and steps above: -B and -b say which is meant.
_NTPDATE = (
    ClockCommand(("ntpdate", "-B", "-s", _POOL), "slew", "ntpd"),
    ClockCommand(("ntpdate", "-b", "-s", _POOL), "step", "ntpd"),
)
# -s allows adjtime, -S allows settimeofday; together the tool decides.
_SNTP = (
    ClockCommand(("sntp", "-s", _POOL), "slew", "sntp"),
    ClockCommand(("sntp", "-sS", _POOL), "step", "sntp"),
)
# Slews or steps as its registry settings say, so it counts as a step.
_W32TM = (ClockCommand(("w32tm", "/resync", "/force"), "step", "w32tm"),)


def running_daemons() -> frozenset[str]:
    """Which of the known time daemons run on this host."""
    return frozenset(
        name
        for process in psutil.process_iter(["name"])
        if (name := process.info["name"]) in _DAEMONS
    )


class ClockActuator:
    """Runs clock commands: the configured ones, else what fits the host.

    Args:
        command: runs them.
        command_seconds: their deadline.
        platform, which, daemons: how the host is recognised.
    """

    def __init__(
        self,
        command: CommandActuator,
        *,
        command_seconds: float,
        platform: str = sys.platform,
        which: Callable[[str], str | None] = shutil.which,
        daemons: Callable[[], Collection[str]] = running_daemons,
    ) -> None:
        self._command = command
        self._command_seconds = command_seconds
        self._platform = platform
        self._which = which
        self._daemons = daemons

    def choose(self, bot: Bot) -> tuple[ClockCommand, ...]:
        """Return what could be run here, slews first.

        Commands in the configuration replace the host's own entirely: who configures
        only a slew does not get a step.
        """
        own = bot.commands.resync_clock
        if own.slew is not None or own.step is not None:
            configured = [
                ClockCommand(own.slew, "slew", "configured") if own.slew else None,
                ClockCommand(own.step, "step", "configured") if own.step else None,
            ]
            return tuple(command for command in configured if command is not None)
        return tuple(c for c in self._for_host() if self._which(c.argv[0]) is not None)

    def resync(self, bot: Bot, method: Method, step_id: str) -> CommandResult:
        """Run the command of this method; whether it helped is for a fresh reading to say.

        Raises:
            ActionError: NOT_CONFIGURED if there is none, TIMEOUT, EXIT_STATUS, or IO.
        """
        command = next((c for c in self.choose(bot) if c.method == method), None)
        if command is None:
            raise ActionError(
                ActionReason.NOT_CONFIGURED,
                f"no command of this host can {method} the clock; "
                f"set commands.resync_clock.{method}",
                permanent=True,
            )
        result = self._command.run(
            command.argv, cwd=bot.root, deadline=self._command_seconds, step_id=step_id
        )
        if result.timed_out:
            raise ActionError(
                ActionReason.TIMEOUT, f"{command.argv[0]} hung for {result.seconds:.0f} s"
            )
        if result.exit_status != 0:
            words = " ".join(result.output.split())[-200:]
            raise ActionError(
                ActionReason.EXIT_STATUS,
                f"{command.argv[0]} ended with status {result.exit_status}: {words}",
            )
        return result

    def _for_host(self) -> tuple[ClockCommand, ...]:
        if self._platform == "darwin":
            return _SNTP
        if self._platform == "win32":
            return _W32TM
        daemons = self._daemons()
        if "chronyd" in daemons:
            return _CHRONY
        if "systemd-timesyncd" in daemons:
            return _TIMESYNCD
        # Beside any other daemon a second tool would fight over the same clock.
        return () if daemons else (*_NTPDATE, *_SNTP)
