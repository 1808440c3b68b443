"""Binance's HTTP statuses and raw codes as reasons (facts §1.3, §1.4).

Raw codes are the truth: client libraries disguise -1021 as a network fault and
a revoked key as rate limiting.
"""

from decimal import Decimal
from typing import Any

from exporter.errors import Reason, SourceError
from exporter.sources import files
from exporter.sources.transport import Response

TIMESTAMP_CODE = -1021
_DEFAULT_BAN_SECONDS = 120.0
_DEFAULT_LIMIT_SECONDS = 60.0
_LONGEST_BAN_SECONDS = 3 * 86400.0

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


def decode(response: Response) -> Any:
    """Return the JSON body of a success.

    Raises:
        SourceError: what the status, the code or the body says is wrong.
    """
    body, problem = _body(response)
    code = _code(body)
    if response.status == 200 and (code is None or code >= 0):
        if problem is not None:
            raise problem
        return body
    raise _failure(response.status, code, body)


def quiet_seconds(response: Response) -> float:
    """How long to make no further call: Retry-After of a 418 or 429, else 0."""
    if response.status not in (418, 429):
        return 0.0
    value = response.headers.get("retry-after", "")
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), _LONGEST_BAN_SECONDS)
    return _DEFAULT_BAN_SECONDS if response.status == 418 else _DEFAULT_LIMIT_SECONDS


def _body(response: Response) -> tuple[Any, SourceError | None]:
    try:
        return files.parse_json(response.content), None
    except SourceError as error:
        return None, SourceError(Reason.BAD_RESPONSE, f"the answer {error.detail}")


def _code(body: Any) -> int | None:
    """Return the error code of an error body; its absence is not a code of 0."""
    if not isinstance(body, dict) or "code" not in body or "msg" not in body:
        return None
    code = body["code"]
    return int(code) if isinstance(code, Decimal) and abs(code) < 10**6 else None


def _failure(status: int, code: int | None, body: Any) -> SourceError:
    message = " ".join(str(body["msg"]).split())[:200] if code is not None else "no JSON error body"
    detail = f"HTTP {status}, code {code}: {message}" if code is not None else f"HTTP {status}"
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
