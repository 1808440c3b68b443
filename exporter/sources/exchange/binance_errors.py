"""Binance's HTTP statuses and raw codes as reasons (facts §1.3, §1.4).

Raw codes are the truth: client libraries disguise -1021 as a network fault and
a revoked key as rate limiting.
"""

import re
from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources import files
from exporter.sources.exchange import headers
from exporter.sources.exchange.client import Dialect
from exporter.sources.exchange.rate_limits import Silence, Usage
from exporter.sources.transport import Response

_DEFAULT_BAN_SECONDS = 120.0
_DEFAULT_LIMIT_SECONDS = 60.0
_LONGEST_BAN_SECONDS = 3 * 86400.0
# "Retry-After: 0" comes at the turn of a minute; a ban grows by every call that comes too early.
_LEAST_SILENCE_SECONDS = 1.0
_BANNED_UNTIL_MS = re.compile(rb"banned until (\d{13})\b")
_MINUTE_SECONDS = 60

# code -> (reason, permanent)
_CODES: dict[int, tuple[Reason, bool]] = {
    -1000: (Reason.SERVER_ERROR, False),
    -1001: (Reason.SERVER_ERROR, False),
    -1003: (Reason.RATE_LIMITED, False),
    -1006: (Reason.SERVER_ERROR, False),
    -1007: (Reason.SERVER_ERROR, False),
    -1008: (Reason.OVERLOADED, False),
    -1015: (Reason.RATE_LIMITED, False),
    -1016: (Reason.MAINTENANCE, False),
    -1021: (Reason.TIMESTAMP, False),
    -1022: (Reason.SIGNATURE, True),
    -2013: (Reason.MISSING, True),
    -2008: (Reason.KEY_REJECTED, True),
    -2014: (Reason.KEY_FORMAT, True),
    -2015: (Reason.KEY_REJECTED, True),
}
_STATUSES: dict[int, tuple[Reason, bool]] = {
    403: (Reason.FIREWALL, False),
    418: (Reason.BANNED, False),
    429: (Reason.RATE_LIMITED, False),
    451: (Reason.RESTRICTED_LOCATION, True),
}
_STATUS_DECIDES = (418, 429, 451)
# The exchange does not say which of the three it is (facts §1.4).
_AMBIGUOUS = {-2015: "the key is not known, or not allowed from this IP, or lacks a permission"}


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
    code = _code(body)
    if response.status == 200 and (code is None or code >= 0):
        return body
    raise _failure(response.status, code, body)


def usage(response: Response) -> Usage | None:
    """Return the weight that this IP has used in the running minute, all programs together."""
    used = headers.number(response.headers, "x-mbx-used-weight-1m")
    if used is None:
        used = headers.number(response.headers, "x-sapi-used-ip-weight-1m")
    if used is None:
        return None
    # Windows are the exchange's whole minutes.
    date = headers.date(response.headers)
    left = _MINUTE_SECONDS if date is None else _MINUTE_SECONDS - date % _MINUTE_SECONDS
    return Usage(used, seconds_left=left)


def silence(response: Response) -> Silence | None:
    """How long to make no further call: Retry-After of a 418 or 429, else what the body says."""
    if response.status not in (418, 429):
        return None
    banned = response.status == 418
    seconds: float | None = headers.number(response.headers, "retry-after")
    if seconds is None:
        seconds = _banned_for(response)
    if seconds is None:
        seconds = _DEFAULT_BAN_SECONDS if banned else _DEFAULT_LIMIT_SECONDS
    reason = Reason.BANNED if banned else Reason.RATE_LIMITED
    return Silence(min(max(seconds, _LEAST_SILENCE_SECONDS), _LONGEST_BAN_SECONDS), reason)


def _banned_for(response: Response) -> float | None:
    """By the exchange's own clock on both sides: the local one may be wrong."""
    found = _BANNED_UNTIL_MS.search(response.content[:1000])
    date = headers.date(response.headers)
    if found is None or date is None:
        return None
    seconds = int(found.group(1)) / 1000 - date
    return seconds if seconds > 0 else None


def _code(body: Any) -> int | None:
    """Return the error code of an error body; its absence is not a code of 0."""
    if not isinstance(body, dict) or "code" not in body or "msg" not in body:
        return None
    code = body["code"]
    return int(code) if isinstance(code, Decimal) and abs(code) < 10**6 else None


def _failure(status: int, code: int | None, body: Any) -> SourceError:
    message = " ".join(str(body["msg"]).split())[:200] if code is not None else "no JSON error body"
    detail = f"HTTP {status}, code {code}: {message}" if code is not None else f"HTTP {status}"
    if code in _AMBIGUOUS:
        detail += f" ({_AMBIGUOUS[code]})"
    if status in _STATUS_DECIDES:
        reason, permanent = _STATUSES[status]
    elif code in _CODES:
        reason, permanent = _CODES[code]
    elif status >= 500:
        reason, permanent = Reason.SERVER_ERROR, False
    elif code is not None:
        reason, permanent = Reason.REJECTED, False
    else:
        reason, permanent = _STATUSES.get(status, (Reason.HTTP_STATUS, False))
    return SourceError(reason, detail, permanent=permanent, code=code)


DIALECT = Dialect(decode=decode, usage=usage, silence=silence)
