"""What one check is, and what it may find."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.errors import Reason

if TYPE_CHECKING:
    from exporter.doctor.patient import Patient


class Status(enum.StrEnum):
    """What a check found.

    UNKNOWN is as little a pass as FAIL is. NOT_OFFERED is neither: the configuration, or the
    venue, gives nothing to check.
    """

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_OFFERED = "not_offered"


@dataclass(frozen=True)
class Verdict:
    """One line for a person; ``advice`` replaces the check's own, as a template like it."""

    status: Status
    detail: str
    advice: str = ""


def passed(detail: str) -> Verdict:
    """Return that all is well."""
    return Verdict(Status.PASS, detail)


def failed(detail: str, advice: str = "") -> Verdict:
    """Return that something must be done."""
    return Verdict(Status.FAIL, detail, advice)


def unknown(detail: str) -> Verdict:
    """Return that it cannot be told."""
    return Verdict(Status.UNKNOWN, detail)


def not_offered(why: str) -> Verdict:
    """Return that there is nothing to check; ``why`` names the missing setting."""
    return Verdict(Status.NOT_OFFERED, why)


def judged(ok: bool, detail: str) -> Verdict:
    """Return a pass or a failure."""
    return passed(detail) if ok else failed(detail)


# What must be well before the exchange can be asked anything.
THE_EXCHANGE = ("exchange reachable", "rate limit", "no maintenance")


@dataclass(frozen=True)
class Question:
    """One check.

    Args:
        name: unique among all; the remediation waives checks by it.
        ask: returns the verdict; a SourceError is UNKNOWN, or FAIL for a reason in ``refusals``.
        advice: the runbook's next step, a template that ``places`` fills.
        gate: whether it must hold before the bot is started.
        refusals: reasons of a SourceError that are an answer.
        seconds: how long it may take, where that is configured.
        needs: checks without which this one cannot be made; if it is UNKNOWN and one of them
            did not pass, that one is what to put right.
    """

    name: str
    ask: Callable[["Patient"], Verdict]
    advice: str
    gate: bool = False
    refusals: frozenset[Reason] = frozenset()
    seconds: Callable[["Patient"], float] | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One line of the report; ``first`` names the check that kept this one from being made."""

    bot: str
    check: str
    scenario: str
    status: Status
    detail: str
    advice: str = ""
    first: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return self.status is Status.PASS
