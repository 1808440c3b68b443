"""Everything the receiver raises on purpose.

TradewardenError (exporter.errors)
├── ActionError     an actuator could not do what it was asked, or refused to
├── JournalError    the journal cannot be written: nothing may be answered 2xx
│   └── JournalBusy another receiver owns this journal
├── PayloadError    a request that is wrong; carries the 4xx status
└── IllegalChange   an incident was asked for a state change that does not exist
"""

import enum

from exporter.errors import TradewardenError


class ActionReason(enum.StrEnum):
    """Why an action did not happen. Closed: each member is a metric label value."""

    NOT_CONFIGURED = "not_configured"
    FORBIDDEN = "forbidden"
    CHANGED = "changed"
    TIMEOUT = "timeout"
    EXIT_STATUS = "exit_status"
    NOT_STOPPED = "not_stopped"
    STILL_RUNNING = "still_running"
    IO = "io"
    UNKNOWN_STATE = "unknown_state"


class ActionError(TradewardenError):
    """An action failed or refused; the world may be unchanged or half-changed.

    Args:
        reason: closed cause.
        detail: one line for the report; never holds a secret.
        permanent: trying again without a person cannot help.
    """

    def __init__(self, reason: ActionReason, detail: str, *, permanent: bool = False) -> None:
        self.reason = reason
        self.detail = detail
        self.permanent = permanent
        super().__init__(f"{reason}: {detail}")


class JournalError(TradewardenError):
    """The journal could not be read or written."""


class JournalBusy(JournalError):  # noqa: N818 - reads as the state it is
    """Another receiver holds this journal."""


class PayloadError(TradewardenError):
    """A request that the sender must change; ``status`` is the HTTP answer."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class IllegalChange(TradewardenError):  # noqa: N818 - reads as what was attempted
    """An incident cannot go from where it is to where it was sent."""
