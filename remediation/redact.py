"""Take secrets out of text before it is stored or shown.

By known value first, then by shape: what looks like a key is one. Better a
report with a hash too few than one with a key too many.
"""

import re
from collections.abc import Collection

from exporter.config import Config, Credentials
from exporter.errors import SourceError
from exporter.secrets import Secret, read_api_key, read_secret

SECRET = "<secret>"  # noqa: S105 - what stands in a secret's place
_SHORTEST = 6

# Repetitions are bounded: a log line of dashes must not cost quadratic time.
_NAMES = (
    r"[\w.-]{0,40}(?:api[_-]?key|apikey|secret|passw(?:or)?d|passwd|pwd|token|signature|credential"
    r"|private[_-]?key|access[_-]?key|listen[_-]?key|session[_-]?id)[\w.-]{0,40}"
)
_RULES = (
    # PEM blocks, whole.
    re.compile(
        r"(?P<keep>-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        re.DOTALL,
    ),
    # Authorization: Bearer abc; X-MBX-APIKEY: abc; Cookie: a=b
    re.compile(
        r"(?P<keep>\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?"
        r"(?:(?:bearer|basic|digest|token)\s+)?)[^\s\"',;}]+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>\b(?:set-)?cookie[\"']?\s*:\s*[\"']?)[^\"'\r\n]+", re.IGNORECASE),
    re.compile(r"(?P<keep>\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(
        r"(?P<keep>\b(?:x-mbx-apikey|apca-api-key-id|apca-api-secret-key)[\"']?\s*[:=]\s*[\"']?)"
        r"[^\s\"',;}]+",
        re.IGNORECASE,
    ),
    # "api_key": "abc", also with the quotes escaped in a string
    re.compile(
        rf"(?P<keep>\\?[\"']{_NAMES}\\?[\"']\s*[:=]\s*\\?[\"'])(?:(?!\\?[\"']).)+",
        re.IGNORECASE,
    ),
    # API_SECRET=abc, --token abc, password: abc, ?signature=abc
    re.compile(
        rf"(?P<keep>(?<![\w.-]){_NAMES}\s*[=:]\s*[\"']?)(?!<secret>)[^\s\"',;&}}\])]+",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<keep>--{_NAMES}\s+)(?![-<])\S+", re.IGNORECASE),
    # https://user:password@host
    re.compile(
        r"(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,200}:)[^\s@/]{1,200}(?=@)", re.IGNORECASE
    ),
    # JWT; an exchange's 64 characters; an HMAC or a hash; a key with a known prefix
    re.compile(r"(?P<keep>)\beyJ[\w-]{8,2000}\.[\w-]{8,2000}\.[\w-]*"),
    re.compile(r"(?P<keep>)(?<![0-9A-Za-z])[0-9A-Za-z]{64}(?![0-9A-Za-z])"),
    re.compile(r"(?P<keep>)\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"(?P<keep>)\b(?:gh[pousr]_|xox[abprs]-|sk_live_|sk-)[\w-]{16,}"),
)


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """Return the text with every known and every likely secret replaced.

    Args:
        text: anything: output, log lines, JSON.
        secrets: values that are known to be secret.
    """
    # Longest first: one secret may be part of another.
    for value in sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(value, SECRET)
    for rule in _RULES:
        text = rule.sub(rf"\g<keep>{SECRET}", text)
    return text


def known_secrets(config: Config) -> tuple[str, ...]:
    """Return every secret the configuration refers to, as far as it can be read now."""
    settings = config.remediation
    found: list[Secret] = []
    references = [(settings.webhook_token_env, settings.webhook_token_file)]
    references += [(person.token_env, person.token_file) for person in settings.operators]
    for env, file in references:
        if env or file:
            found += _token(env, file)
    for bot in config.bots:
        roles = bot.venue.credentials
        for credentials in (roles.bot, roles.exporter, roles.remediation):
            if credentials is not None:
                found += _key_pair(credentials)
    return tuple(secret.reveal() for secret in found)


def _token(env: str | None, file: str | None) -> tuple[Secret, ...]:
    try:
        return (read_secret(env=env, file=file),)
    except SourceError:
        return ()


def _key_pair(credentials: Credentials) -> tuple[Secret, ...]:
    try:
        pair = read_api_key(credentials)
    except SourceError:
        return ()
    return (pair.key, pair.secret)
