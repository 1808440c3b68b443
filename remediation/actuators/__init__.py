"""The receiver's hands: the only code that changes the world."""

from collections.abc import Callable
from dataclasses import dataclass

from exporter.config import Config
from exporter.errors import SourceError
from exporter.sources.host import read_process
from remediation.actuators.bot import BotActuator
from remediation.actuators.clock import ClockActuator, ClockCommand
from remediation.actuators.command import CommandActuator, CommandResult
from remediation.actuators.orphans import kill_marked
from remediation.actuators.process import ProcessActuator
from remediation.actuators.sessions import MARKER, Spawn
from remediation.actuators.twin import DryRunResult
from remediation.redact import known_secrets, redact

__all__ = [
    "MARKER",
    "Actuators",
    "BotActuator",
    "ClockActuator",
    "ClockCommand",
    "CommandActuator",
    "CommandResult",
    "DryRunResult",
    "ProcessActuator",
    "Spawn",
    "build_actuators",
    "kill_marked",
    "live_pids",
]


@dataclass(frozen=True)
class Actuators:
    """Everything a playbook's step may act with."""

    bot: BotActuator
    process: ProcessActuator
    command: CommandActuator
    clock: ClockActuator


def build_actuators(config: Config, on_spawn: Callable[[Spawn], None]) -> Actuators:
    """Build the hands for one configuration.

    Args:
        config: limits, bots, and the secrets that output must not show.
        on_spawn: journals each process right after it exists.
    """
    settings = config.remediation
    command = CommandActuator(
        on_spawn,
        clean=lambda text: redact(text, known_secrets(config)),
        spared=lambda: live_pids(config),
    )
    return Actuators(
        bot=BotActuator(),
        process=ProcessActuator(
            command,
            command_seconds=settings.command_seconds,
            stop_seconds=settings.stop_seconds,
        ),
        command=command,
        clock=ClockActuator(command, command_seconds=settings.command_seconds),
    )


def live_pids(config: Config) -> frozenset[int]:
    """Pids of all bots that trade now: never to be killed, whatever group they are in.

    A bot whose state cannot be told adds none: this is the second line of defence;
    the first is that a bot's start is never marked.
    """
    pids: set[int] = set()
    for bot in config.bots:
        try:
            pids.update(read_process(bot).pids)
        except SourceError:
            continue
    return frozenset(pids)
