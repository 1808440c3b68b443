"""Keys, HMAC signatures and the timestamp rule, as the exchange documents them."""

import enum
import hashlib
import hmac
import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

from tests.sim.exchange.errors import ApiError

_AHEAD_MS = 1000
_DEFAULT_WINDOW_MS = 5000
_MAX_WINDOW_MS = 60_000
_MICROSECONDS = 10**14  # above it a timestamp counts microseconds
_KEY = re.compile(r"[A-Za-z0-9]{64}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_WINDOW = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?")
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")
_MAX_PARAMETERS = 200
_ROLES = {"bot": True, "exporter": False, "remediation": True}


class Trouble(enum.StrEnum):
    """What is wrong with a key, in the words of the fault that makes it so."""

    KEY_FORMAT = "key_format"
    REJECTED = "rejected"
    SIGNATURE = "signature"
    IP = "ip"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Key:
    """One API key: whose it is, what it may do, and what is wrong with it.

    Times are milliseconds; ``expires`` is the end of its permission to trade.
    """

    role: str
    key: str
    secret: str
    can_trade: bool
    created: int = 0
    can_withdraw: bool = False
    ip_restrict: bool = True
    expires: int | None = None
    trouble: Trouble | None = None

    def trades_at(self, now: int) -> bool:
        """Whether it may send and cancel orders at this time."""
        return self.can_trade and (self.expires is None or now < self.expires)


@dataclass(frozen=True)
class Parameters:
    """A request's parameters: the text that was signed, the signature, the values."""

    payload: str
    signature: str | None
    values: Mapping[str, str]


def make_keys(seed: int, created: int = 0) -> dict[str, Key]:
    """Make the three roles' keys of one age; the same seed gives the same keys."""
    source = random.Random(f"keys {seed}")
    letters = string.ascii_letters + string.digits

    def token() -> str:
        return "".join(source.choices(letters, k=64))

    return {
        role: Key(role, token(), token(), can_trade=trade, created=created)
        for role, trade in _ROLES.items()
    }


def make_alpaca_keys(seed: int) -> dict[str, Key]:
    """Make the roles' key pairs at the broker, whose keys all may trade."""
    source = random.Random(f"alpaca keys {seed}")
    capitals, letters = string.ascii_uppercase + string.digits, string.ascii_letters + string.digits
    return {
        role: Key(
            role,
            "PK" + "".join(source.choices(capitals, k=18)),
            "".join(source.choices(letters, k=40)),
            can_trade=True,
        )
        for role in _ROLES
    }


def sign(secret: str, payload: str) -> str:
    """Hex HMAC-SHA256 of the payload."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def read_parameters(query: str, body: str) -> Parameters:
    """Split a request into payload, signature and values; the query wins on duplicates.

    The payload is query and body joined without a separator, exactly as sent.
    """
    found = _SIGNATURE.findall(query) + _SIGNATURE.findall(body)
    payload = "".join(_SIGNATURE.sub("", part).lstrip("&") for part in (query, body))
    try:
        pairs = [
            *parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS),
            *parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS),
        ]
    except ValueError:
        raise ApiError(400, -1101, "Too many parameters sent for this endpoint.") from None
    return Parameters(payload, found[0] if found else None, dict(pairs))


def identify(keys: Mapping[str, Key], api_key: str | None, *, sapi: bool) -> Key:
    """Find the key a request names.

    Raises:
        ApiError: -2014 for no or a malformed key, -2015 (-2008 on sapi) for an unknown one.
    """
    if api_key is None or not _KEY.fullmatch(api_key):
        raise ApiError(401, -2014, "API-key format invalid.")
    for key in keys.values():
        if key.key == api_key:
            _refuse_troubled(key.trouble, sapi=sapi)
            return key
    if sapi:
        raise ApiError(400, -2008, "Invalid Api-Key ID.")
    raise ApiError(401, -2015, "Invalid API-key, IP, or permissions for action.")


def _refuse_troubled(trouble: Trouble | None, *, sapi: bool) -> None:
    if trouble is Trouble.KEY_FORMAT:
        raise ApiError(401, -2014, "API-key format invalid.")
    if trouble is Trouble.UNKNOWN:
        raise ApiError(400 if sapi else 401, -2008, "Invalid Api-Key ID.")
    if trouble is Trouble.SIGNATURE:
        raise ApiError(400, -1022, "Signature for this request is not valid.")
    if trouble in {Trouble.REJECTED, Trouble.IP}:
        message = "Invalid API-key, IP, or permissions for action"
        raise ApiError(
            401,
            -2015,
            f"{message}, request ip: 127.0.0.1" if trouble is Trouble.IP else f"{message}.",
        )


def verify(key: Key, parameters: Parameters, server_ms: int) -> None:
    """Check the timestamp, then the signature.

    Raises:
        ApiError: -1102 for a missing one, -1021 by the time rule, -1022 by the signature.
    """
    timestamp = parameters.values.get("timestamp", "")
    window = parameters.values.get("recvWindow", str(_DEFAULT_WINDOW_MS))
    if not _NUMBER.fullmatch(timestamp):
        raise ApiError.missing("timestamp")
    if not parameters.signature:
        raise ApiError.missing("signature")
    if not _WINDOW.fullmatch(window):
        raise ApiError(400, -1100, "Illegal characters found in parameter 'recvWindow'.")
    if Decimal(window) > _MAX_WINDOW_MS:
        raise ApiError(400, -1131, "recvWindow must be less than 60000")
    moment = Decimal(timestamp)
    if moment >= _MICROSECONDS:
        moment /= 1000
    complaint = time_complaint(moment, server_ms, Decimal(window))
    if complaint is not None:
        raise ApiError(400, -1021, complaint)
    expected = sign(key.secret, parameters.payload)
    if not hmac.compare_digest(expected, parameters.signature.lower()):
        raise ApiError(400, -1022, "Signature for this request is not valid.")


def time_complaint(timestamp: Decimal, server_ms: int, window: Decimal) -> str | None:
    """Apply ``timestamp < server + 1000 and server - timestamp <= recvWindow``."""
    if timestamp >= server_ms + _AHEAD_MS:
        return "Timestamp for this request was 1000ms ahead of the server's time."
    if server_ms - timestamp > window:
        return "Timestamp for this request is outside of the recvWindow."
    return None
