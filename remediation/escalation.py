"""Escalations: what a person must be told, kept open until he says he knows.

Each open one is an alert that the engine posts to Alertmanager again and again
(design §7, Escalation); this is only their durable list.
"""

import enum
import secrets
import sqlite3
from dataclasses import dataclass

from remediation.journal import Journal
from remediation.timing import Moment


class EscalationKind(enum.StrEnum):
    """Why a person is called; becomes the alert's name."""

    OUTCOME = "TradewardenIncidentEscalated"
    APPROVAL = "TradewardenApprovalNeeded"
    DEFERRED = "TradewardenAlertDeferred"
    BLOCKED = "TradewardenScenarioBlocked"


@dataclass(frozen=True)
class Escalation:
    """One open call to a person."""

    id: str
    incident: str
    bot: str
    scenario: str
    kind: EscalationKind
    summary: str
    is_open: bool
    raised: Moment


class Escalations:
    """Raise, list and acknowledge escalations."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def call(
        self, kind: EscalationKind, *, incident: str, bot: str, scenario: str, summary: str
    ) -> None:
        """Raise one, unless the same is open."""
        moment = self._journal.now()
        with self._journal.transaction():
            if self._journal.rows(
                "SELECT 1 FROM escalations WHERE incident = ? AND bot = ? AND scenario = ?"
                " AND kind = ? AND open = 1",
                (incident, bot, scenario, kind),
            ):
                return
            self._journal.insert(
                "escalations",
                *(secrets.token_hex(6), incident, bot, scenario, kind, summary, 1, "", ""),
                *(moment.wall, moment.boot_id, moment.boottime),
            )
            self._journal.record(
                "escalated", incident, escalation=kind, bot=bot, scenario=scenario, summary=summary
            )

    def end(
        self, *, incident: str, kind: EscalationKind | None = None, actor: str, reason: str
    ) -> int:
        """Close an incident's escalations, of one kind or all; returns how many."""
        with self._journal.transaction():
            closed = self._journal.execute(
                "UPDATE escalations SET open = 0, actor = ?, reason = ?"
                " WHERE incident = ? AND open = 1 AND (? IS NULL OR kind = ?)",
                (actor, reason, incident, kind, kind),
            )
            if closed:
                self._journal.record(
                    "escalation_ended", incident, escalation=kind, actor=actor, reason=reason
                )
        return closed

    def end_one(self, escalation_id: str, *, actor: str, reason: str) -> bool:
        """Close one escalation, such as one that belongs to no incident; False if not open."""
        with self._journal.transaction():
            closed = self._journal.execute(
                "UPDATE escalations SET open = 0, actor = ?, reason = ? WHERE id = ? AND open = 1",
                (actor, reason, escalation_id),
            )
            if closed:
                self._journal.record(
                    "escalation_ended", escalation=escalation_id, actor=actor, reason=reason
                )
        return closed == 1

    def open(self) -> tuple[Escalation, ...]:
        """All that wait for a person, oldest first."""
        found = self._journal.rows("SELECT * FROM escalations WHERE open = 1 ORDER BY rowid")
        return tuple(_escalation(row) for row in found)


def _escalation(row: sqlite3.Row) -> Escalation:
    return Escalation(
        id=row["id"],
        incident=row["incident"],
        bot=row["bot"],
        scenario=row["scenario"],
        kind=EscalationKind(row["kind"]),
        summary=row["summary"],
        is_open=bool(row["open"]),
        raised=Moment(row["boot_id"], row["boottime"], row["wall"]),
    )
