"""The doctor's resume gate, run as the program a person would run (runbook checklist 5)."""

import json
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.config import Bot
from remediation.actuators.command import CommandActuator
from remediation.errors import ActionError


@dataclass(frozen=True)
class GateAnswer:
    """What the gate says. ``problems`` is empty only if every check that counts passes."""

    problems: tuple[str, ...]
    checks: tuple[dict[str, Any], ...]


def ask_gate(
    command: CommandActuator,
    bot: Bot,
    config_path: Path,
    *,
    deadline: float,
    step_id: str,
    waived: Collection[str] = (),
) -> GateAnswer:
    """Run the gate once. An answer that is missing, unreadable or empty is a problem.

    ``waived`` names checks whose failure a person has accepted.
    """
    argv = (
        # -P: whatever lies beside the configuration must not pass for our program.
        *(sys.executable, "-P", "-m", "exporter", "doctor", "--gate=resume", "--json"),
        *("--bot", bot.name, f"--config.file={config_path}"),
    )
    try:
        result = command.run(
            argv,
            cwd=config_path.parent,
            deadline=deadline,
            step_id=step_id,
            env=_credentials(bot),
        )
    except ActionError as error:
        return GateAnswer((f"doctor: {error.detail}",), ())
    try:
        checks = tuple(dict(check) for check in json.loads(result.output)["checks"])
        failing = [check for check in checks if not check["ok"]]
        problems = tuple(
            f"{check['check']}: {check['detail']}"
            for check in failing
            if check["check"] not in waived
        )
    except (ValueError, KeyError, TypeError):
        return GateAnswer((f"doctor: no readable answer: {result.output[-500:]}",), ())
    if not checks or (result.exit_status != 0 and not failing):
        return GateAnswer((f"doctor: exit status {result.exit_status}, no failing check",), checks)
    return GateAnswer(problems, checks)


def _credentials(bot: Bot) -> dict[str, str]:
    """The environment variables that the configuration names for keys, and no others."""
    roles = bot.venue.credentials
    names = {
        name
        for role in (roles.bot, roles.exporter, roles.remediation)
        if role is not None and role.env_file is None
        for name in (role.key, role.secret)
        if name is not None
    }
    return {name: os.environ[name] for name in sorted(names) if name in os.environ}
