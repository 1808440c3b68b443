"""Who is asking: bearer tokens, compared in constant time, read again each time.

Tokens are read from their file or variable at every request, so that changing a
token needs no restart.
"""

import hmac
from collections.abc import Sequence

from exporter.config import Operator, RemediationSettings
from exporter.errors import ConfigError, SourceError
from exporter.secrets import read_secret
from remediation.errors import PayloadError

_SCHEME = "bearer "
_WHERE = "remediation.webhook_token_file"


def check_tokens(settings: RemediationSettings) -> None:
    """Refuse to start without a readable token for the webhook and every operator.

    Raises:
        ConfigError: names the key.
    """
    if settings.webhook_token_env is None and settings.webhook_token_file is None:
        raise ConfigError(
            _WHERE, "is missing: anybody could start playbooks", "a file, or webhook_token_env"
        )
    holders: dict[str, str] = {}
    try:
        token = read_secret(env=settings.webhook_token_env, file=settings.webhook_token_file)
        holders[token.reveal()] = "the webhook"
    except SourceError as error:
        where = _WHERE if settings.webhook_token_file else "remediation.webhook_token_env"
        raise ConfigError(where, error.detail, "a token") from error
    for index, operator in enumerate(settings.operators):
        where = f"remediation.operators[{index}]"
        try:
            token = read_secret(env=operator.token_env, file=operator.token_file)
        except SourceError as error:
            raise ConfigError(where, error.detail, "a token") from error
        if (other := holders.setdefault(token.reveal(), operator.name)) != operator.name:
            raise ConfigError(where, f"has the token of {other}", "a token of its own")


def require_webhook(header: str | None, settings: RemediationSettings) -> None:
    """Let only the holder of the webhook token pass.

    Raises:
        PayloadError: 401 not he; 503 the token cannot be read now, so try again.
    """
    given = _token(header)
    try:
        token = read_secret(env=settings.webhook_token_env, file=settings.webhook_token_file)
    except SourceError as error:
        raise PayloadError(503, "the receiver's webhook token cannot be read") from error
    if given is None:
        raise PayloadError(401, "no bearer token in the Authorization header")
    if not hmac.compare_digest(given, token.reveal().encode()):
        raise PayloadError(401, "wrong token")


def operator_of(header: str | None, operators: Sequence[Operator]) -> str:
    """Name the operator whose token was sent.

    Every operator's token is compared, so the time taken does not tell which one
    came close. An operator whose token cannot be read matches nothing.

    Raises:
        PayloadError: 401.
    """
    if not operators:
        raise PayloadError(401, "no operator is configured (remediation.operators)")
    given = _token(header)
    if given is None:
        raise PayloadError(401, "no bearer token in the Authorization header")
    found = None
    for operator in operators:
        try:
            token = read_secret(env=operator.token_env, file=operator.token_file)
        except SourceError:
            continue
        if hmac.compare_digest(given, token.reveal().encode()):
            found = operator.name
    if found is None:
        raise PayloadError(401, "this token is no operator's")
    return found


def _token(header: str | None) -> bytes | None:
    if header is None or header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    # WSGI hands header bytes over as Latin-1.
    return header[len(_SCHEME) :].strip().encode("latin-1", errors="replace")
