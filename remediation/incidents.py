"""The incidents table: every change is a compare-and-set and leaves a record."""

import secrets
import sqlite3
from datetime import UTC, datetime

from exporter.config import Bot
from remediation.alert import Alert
from remediation.incident import Incident, Outcome, Severity, State, check_change
from remediation.journal import Journal
from remediation.timing import Moment


class Incidents:
    """Open, claim, move and close incidents."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def open(
        self, bot: Bot, alert: Alert, *, severity: Severity, verify_within: float, reason: str
    ) -> Incident:
        """Create the one open incident of a bot and scenario, queued."""
        moment = self._journal.now()
        stamp = datetime.fromtimestamp(moment.wall, UTC).strftime("%Y%m%dT%H%M%SZ")
        scenario = alert.label("scenario")
        incident = Incident(
            id=f"{scenario}-{bot.name}-{stamp}-{secrets.token_hex(3)}",
            bot=bot.name,
            account=f"{bot.venue.kind}:{bot.venue.account_name}",
            scenario=scenario,
            mode=bot.mode,
            severity=severity,
            state=State.QUEUED,
            outcome=None,
            reason=reason,
            opened=moment,
            closed=None,
            wait_for="",
            retry_at=None,
            alertname=alert.label("alertname"),
            verify_within=verify_within,
            instance=alert.label("instance"),
        )
        with self._journal.transaction():
            self._journal.insert(
                "incidents",
                *(incident.id, incident.bot, incident.account, scenario, incident.mode),
                *(int(severity), State.QUEUED, None, reason),
                *(moment.wall, moment.boot_id, moment.boottime),
                *(None, None, None, "", None),
                *(incident.alertname, verify_within, incident.instance),
            )
            self._journal.record(
                "incident_opened",
                incident.id,
                bot=bot.name,
                scenario=scenario,
                severity=severity.name.lower(),
                reason=reason,
            )
        return incident

    def get(self, incident_id: str) -> Incident | None:
        """One incident, as it is now."""
        found = self._journal.rows("SELECT * FROM incidents WHERE id = ?", (incident_id,))
        return _incident(found[0]) if found else None

    def open_one(self, bot: str, scenario: str) -> Incident | None:
        """The open incident of a bot and scenario."""
        found = self._journal.rows(
            "SELECT * FROM incidents WHERE bot = ? AND scenario = ? AND state <> 'closed'",
            (bot, scenario),
        )
        return _incident(found[0]) if found else None

    def in_state(self, *states: State) -> tuple[Incident, ...]:
        """Incidents in any of the states, oldest first; all of them when none is named."""
        marks = ", ".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        found = self._journal.rows(
            f"SELECT * FROM incidents {where} ORDER BY opened_wall, id",  # noqa: S608 - only marks
            tuple(states),
        )
        return tuple(_incident(row) for row in found)

    def closed_of(self, bot: str, scenario: str, most: int) -> tuple[Incident, ...]:
        """The last closed incidents of a bot and scenario since it was re-armed, newest first."""
        found = self._journal.rows(
            "SELECT * FROM incidents WHERE bot = ? AND scenario = ? AND state = 'closed'"
            " AND rowid > COALESCE((SELECT last_incident FROM rearms WHERE bot = ?), 0)"
            " ORDER BY rowid DESC LIMIT ?",
            (bot, scenario, bot, most),
        )
        return tuple(_incident(row) for row in found)

    def opened_of(self, bot: str) -> tuple[Moment, ...]:
        """When the bot's last hundred incidents were opened, newest first."""
        found = self._journal.rows(
            "SELECT * FROM incidents WHERE bot = ? ORDER BY opened_wall DESC LIMIT 100", (bot,)
        )
        return tuple(_incident(row).opened for row in found)

    def claim(self, incident: Incident) -> bool:
        """Take a queued incident for running; False if another run holds its account."""
        with self._journal.transaction():
            won = self._journal.execute(
                "UPDATE incidents SET state = 'running', wait_for = '', retry_at = NULL"
                " WHERE id = ? AND state = 'queued' AND NOT EXISTS"
                " (SELECT 1 FROM incidents WHERE account = ? AND state = 'running')",
                (incident.id, incident.account),
            )
            if won:
                self._journal.record("incident_claimed", incident.id)
        return won == 1

    def requeue(self, incident_id: str, before: State, why: str) -> bool:
        """Put an incident back into the queue; False if it was not in ``before``."""
        check_change(before, State.QUEUED)
        with self._journal.transaction():
            moved = self._journal.execute(
                "UPDATE incidents SET state = 'queued', wait_for = '', retry_at = NULL"
                " WHERE id = ? AND state = ?",
                (incident_id, before),
            )
            if moved:
                self._journal.record("incident_queued", incident_id, why=why)
        return moved == 1

    def wait(self, incident_id: str, wait_for: str, retry_at: float | None) -> bool:
        """Give the account's lock up until a person answers or ``retry_at`` comes."""
        with self._journal.transaction():
            moved = self._journal.execute(
                "UPDATE incidents SET state = 'waiting', wait_for = ?, retry_at = ?"
                " WHERE id = ? AND state = 'running'",
                (wait_for, retry_at, incident_id),
            )
            if moved:
                self._journal.record("incident_waiting", incident_id, wait_for=wait_for)
        return moved == 1

    def close(
        self,
        incident_id: str,
        before: State,
        outcome: Outcome,
        reason: str,
        severity: Severity | None = None,
    ) -> bool:
        """End an incident; False if it was not in ``before``, or of another severity by now."""
        check_change(before, State.CLOSED)
        moment = self._journal.now()
        with self._journal.transaction():
            closed = self._journal.execute(
                "UPDATE incidents SET state = 'closed', outcome = ?, reason = ?, wait_for = '',"
                " retry_at = NULL, closed_wall = ?, closed_boot_id = ?, closed_boottime = ?"
                " WHERE id = ? AND state = ? AND severity = COALESCE(?, severity)",
                (
                    *(outcome, reason, moment.wall, moment.boot_id, moment.boottime),
                    *(incident_id, before, severity),
                ),
            )
            if closed:
                self._journal.record("incident_closed", incident_id, outcome=outcome, reason=reason)
        return closed == 1

    def join(self, incident: Incident, alert: Alert, severity: Severity) -> None:
        """Let a later alert join; the higher severity stays, with that alert's name.

        A worsening ends a wait, also one for a person: its containment must not wait.
        """
        with self._journal.transaction():
            if severity > incident.severity:
                self._journal.execute(
                    "UPDATE incidents SET severity = ?, alertname = ? WHERE id = ?",
                    (int(severity), alert.label("alertname"), incident.id),
                )
                self.requeue(incident.id, State.WAITING, f"worse: {severity.name.lower()}")
            self._journal.record(
                "alert_joined",
                incident.id,
                alertname=alert.label("alertname"),
                severity=severity.name.lower(),
                fingerprint=alert.fingerprint,
            )


def _incident(row: sqlite3.Row) -> Incident:
    closed = None
    if row["closed_wall"] is not None:
        closed = Moment(row["closed_boot_id"], row["closed_boottime"], row["closed_wall"])
    return Incident(
        id=row["id"],
        bot=row["bot"],
        account=row["account"],
        scenario=row["scenario"],
        mode=row["mode"],
        severity=Severity(row["severity"]),
        state=State(row["state"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        reason=row["reason"],
        opened=Moment(row["opened_boot_id"], row["opened_boottime"], row["opened_wall"]),
        closed=closed,
        wait_for=row["wait_for"],
        retry_at=row["retry_at"],
        alertname=row["alertname"],
        verify_within=row["verify_within"],
        instance=row["instance"],
    )
