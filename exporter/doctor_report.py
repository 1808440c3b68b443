"""The doctor's findings as a table for a person and as JSON for a program."""

import json
from collections.abc import Iterable, Sequence

from exporter.config import Bot, Config
from exporter.doctor import Check
from exporter.errors import SourceError
from exporter.secrets import read_api_key, read_secret

_MARKS = {"pass": "ok", "fail": "FAIL", "unknown": "????"}


def as_json(checks: Sequence[Check], gate: str | None) -> str:
    """Return the report that the remediation's gate reads."""
    return json.dumps(
        {
            "ok": bool(checks) and all(check.ok for check in checks),
            "gate": gate,
            "checks": [
                {
                    "bot": check.bot,
                    "check": check.check,
                    "scenario": check.scenario,
                    "ok": check.ok,
                    "status": check.status.value,
                    "detail": check.detail,
                    "advice": check.advice,
                }
                for check in checks
            ],
        },
        indent=2,
    )


def as_table(checks: Sequence[Check], *, verbose: bool) -> str:
    """Return failures with advice; with ``verbose`` also everything that passed."""
    lines = []
    shown = [check for check in checks if verbose or not check.ok]
    width = max((len(check.check) for check in shown), default=0)
    for bot in dict.fromkeys(check.bot for check in shown):
        lines.append(f"{bot}:")
        for check in (check for check in shown if check.bot == bot):
            mark = _MARKS[check.status.value]
            lines.append(f"  {mark:<4}  {check.check:<{width}}  {check.detail}")
            if check.advice:
                lines.append(f"        {'':<{width}}  -> {check.advice}")
    bad = sum(not check.ok for check in checks)
    if not checks:
        lines.append("nothing was checked")
    elif bad:
        lines.append(f"{bad} of {len(checks)} checks did not pass. Do not resume.")
    else:
        lines.append(f"all {len(checks)} checks passed.")
    return "\n".join(lines)


class Redactor:
    """Replaces every secret that the configuration refers to.

    The bot's own doctor prints what it likes, and we pass its words on.
    """

    def __init__(self, config: Config, bots: Iterable[Bot]) -> None:
        self._values = sorted(set(_secrets(config, bots)), key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        for value in self._values:
            text = text.replace(value, "<secret>")
        return text


def _secrets(config: Config, bots: Iterable[Bot]) -> Iterable[str]:
    for bot in bots:
        roles = bot.venue.credentials
        for credentials in (roles.bot, roles.exporter, roles.remediation):
            if credentials is None:
                continue
            try:
                pair = read_api_key(credentials)
            except SourceError:
                continue  # what cannot be read here cannot be printed from here
            yield pair.key.reveal()
            yield pair.secret.reveal()
    settings = config.remediation
    references = [(settings.webhook_token_env, settings.webhook_token_file)]
    references += [(operator.token_env, operator.token_file) for operator in settings.operators]
    for env, file in references:
        if env is None and file is None:
            continue
        try:
            yield read_secret(env=env, file=file).reveal()
        except SourceError:
            continue
