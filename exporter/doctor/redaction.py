"""Keeps secrets out of what the doctor prints."""

from collections.abc import Iterable

from exporter.config import Bot, Config
from exporter.errors import SourceError
from exporter.secrets import read_api_key, read_secret


class Redactor:
    """Replaces every secret that the configuration refers to.

    The bot's own doctor prints what it likes, and we pass its words on.
    """

    def __init__(self, config: Config, bots: Iterable[Bot]) -> None:
        self._values = sorted(set(_secrets(config, bots)), key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._values:
            text = text.replace(secret, "<secret>")
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
