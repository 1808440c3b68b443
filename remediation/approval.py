"""Approvals: a person lets exactly one step act on exactly what he was shown."""

import enum
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remediation.errors import PayloadError
from remediation.journal import Journal
from remediation.playbooks.base import Binding, Step
from remediation.timing import Moment, elapsed


class ApprovalState(enum.StrEnum):
    """Where an approval is. ``void``: what it bound has changed since."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"
    USED = "used"


@dataclass(frozen=True)
class Approval:
    """One question to a person, and the answer."""

    id: str
    incident: str
    bot: str
    step: str
    title: str
    digest: str
    shown: Mapping[str, Any]
    state: ApprovalState
    actor: str
    reason: str
    asked: Moment


class Approvals:
    """Ask, answer, expire and use approvals."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def ask(self, incident_id: str, bot: str, step: Step, binding: Binding) -> Approval:
        """Ask a person; at most one question of an incident is pending."""
        approval = Approval(
            id=secrets.token_hex(6),
            incident=incident_id,
            bot=bot,
            step=step.name,
            title=step.title,
            digest=binding.digest,
            shown=dict(binding.shown) or dict(binding.bound),
            state=ApprovalState.PENDING,
            actor="",
            reason="",
            asked=self._journal.now(),
        )
        with self._journal.transaction():
            self._journal.insert(
                "approvals",
                *(approval.id, incident_id, bot, step.name, step.title, approval.digest),
                *(json.dumps(approval.shown, default=str), approval.state, "", ""),
                *(approval.asked.wall, approval.asked.boot_id, approval.asked.boottime),
            )
            self._journal.record(
                "approval_asked",
                incident_id,
                id=approval.id,
                step=step.name,
                digest=approval.digest,
                shown=approval.shown,
            )
        return approval

    def answer(
        self, approval_id: str, state: ApprovalState, *, digest: str, actor: str, reason: str
    ) -> Approval:
        """Approve or deny a pending question.

        Raises:
            PayloadError: 404 unknown, 409 answered already or another digest, 400 no reason.
        """
        approval = self.get(approval_id)
        if approval is None:
            raise PayloadError(404, f"no approval {approval_id:.40}")
        if not reason.strip():
            raise PayloadError(400, "reason is empty: say why, it goes into the report")
        if state is ApprovalState.APPROVED and digest != approval.digest:
            raise PayloadError(409, "digest is not the one shown: look at the approval again")
        if not self._settle(approval, ApprovalState.PENDING, state, actor=actor, reason=reason):
            raise PayloadError(409, "this approval has been answered, has expired or is void")
        return self.get(approval_id) or approval

    def settle(self, approval: Approval, state: ApprovalState, *, reason: str = "") -> bool:
        """Mark an approval used, void or expired."""
        return self._settle(
            approval, approval.state, state, actor=approval.actor, reason=reason or approval.reason
        )

    def void_pending(self, incident_id: str, reason: str) -> None:
        """Take back the question of an incident that has ended."""
        for approval in self.of(incident_id):
            if approval.state is ApprovalState.PENDING:
                self.settle(approval, ApprovalState.VOID, reason=reason)

    def _settle(
        self,
        approval: Approval,
        before: ApprovalState,
        after: ApprovalState,
        *,
        actor: str,
        reason: str,
    ) -> bool:
        with self._journal.transaction():
            changed = self._journal.execute(
                "UPDATE approvals SET state = ?, actor = ?, reason = ? WHERE id = ? AND state = ?",
                (after, actor, reason, approval.id, before),
            )
            if changed:
                self._journal.record(
                    "approval_settled",
                    approval.incident,
                    id=approval.id,
                    step=approval.step,
                    digest=approval.digest,
                    state=after,
                    actor=actor,
                    reason=reason,
                )
        return changed == 1

    def get(self, approval_id: str) -> Approval | None:
        """One approval."""
        found = self._journal.rows("SELECT * FROM approvals WHERE id = ?", (approval_id,))
        return _approval(found[0]) if found else None

    def latest(self, incident_id: str, step: str) -> Approval | None:
        """The newest question about a step of an incident."""
        found = self._journal.rows(
            "SELECT * FROM approvals WHERE incident = ? AND step = ? ORDER BY rowid DESC LIMIT 1",
            (incident_id, step),
        )
        return _approval(found[0]) if found else None

    def of(self, incident_id: str) -> tuple[Approval, ...]:
        """All questions of an incident, in order."""
        found = self._journal.rows(
            "SELECT * FROM approvals WHERE incident = ? ORDER BY rowid", (incident_id,)
        )
        return tuple(_approval(row) for row in found)

    def pending(self) -> tuple[Approval, ...]:
        """All questions that wait for an answer, oldest first."""
        found = self._journal.rows("SELECT * FROM approvals WHERE state = 'pending' ORDER BY rowid")
        return tuple(_approval(row) for row in found)

    def overdue(self, limit_seconds: float) -> tuple[Approval, ...]:
        """Pending questions older than the limit."""
        present = self._journal.now()
        return tuple(a for a in self.pending() if elapsed(a.asked, present) >= limit_seconds)


def _approval(row: sqlite3.Row) -> Approval:
    return Approval(
        id=row["id"],
        incident=row["incident"],
        bot=row["bot"],
        step=row["step"],
        title=row["title"],
        digest=row["digest"],
        shown=json.loads(row["shown"]),
        state=ApprovalState(row["state"]),
        actor=row["actor"],
        reason=row["reason"],
        asked=Moment(row["boot_id"], row["boottime"], row["wall"]),
    )
