"""Everything the exporter raises on purpose.

TradewardenError
├── ConfigError    the configuration file, at start or reload: names the key path
└── SourceError    one reading of the world failed: carries a closed reason
"""

import enum


class Reason(enum.StrEnum):
    """Why a reading failed. Closed: each member is a metric label value."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    NETWORK = "network"
    BAD_RESPONSE = "bad_response"
    HTTP_STATUS = "http_status"
    SERVER_ERROR = "server_error"
    TIMESTAMP = "timestamp"
    SIGNATURE = "signature"
    KEY_FORMAT = "key_format"
    KEY_REJECTED = "key_rejected"
    NO_CREDENTIALS = "no_credentials"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    RESTRICTED_LOCATION = "restricted_location"
    FIREWALL = "firewall"
    OVERLOADED = "overloaded"
    MAINTENANCE = "maintenance"
    REJECTED = "rejected"
    NO_MAJORITY = "no_majority"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    STALE = "stale"
    UNSUPPORTED = "unsupported"
    BUDGET = "budget"
    PROXY = "proxy"
    INTERNAL = "internal"


class TradewardenError(Exception):
    """Base of all errors that are part of the programs' behaviour."""


class ConfigError(TradewardenError):
    """The configuration is wrong; says where and what would be accepted.

    Args:
        path: key path inside the file, such as ``bots[0].venue.kind``.
        problem: what is wrong there.
        accepted: what would be right, for the reader to copy.
    """

    def __init__(self, path: str, problem: str, accepted: str = "") -> None:
        self.path = path
        self.problem = problem
        self.accepted = accepted
        super().__init__(f"{path}: {problem}" + (f"; accepted: {accepted}" if accepted else ""))


class SourceError(TradewardenError):
    """One reading of the world failed.

    Args:
        reason: closed cause, used as a metric label.
        detail: one line for a person; never holds a secret.
        permanent: asking again without a change elsewhere cannot help.
        code: the exchange's raw error code where it sent one.
    """

    def __init__(
        self, reason: Reason, detail: str, *, permanent: bool = False, code: int | None = None
    ) -> None:
        self.reason = reason
        self.detail = detail
        self.permanent = permanent
        self.code = code
        super().__init__(f"{reason}: {detail}")

    def bare(self) -> "SourceError":
        """Return the same failure without the frames it came from, to be kept or raised again.

        They hold what was being read, megabytes perhaps; and they add up with each raising.
        """
        return SourceError(self.reason, self.detail, permanent=self.permanent, code=self.code)
