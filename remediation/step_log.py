"""The steps table: intent on the disk before a step acts, result after.

A step found with an intent and no result was cut off half-way. It is never run
again by itself (design §7, Journal).
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from remediation.actuators.sessions import Spawn
from remediation.incident import Incident, Outcome
from remediation.journal import Journal
from remediation.playbooks.base import BudgetKind, Phase, Status, Step, StepResult
from remediation.timing import Moment, elapsed


@dataclass(frozen=True)
class StepRecord:
    """One attempt of a step; ``status`` is None while, or if for ever, half-done."""

    id: str
    incident: str
    phase: Phase
    name: str
    started: Moment
    ended_boottime: float | None
    ended_wall: float | None
    status: Status | None
    summary: str
    evidence: dict[str, Any]
    outcome: Outcome | None

    @property
    def result(self) -> StepResult | None:
        """The settled result; None while half-done, and for a LATER, which settles nothing."""
        if self.status in (None, Status.LATER):
            return None
        return StepResult(self.status, self.summary, self.evidence, self.outcome)

    @property
    def ended(self) -> Moment:
        """When it ended; a half-done one has not got beyond its start."""
        if self.ended_boottime is None or self.ended_wall is None:
            return self.started
        return Moment(self.started.boot_id, self.ended_boottime, self.ended_wall)


class StepLog:
    """Write and read step intents, results and the processes they started.

    Args:
        redact: applied to every text that is kept.
    """

    def __init__(self, journal: Journal, redact: Callable[[str], str]) -> None:
        self._journal = journal
        self._redact = redact

    def intend(self, incident_id: str, step: Step) -> str:
        """Record that a step is about to act; returns the id that marks its processes."""
        step_id = f"{step.name}-{secrets.token_hex(8)}"
        moment = self._journal.now()
        with self._journal.transaction():
            self._journal.insert(
                "steps",
                *(step_id, incident_id, int(step.phase), step.name, step.budget),
                *(moment.wall, moment.boot_id, moment.boottime),
                *(None, None, None, "", "{}", None),
            )
            self._journal.record(
                "step_intent", incident_id, step=step.name, id=step_id, phase=int(step.phase)
            )
        return step_id

    def finish(self, incident_id: str, step_id: str, step: Step, result: StepResult) -> StepResult:
        """Record how a step ended; returns the result as it was kept, redacted."""
        summary = self._redact(result.summary)
        plain = json.loads(json.dumps(dict(result.evidence), default=str))
        evidence = json.dumps(self.clean(plain))
        moment = self._journal.now()
        with self._journal.transaction():
            self._journal.execute(
                "UPDATE steps SET ended_wall = ?, ended_boottime = ?, status = ?, summary = ?,"
                " evidence = ?, outcome = ? WHERE id = ? AND status IS NULL",
                (
                    *(moment.wall, moment.boottime, result.status, summary),
                    *(evidence, result.outcome, step_id),
                ),
            )
            self._journal.record(
                "step_result",
                incident_id,
                step=step.name,
                id=step_id,
                status=result.status,
                summary=summary,
                evidence=json.loads(evidence),
            )
        return StepResult(result.status, summary, json.loads(evidence), result.outcome)

    def note(self, incident_id: str, step: Step, result: StepResult) -> StepResult:
        """Record a step that did not act: skipped, refused, or only planned."""
        with self._journal.transaction():
            return self.finish(incident_id, self.intend(incident_id, step), step, result)

    def spawned(self, spawn: Spawn) -> None:
        """Remember a process that a step started, to find it after a crash of ours."""
        self._journal.insert("spawns", spawn.step_id, spawn.pid, spawn.start_time)

    def of(self, incident_id: str) -> tuple[StepRecord, ...]:
        """All attempts of an incident's steps, in order."""
        return self._read("SELECT * FROM steps WHERE incident = ? ORDER BY rowid", (incident_id,))

    def half_done(self) -> tuple[StepRecord, ...]:
        """Steps with an intent and no result, of incidents that are still open."""
        return self._read(
            "SELECT steps.* FROM steps JOIN incidents ON incidents.id = steps.incident"
            " WHERE steps.status IS NULL AND incidents.state <> 'closed' ORDER BY steps.rowid",
            (),
        )

    def spawns(self, step_id: str) -> tuple[Spawn, ...]:
        """Processes that a step started."""
        found = self._journal.rows("SELECT * FROM spawns WHERE step = ?", (step_id,))
        return tuple(Spawn(row["step"], row["pid"], row["start_time"]) for row in found)

    def last_progress(self, incident: Incident) -> Moment:
        """When the incident last got on: opened, a step settled first, a question settled.

        A verification that is taken again is no progress: it may go round for ever.
        """
        found = self._journal.rows(
            "SELECT wall, boot_id, boottime FROM records WHERE seq = (SELECT MAX(seq) FROM ("
            " SELECT MIN(seq) AS seq FROM records WHERE incident = ? AND kind = 'step_result'"
            " AND json_extract(body, '$.status') <> 'later'"
            " GROUP BY json_extract(body, '$.step')"
            " UNION SELECT seq FROM records WHERE incident = ? AND kind = 'approval_settled'))",
            (incident.id, incident.id),
        )
        if not found:
            return incident.opened
        return Moment(found[0]["boot_id"], found[0]["boottime"], found[0]["wall"])

    def spent(self, bot: str, kind: BudgetKind, window_seconds: float) -> int:
        """How many actions of a kind were begun for a bot within the window."""
        found = self._journal.rows(
            "SELECT steps.wall, steps.boot_id, steps.boottime FROM steps"
            " JOIN incidents ON incidents.id = steps.incident"
            " WHERE incidents.bot = ? AND steps.budget = ?"
            " AND (steps.status IS NULL OR steps.status IN ('done', 'failed'))"
            " ORDER BY steps.rowid DESC LIMIT 1000",
            (bot, kind),
        )
        present = self._journal.now()
        moments = (Moment(row["boot_id"], row["boottime"], row["wall"]) for row in found)
        return sum(elapsed(moment, present) < window_seconds for moment in moments)

    def clean(self, value: Any) -> Any:
        """Redact every text inside a JSON value; its shape stays."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, list):
            return [self.clean(item) for item in value]
        if isinstance(value, dict):
            return {key: self.clean(item) for key, item in value.items()}
        return value

    def _read(self, sql: str, values: tuple[Any, ...]) -> tuple[StepRecord, ...]:
        return tuple(
            StepRecord(
                id=row["id"],
                incident=row["incident"],
                phase=Phase(row["phase"]),
                name=row["name"],
                started=Moment(row["boot_id"], row["boottime"], row["wall"]),
                ended_boottime=row["ended_boottime"],
                ended_wall=row["ended_wall"],
                status=None if row["status"] is None else Status(row["status"]),
                summary=row["summary"],
                evidence=json.loads(row["evidence"]),
                outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
            )
            for row in self._journal.rows(sql, values)
        )


def outcome_of(result: StepResult) -> Outcome:
    """How a run ends that a step has stopped."""
    return result.outcome or Outcome.ESCALATED
