"""Alpaca's answers, with and without a code, as reasons (facts §2)."""

from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources import files
from exporter.sources.exchange import headers
from exporter.sources.exchange.client import Dialect
from exporter.sources.exchange.rate_limits import INTERVAL_SECONDS, Silence, Usage
from exporter.sources.transport import Response

_NOT_FOUND_CODE = 40410000
# One code for everything that an account may not do: only the message tells them apart.
_FORBIDDEN_CODE = 40310000
_ABOUT_THE_KEY = ("request is not authorized", "access key", "unauthorized")
_LEAST_SILENCE_SECONDS = 1.0
_LONGEST_SILENCE_SECONDS = 3600.0


def decode(response: Response) -> Any:
    """Return the JSON body of a success.

    Raises:
        SourceError: what the status, the code or the body says is wrong.
    """
    try:
        body = files.parse_json(response.content)
    except SourceError as error:
        if response.status == 200:
            raise SourceError(Reason.BAD_RESPONSE, f"the answer {error.detail}") from error
        body = None
    if response.status == 200:
        return body
    raise _failure(response.status, body)


def usage(response: Response) -> Usage | None:
    """Return what this key has used of its requests in the running minute."""
    limit = headers.number(response.headers, "x-ratelimit-limit")
    remaining = headers.number(response.headers, "x-ratelimit-remaining")
    if not limit or remaining is None:
        return None
    left = _until_reset(response)
    return Usage(max(0, limit - remaining), limit, INTERVAL_SECONDS if left is None else left)


def silence(response: Response) -> Silence | None:
    """How long a 429 wants to be left alone: Retry-After, else the reset of the limit."""
    if response.status not in (418, 429):
        return None
    seconds: float | None = headers.number(response.headers, "retry-after")
    if seconds is None:
        seconds = _until_reset(response)
    if seconds is None:
        seconds = INTERVAL_SECONDS
    seconds = min(max(seconds, _LEAST_SILENCE_SECONDS), _LONGEST_SILENCE_SECONDS)
    return Silence(seconds, Reason.BANNED if response.status == 418 else Reason.RATE_LIMITED)


def _until_reset(response: Response) -> float | None:
    """By the server's own clock on both sides: the local one may be wrong."""
    reset = headers.number(response.headers, "x-ratelimit-reset")
    date = headers.date(response.headers)
    return None if reset is None or date is None else reset - date


def _failure(status: int, body: Any) -> SourceError:
    code: int | None = None
    message: str | None = None
    if isinstance(body, dict):
        said, text = body.get("code"), body.get("message")
        code = int(said) if isinstance(said, Decimal) and abs(said) < 10**9 else None
        message = " ".join(text.split())[:200] if isinstance(text, str) else None
    reason, permanent = _reason(status, code, message)
    detail = f"HTTP {status}" + (f", code {code}" if code is not None else "")
    return SourceError(
        reason, f"{detail}: {message or 'no JSON error body'}", permanent=permanent, code=code
    )


def _reason(status: int, code: int | None, message: str | None) -> tuple[Reason, bool]:
    if status == 403:
        return _forbidden(code, message)
    if status == 404 and code == _NOT_FOUND_CODE:
        return Reason.MISSING, True
    if status >= 500:
        closed = "maintenance" in (message or "").lower()
        return (Reason.MAINTENANCE if closed else Reason.SERVER_ERROR), False
    known = {
        401: (Reason.KEY_REJECTED, True),
        418: (Reason.BANNED, False),
        429: (Reason.RATE_LIMITED, False),
        451: (Reason.RESTRICTED_LOCATION, True),
    }
    if status in known:
        return known[status]
    return (Reason.HTTP_STATUS if code is None else Reason.REJECTED), False


def _forbidden(code: int | None, message: str | None) -> tuple[Reason, bool]:
    """A firewall's page, wrong headers or keys, or an account that may not do this."""
    if message is None:
        return Reason.FIREWALL, False
    about_the_key = any(words in message.lower() for words in _ABOUT_THE_KEY)
    if code is None or about_the_key:
        return Reason.KEY_REJECTED, True
    return Reason.REJECTED, code == _FORBIDDEN_CODE


DIALECT = Dialect(decode=decode, usage=usage, silence=silence)
