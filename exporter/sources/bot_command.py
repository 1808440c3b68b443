"""What a command line runs: the script behind launchers and interpreter, and its arguments.

``setsid --fork venv/bin/python -u script_live.py --config=x`` and a person's
``python3 script_live.py --config x`` run the same script in the same way, so both are
the bot.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Bot

MODULE = "-m "
_DRY_RUN = "--dry-run"
# Their command line asks for the bot and is never the bot.
_MANAGERS = frozenset(
    {"systemctl", "service", "rc-service", "sv", "supervisorctl", "docker", "podman", "pm2"}
)
# They start another program and are replaced by it, or only wait for it.
_LAUNCHERS = frozenset(
    {
        *("setsid", "nohup", "env", "nice", "ionice", "stdbuf", "chrt", "taskset", "timeout"),
        *("sudo", "su", "runuser", "systemd-run", "flock", "screen", "tini", "dumb-init"),
        *("uv", "poetry", "conda", "pipenv", "hatch"),
    }
)
_INTERPRETERS = frozenset({"sh", "bash", "dash", "zsh", "python", "pypy", "node"})
_SCRIPT = re.compile(r"\.(py|pyz|sh|js|mjs)$")
_RUN_MODULE = re.compile(r"^-[A-Za-z]*m$")


@dataclass(frozen=True)
class Run:
    """A script, path as written or ``-m module``, and its arguments in one spelling."""

    script: str
    arguments: tuple[str, ...]


def start_runs(bot: Bot) -> tuple[Run, ...]:
    """What the configured start commands run; empty if they name only a service manager."""
    commands = (bot.commands.start, bot.commands.start_dry_run)
    runs = (command_run(command) for command in commands if command is not None)
    return tuple(run for run in runs if run is not None)


def command_run(command: Sequence[str]) -> Run | None:
    """What a configured command will run, behind any launcher and its options."""
    if any(Path(part).name in _MANAGERS for part in command[:2]):
        return None
    for index, part in enumerate(command):
        if _program(part) in _INTERPRETERS:
            return _behind_interpreter(command[index + 1 :])
    for index, part in enumerate(command):
        if _SCRIPT.search(part):
            return Run(part, _spelled(command[index + 1 :]))
    if Path(command[0]).name in _LAUNCHERS:
        rest = [part for part in command[1:] if not part.startswith("-")]
        return Run(rest[0], _spelled(rest[1:])) if rest else None
    return Run(command[0], _spelled(command[1:]))


def process_run(argv: Sequence[str]) -> Run | None:
    """What a live process runs; None for a launcher, whose child is what counts."""
    if Path(argv[0]).name in _LAUNCHERS or Path(argv[0]).name in _MANAGERS:
        return None
    if _program(argv[0]) in _INTERPRETERS:
        return _behind_interpreter(argv[1:])
    return Run(argv[0], _spelled(argv[1:]))


def _behind_interpreter(parts: Sequence[str]) -> Run | None:
    """The first script by its ending, else a module, else the first part that is no option."""
    for index, part in enumerate(parts):
        if part == "-c":
            return None
        if _RUN_MODULE.match(part):
            module = parts[index + 1 : index + 2]
            return Run(MODULE + module[0], _spelled(parts[index + 2 :])) if module else None
        if _SCRIPT.search(part):
            return Run(part, _spelled(parts[index + 1 :]))
    for index, part in enumerate(parts):
        if not part.startswith("-"):
            return Run(part, _spelled(parts[index + 1 :]))
    return None


def _spelled(arguments: Sequence[str]) -> tuple[str, ...]:
    """``--config=x`` and ``--config x`` are the same; a dry run is judged elsewhere."""
    parts: list[str] = []
    for argument in arguments:
        name, sign, value = argument.partition("=")
        parts += [name, value] if sign and name.startswith("--") else [argument]
    return tuple(part for part in parts if part != _DRY_RUN)


def _program(path: str) -> str:
    """Return a program's name without its folder and version: python3.11 is python."""
    return Path(path).name.rstrip("0123456789.")
