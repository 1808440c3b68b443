"""The receiver's own metrics, read from the journal at each scrape.

Every label value exists from the start, so a rule never waits for a first event.
Counts come from the journal where it has them: a restart does not reset them.
"""

from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from remediation import __version__
from remediation.admission import Decision
from remediation.bot_state import BotStateName
from remediation.errors import JournalError
from remediation.incident import Outcome, State
from remediation.playbooks.base import Phase, Status
from remediation.receiver import EngineView
from remediation.services import Services
from remediation.webhook import Rejections

_PREFIX = "tradewarden_remediation"
BUCKETS = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0)


class SelfMetrics:
    """Turn the services' state into metric families."""

    def __init__(self, services: Services, engine: EngineView, rejections: Rejections) -> None:
        self._services = services
        self._engine = engine
        self._rejections = rejections

    def collect(self) -> tuple[Metric, ...]:
        """All families; those from the journal only while it can be read.

        One failing family would fail the whole scrape, and the receiver would look
        down when it is the disk that is.
        """
        found: list[Metric] = []
        readable = True
        try:
            for family in (self._incidents, self._steps, self._people, self._bots):
                found.extend(family())
        except JournalError:
            found, readable = [], False
        journal = _gauge("journal_readable", "Whether the journal could be read now.", readable)
        return (*self._own(), journal, *found)

    def _own(self) -> Iterator[Metric]:
        services, inbox = self._services, self._services.inbox
        build = GaugeMetricFamily(
            f"{_PREFIX}_build_info", "Version of the receiver, always 1.", labels=["version"]
        )
        build.add_metric([__version__], 1)
        yield build
        alerts = CounterMetricFamily(
            f"{_PREFIX}_alerts", "Alerts by what was decided about them.", labels=["decision"]
        )
        for decision in Decision:
            alerts.add_metric([decision], inbox.counts[decision])
        yield alerts
        rejected = CounterMetricFamily(
            f"{_PREFIX}_webhook_rejected", "Deliveries answered with an error.", labels=["code"]
        )
        for code, count in self._rejections.counts().items():
            rejected.add_metric([str(code)], count)
        yield rejected
        yield _gauge(
            "dry_run",
            "1 while nothing is changed, only planned.",
            services.config.remediation.dry_run,
        )
        yield _gauge(
            "last_watchdog_timestamp_seconds",
            "When the Watchdog alert last arrived; 0 if not since the start.",
            0 if inbox.last_watchdog is None else inbox.last_watchdog.wall,
        )
        yield _gauge(
            "last_reconcile_success_timestamp_seconds",
            "When Alertmanager last listed its alerts; 0 if not since the start.",
            self._engine.last_reconcile_success or 0,
        )

    def _incidents(self) -> Iterator[Metric]:
        services = self._services
        scenarios = sorted(services.playbooks)
        rows = services.journal.rows(
            "SELECT bot, scenario, state, COUNT(*) FROM incidents GROUP BY bot, scenario, state"
        )
        counts = {(r[0], r[1], r[2]): r[3] for r in rows}
        family = GaugeMetricFamily(
            f"{_PREFIX}_incidents",
            "Incidents in the journal by state.",
            labels=["bot", "scenario", "state"],
        )
        bots = [bot.name for bot in services.config.bots]
        for key in ((b, s, state) for b in bots for s in scenarios for state in State):
            family.add_metric(list(key), counts.get(key, 0))
        yield family
        rows = services.journal.rows(
            "SELECT scenario, outcome, COUNT(*) FROM incidents WHERE outcome IS NOT NULL"
            " GROUP BY scenario, outcome"
        )
        ended = {(r[0], r[1]): r[2] for r in rows}
        runs = CounterMetricFamily(
            f"{_PREFIX}_runs", "Closed incidents by outcome.", labels=["scenario", "outcome"]
        )
        for pair in ((scenario, outcome) for scenario in scenarios for outcome in Outcome):
            runs.add_metric(list(pair), ended.get(pair, 0))
        yield runs

    def _steps(self) -> Iterator[Metric]:
        services = self._services
        rows = services.journal.rows(
            "SELECT incidents.scenario, steps.phase, steps.status, COUNT(*) FROM steps"
            " JOIN incidents ON incidents.id = steps.incident WHERE steps.status IS NOT NULL"
            " GROUP BY incidents.scenario, steps.phase, steps.status"
        )
        counts = {(r[0], r[1], r[2]): r[3] for r in rows}
        family = CounterMetricFamily(
            f"{_PREFIX}_steps",
            "Attempts of steps by how they ended.",
            labels=["scenario", "phase", "result"],
        )
        for scenario in sorted(services.playbooks):
            for phase in Phase:
                for status in Status:
                    labels = [scenario, phase.name.lower(), status]
                    family.add_metric(labels, counts.get((scenario, int(phase), status), 0))
        yield family
        yield self._durations()

    def _durations(self) -> Metric:
        """Only steps that acted: the skipped ones would drown them at nearly zero."""
        below = ", ".join(f"SUM(ended_boottime - boottime <= {bound})" for bound in BUCKETS)
        rows = self._services.journal.rows(
            f"SELECT phase, COUNT(*), SUM(ended_boottime - boottime), {below} FROM steps"  # noqa: S608 - our numbers
            " WHERE status IN ('done', 'failed', 'stop') GROUP BY phase"
        )
        found = {row[0]: tuple(row)[1:] for row in rows}
        family = HistogramMetricFamily(
            f"{_PREFIX}_step_duration_seconds",
            "How long the steps that acted took.",
            labels=["phase"],
        )
        for phase in Phase:
            count, total, *cumulative = found.get(int(phase), (0, 0.0, *(0 for _ in BUCKETS)))
            buckets = [
                *((str(bound), float(n)) for bound, n in zip(BUCKETS, cumulative, strict=True)),
                ("+Inf", float(count)),
            ]
            family.add_metric([phase.name.lower()], buckets, sum_value=total)
        return family

    def _people(self) -> Iterator[Metric]:
        services = self._services
        waiting = GaugeMetricFamily(
            f"{_PREFIX}_approvals_waiting", "Questions that wait for a person.", labels=["bot"]
        )
        pending = [approval.bot for approval in services.approvals.pending()]
        for name in sorted({*(bot.name for bot in services.config.bots), *pending}):
            waiting.add_metric([name], pending.count(name))
        yield waiting
        yield _gauge(
            "escalations_open",
            "Calls to a person that nobody has acknowledged.",
            len(services.escalations.open()),
        )
        deferred = [item.decision for item in services.inbox.deferred()]
        family = GaugeMetricFamily(
            f"{_PREFIX}_alerts_deferred",
            "Alerts that wait to be decided again, by what is in the way.",
            labels=["reason"],
        )
        for decision in (item for item in Decision if item.deferred):
            family.add_metric([decision.removeprefix("deferred_")], deferred.count(decision))
        yield family

    def _bots(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            f"{_PREFIX}_bot_state", "1 for the state in force.", labels=["bot", "state"]
        )
        for bot in self._services.config.bots:
            in_force = self._services.states.get(bot.name).state
            for state in BotStateName:
                family.add_metric([bot.name, state], in_force is state)
        yield family


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, value=float(value))
