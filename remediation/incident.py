"""The incident: what it is, how it may end, and which state may follow which."""

import enum
from dataclasses import dataclass

from remediation.errors import IllegalChange
from remediation.timing import Moment


class Severity(enum.IntEnum):
    """Alert severities in rising order (Prometheus mixin convention)."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @classmethod
    def of(cls, label: str) -> "Severity":
        """The severity a label names; an unknown label counts as critical."""
        return cls.__members__.get(label.upper(), cls.CRITICAL)


class State(enum.StrEnum):
    """Where an incident is."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CLOSED = "closed"


class Outcome(enum.StrEnum):
    """How a closed incident ended (design §7, Proof)."""

    RECOVERED = "recovered"
    INEFFECTIVE = "ineffective"
    UNPROVEN = "unproven"
    CLEARED = "cleared"
    DRY_RUN = "dry_run"
    DENIED = "denied"
    INTERRUPTED = "interrupted"
    ESCALATED = "escalated"

    @property
    def pages(self) -> bool:
        """Whether a person must be told."""
        return self not in (Outcome.RECOVERED, Outcome.CLEARED, Outcome.DRY_RUN, Outcome.DENIED)


_LEGAL = {
    State.QUEUED: (State.RUNNING, State.CLOSED),
    State.RUNNING: (State.QUEUED, State.WAITING, State.CLOSED),
    State.WAITING: (State.QUEUED, State.CLOSED),
    State.CLOSED: (),
}


def check_change(before: State, after: State) -> None:
    """Refuse a state change that does not exist.

    Raises:
        IllegalChange: names both states.
    """
    if after not in _LEGAL[before]:
        raise IllegalChange(f"an incident cannot go from {before} to {after}")


@dataclass(frozen=True)
class Incident:
    """One failure of one bot, from the first alert to its end.

    ``account`` is what locks are taken on; ``wait_for`` says in words what a
    WAITING incident waits for; ``retry_at`` is the boot time at which a wait that
    needs no person is looked at again.
    """

    id: str
    bot: str
    account: str
    scenario: str
    mode: str
    severity: Severity
    state: State
    outcome: Outcome | None
    reason: str
    opened: Moment
    closed: Moment | None
    wait_for: str
    retry_at: float | None
    alertname: str
    verify_within: float
    instance: str
