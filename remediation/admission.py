"""One decision per alert, from facts gathered beforehand: pure, total, explained."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.config import Config
from remediation.alert import Alert
from remediation.incident import Outcome, Severity
from remediation.playbooks.base import Playbook

STRIKES = 3


class Decision(enum.StrEnum):
    """What becomes of an alert. Closed: each member is a metric label value."""

    ACCEPTED = "accepted"
    JOINED = "joined"
    DUPLICATE = "duplicate"
    RESOLVED = "resolved"
    WATCHDOG = "watchdog"
    NOT_REMEDIABLE = "not_remediable"
    NO_PLAYBOOK = "no_playbook"
    NOT_OURS = "not_ours"
    BLOCKED = "blocked"
    DEFERRED_HALTED = "deferred_halted"
    DEFERRED_OVER_BUDGET = "deferred_over_budget"
    DEFERRED_COOLING_DOWN = "deferred_cooling_down"
    GONE = "gone"

    @property
    def deferred(self) -> bool:
        """Whether the alert is to be decided again when the reason has passed."""
        return self in (
            Decision.DEFERRED_HALTED,
            Decision.DEFERRED_OVER_BUDGET,
            Decision.DEFERRED_COOLING_DOWN,
        )


@dataclass(frozen=True)
class Verdict:
    """A decision and the sentence that explains it."""

    decision: Decision
    detail: str


@dataclass(frozen=True)
class LastRun:
    """How and how long ago a bot's incident of the scenario ended."""

    outcome: Outcome
    severity: Severity
    seconds_ago: float


@dataclass(frozen=True)
class Facts:
    """What the journal knows that bears on one alert.

    ``known`` is the stored decision on the same identity; ``last_runs`` are the
    bot's closed incidents of the scenario, newest first; ``opened_recently`` counts
    the bot's incidents within the incident budget's window; ``in_watch`` is the hour
    after a recovery, in which every alert counts as critical.
    """

    known: Decision | None = None
    has_open_incident: bool = False
    halted: bool = False
    opened_recently: int = 0
    last_runs: tuple[LastRun, ...] = ()
    in_watch: bool = False


def screen(alert: Alert, config: Config, playbooks: Mapping[str, Playbook]) -> Verdict | None:
    """Decide what the alert's own labels decide; None if the journal must be asked."""
    if alert.label("alertname") == "Watchdog":
        return Verdict(Decision.WATCHDOG, "the alerting path is alive")
    if alert.label("remediate") != "true":
        return Verdict(Decision.NOT_REMEDIABLE, 'the alert has no label remediate="true"')
    bot = config.bot(alert.label("bot"))
    if bot is None:
        return Verdict(Decision.NOT_OURS, f"no bot {alert.label('bot')!r:.80} is configured here")
    if alert.label("mode") != bot.mode:
        return Verdict(
            Decision.NOT_OURS, f"mode is {alert.label('mode')!r:.40}, {bot.name} is {bot.mode}"
        )
    if alert.label("scenario") not in playbooks:
        return Verdict(
            Decision.NO_PLAYBOOK, f"no playbook for scenario {alert.label('scenario')!r:.80}"
        )
    if alert.status == "resolved":
        return Verdict(Decision.RESOLVED, "the alert has ended")
    return None


def decide(alert: Alert, config: Config, playbook: Playbook, facts: Facts) -> Verdict:
    """Decide an alert that is ours.

    1. What was decided before stands, unless it was deferred, or dropped as gone: a
       silence hides an alert from Alertmanager's list, and it comes back the same.
    2. It joins the open incident of its bot and scenario.
    3. Three ineffective runs in a row block the scenario until a person re-arms.
    4. Halted, over budget (counted first), cooling down: decided again later.
       Cooling down never hides a worsening, and a critical alert is never over the
       incident budget: the budgets of its actions hold, its containment must not wait.
    """
    settings = config.remediation
    if facts.known not in (None, Decision.GONE) and not facts.known.deferred:
        return Verdict(Decision.DUPLICATE, f"already {facts.known}")
    if facts.has_open_incident:
        return Verdict(Decision.JOINED, "an incident of this bot and scenario is open")
    strikes = [run.outcome for run in facts.last_runs[:STRIKES]]
    if strikes == [Outcome.INEFFECTIVE] * STRIKES:
        return Verdict(Decision.BLOCKED, f"{STRIKES} runs in a row were ineffective")
    if facts.halted:
        return Verdict(Decision.DEFERRED_HALTED, "the bot is halted")
    budget = settings.incident_budget
    severity = Severity.CRITICAL if facts.in_watch else Severity.of(alert.label("severity"))
    critical = severity is Severity.CRITICAL
    if facts.opened_recently >= budget.actions and not critical:
        return Verdict(
            Decision.DEFERRED_OVER_BUDGET,
            f"{facts.opened_recently} incidents within {budget.window_seconds:.0f} s",
        )
    if playbook.cools_down and facts.last_runs and not facts.in_watch:
        last = facts.last_runs[0]
        worse = severity > last.severity
        if last.seconds_ago < settings.cooldown_seconds and not worse:
            return Verdict(
                Decision.DEFERRED_COOLING_DOWN,
                f"the last run ended {last.outcome} {last.seconds_ago:.0f} s ago",
            )
    return Verdict(Decision.ACCEPTED, "an incident is opened")
