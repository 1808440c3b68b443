"""Durable acceptance: every alert gets its decision in one transaction with its effect."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from exporter.config import Bot, Config
from remediation.admission import STRIKES, Decision, Facts, LastRun, Verdict, decide, screen
from remediation.alert import Alert
from remediation.bot_state import BotStateName, BotStates
from remediation.escalation import EscalationKind, Escalations
from remediation.incident import Severity
from remediation.incidents import Incidents
from remediation.journal import Journal
from remediation.playbooks.base import Playbook
from remediation.timing import Moment, elapsed

_REFUSALS_REMEMBERED = 10_000


@dataclass(frozen=True)
class Decided:
    """An alert's decision, as the sender is told."""

    fingerprint: str
    decision: Decision
    detail: str
    incident: str | None


@dataclass(frozen=True)
class Deferred:
    """An alert that waits to be decided again."""

    alert: Alert
    decision: Decision
    since: Moment
    escalated: bool


class Inbox:
    """Offer alerts to the journal; what is returned is on the disk."""

    def __init__(self, config: Config, journal: Journal, playbooks: Mapping[str, Playbook]) -> None:
        self._config = config
        self._journal = journal
        self._playbooks = playbooks
        self._incidents = Incidents(journal)
        self._states = BotStates(journal)
        self._escalations = Escalations(journal)
        self.counts: Counter[Decision] = Counter(dict.fromkeys(Decision, 0))
        self.last_watchdog: Moment | None = None
        self._refused: set[str] = set()

    def offer(self, alerts: Sequence[Alert], source: str) -> tuple[Decided, ...]:
        """Decide alerts, in order, and keep decisions and their effects.

        Raises:
            JournalError: nothing was kept; the sender must send again.
        """
        with self._journal.transaction():
            decided = tuple(self._offer_one(alert, source) for alert in alerts)
        self.counts.update(item.decision for item in decided)
        return decided

    def _offer_one(self, alert: Alert, source: str) -> Decided:
        if verdict := screen(alert, self._config, self._playbooks):
            if verdict.decision is Decision.WATCHDOG:
                # Alertmanager says "resolved" when Prometheus has gone silent.
                if alert.status == "firing":
                    self.last_watchdog = self._journal.now()
            elif verdict.decision is Decision.RESOLVED:
                self._note_resolved(alert)
            else:
                self._note_refused(alert, verdict, source)
            return Decided(alert.fingerprint, verdict.decision, verdict.detail, None)
        playbook = self._playbooks[alert.label("scenario")]
        verdict = decide(alert, self._config, playbook, self._facts(alert))
        return self._apply(alert, verdict, source)

    def _note_refused(self, alert: Alert, verdict: Verdict, source: str) -> None:
        """Record a refusal once: reconciling shows the same alerts again and again."""
        if alert.identity in self._refused:
            return
        if len(self._refused) >= _REFUSALS_REMEMBERED:
            self._refused.clear()
        self._refused.add(alert.identity)
        self._journal.record(
            "alert_refused",
            decision=verdict.decision,
            detail=verdict.detail,
            fingerprint=alert.fingerprint,
            source=source,
        )

    def _facts(self, alert: Alert) -> Facts:
        bot, scenario = alert.label("bot"), alert.label("scenario")
        present = self._journal.now()
        known = self._journal.rows(
            "SELECT decision FROM alerts WHERE identity = ?", (alert.identity,)
        )
        window = self._config.remediation.incident_budget.window_seconds
        return Facts(
            known=Decision(known[0]["decision"]) if known else None,
            has_open_incident=self._incidents.open_one(bot, scenario) is not None,
            halted=self._states.get(bot).state is BotStateName.HALTED,
            opened_recently=sum(
                elapsed(moment, present) < window for moment in self._incidents.opened_of(bot)
            ),
            last_runs=tuple(
                LastRun(run.outcome, run.severity, elapsed(run.closed, present))
                for run in self._incidents.closed_of(bot, scenario, STRIKES)
                if run.outcome is not None and run.closed is not None
            ),
            in_watch=self._in_watch(bot),
        )

    def _apply(self, alert: Alert, verdict: Verdict, source: str) -> Decided:
        scenario, bot = alert.label("scenario"), self._bot(alert)
        severity = self._severity(alert, bot)
        incident = self._incidents.open_one(bot.name, scenario)
        name = None if incident is None else incident.id
        if verdict.decision is Decision.DUPLICATE:
            return Decided(alert.fingerprint, verdict.decision, verdict.detail, name)
        if verdict.decision is Decision.JOINED and incident is not None:
            self._incidents.join(incident, alert, severity)
        elif verdict.decision is Decision.ACCEPTED:
            default = self._config.remediation.verify_within_seconds
            name = self._incidents.open(
                bot,
                alert,
                severity=severity,
                verify_within=alert.verify_within(default),
                reason=f"alert {alert.label('alertname')} by {source}",
            ).id
        elif verdict.decision is Decision.BLOCKED:
            self._escalations.call(
                EscalationKind.BLOCKED,
                incident="",
                bot=bot.name,
                scenario=scenario,
                summary=f"{scenario} of {bot.name} is not remediated any more: {verdict.detail}",
            )
        self._keep(alert, verdict, severity, name, source)
        return Decided(alert.fingerprint, verdict.decision, verdict.detail, name)

    def _keep(
        self,
        alert: Alert,
        verdict: Verdict,
        severity: Severity,
        incident: str | None,
        source: str,
    ) -> None:
        moment = self._journal.now()
        text = json.dumps(asdict(alert), sort_keys=True)
        self._journal.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)"
            " ON CONFLICT (identity) DO UPDATE SET decision = excluded.decision,"
            " detail = excluded.detail, incident = excluded.incident,"
            " deferred = excluded.deferred",
            (
                *(alert.identity, alert.label("bot"), alert.label("scenario"), int(severity)),
                *(verdict.decision, verdict.detail, text, incident, int(verdict.decision.deferred)),
                *(moment.wall, moment.boot_id, moment.boottime),
            ),
        )
        self._journal.record(
            "alert_decided",
            incident or "",
            identity=alert.identity,
            alertname=alert.label("alertname"),
            decision=verdict.decision,
            detail=verdict.detail,
            source=source,
        )

    def deferred(self) -> tuple[Deferred, ...]:
        """All alerts that wait to be decided again."""
        found = self._journal.rows("SELECT * FROM alerts WHERE deferred = 1 ORDER BY rowid")
        return tuple(
            Deferred(
                Alert(**json.loads(row["alert"])),
                Decision(row["decision"]),
                Moment(row["boot_id"], row["boottime"], row["wall"]),
                bool(row["escalated"]),
            )
            for row in found
        )

    def drop(self, alert: Alert, detail: str) -> None:
        """A deferred alert no longer fires: forget it, with a record."""
        verdict = Verdict(Decision.GONE, detail)
        with self._journal.transaction():
            self._keep(alert, verdict, Severity.of(alert.label("severity")), None, "reconcile")
        self.counts[Decision.GONE] += 1

    def unblock(self, bot: str) -> None:
        """Let alerts that were refused as blocked be decided again, after a re-arm."""
        self._journal.execute(
            "UPDATE alerts SET decision = ? WHERE bot = ? AND decision = ?",
            (Decision.GONE, bot, Decision.BLOCKED),
        )

    def escalate_deferred(self, deferred: Deferred) -> None:
        """Tell a person that an alert has been waiting too long."""
        alert = deferred.alert
        with self._journal.transaction():
            self._escalations.call(
                EscalationKind.DEFERRED,
                incident="",
                bot=alert.label("bot"),
                scenario=alert.label("scenario"),
                summary=f"{alert.label('alertname')} of {alert.label('bot')} is waiting:"
                f" {deferred.decision}",
            )
            self._journal.execute(
                "UPDATE alerts SET escalated = 1 WHERE identity = ?", (alert.identity,)
            )

    def _note_resolved(self, alert: Alert) -> None:
        incident = self._incidents.open_one(alert.label("bot"), alert.label("scenario"))
        if incident is not None:
            self._journal.record("alert_resolved", incident.id, alertname=alert.label("alertname"))

    def _bot(self, alert: Alert) -> Bot:
        bot = self._config.bot(alert.label("bot"))
        if bot is None:  # screen() has refused it before
            raise LookupError(alert.label("bot"))
        return bot

    def _severity(self, alert: Alert, bot: Bot) -> Severity:
        """The alert's severity; critical within the watch that follows a recovery."""
        return (
            Severity.CRITICAL if self._in_watch(bot.name) else Severity.of(alert.label("severity"))
        )

    def _in_watch(self, bot: str) -> bool:
        watch = self._config.remediation.watch_seconds
        present = self._journal.now()
        for row in self._journal.rows(
            "SELECT closed_wall, closed_boot_id, closed_boottime FROM incidents"
            " WHERE bot = ? AND outcome = 'recovered' AND severity = ?"
            " ORDER BY closed_wall DESC LIMIT 1",
            (bot, int(Severity.CRITICAL)),
        ):
            closed = Moment(row["closed_boot_id"], row["closed_boottime"], row["closed_wall"])
            return elapsed(closed, present) < watch
        return False
