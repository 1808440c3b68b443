"""The loops that make the receiver work: dispatch, reconcile, call people."""

import logging
import threading
from collections.abc import Callable

from exporter.errors import TradewardenError
from remediation.alerting import AlertingError
from remediation.approval import ApprovalState
from remediation.ending import close
from remediation.errors import JournalError
from remediation.escalation import EscalationKind
from remediation.incident import Incident, Outcome, State
from remediation.report import write_report
from remediation.restart import settle_interrupted
from remediation.runner import Runner
from remediation.services import Services
from remediation.timing import Moment, boottime, elapsed

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.2
_LAST = 1_000_000


class Engine:
    """Run the receiver's loops in threads of their own.

    ``start`` first settles what a crash left half-done, so that nothing new begins
    before it is known what was cut off.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._reconcile_now = threading.Event()
        self._page_now = threading.Event()
        self._runner = Runner(services, self._stopping, self._closed)
        self._threads: list[threading.Thread] = []
        self._runs: dict[str, threading.Thread] = {}
        self._told: set[str] = set()
        self.ready = False
        self.last_reconcile_success: float | None = None
        self._last_page: Moment | None = None

    def start(self) -> None:
        """Settle the past, then start the loops."""
        settle_interrupted(self._services, self._closed)
        for name, loop in (
            ("dispatch", self._dispatch),
            ("reconcile", self._reconcile),
            ("page", self._page),
        ):
            thread = threading.Thread(target=self._guarded, args=(loop,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self.ready = True

    def stop(self, timeout: float) -> None:
        """Finish the steps at hand, begin no others, and end the loops."""
        self._stopping.set()
        self.ready = False
        for event in (self._wake, self._reconcile_now, self._page_now):
            event.set()
        deadline = boottime() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - boottime()))
        # Only now: until its loop has ended, dispatching may have begun one more.
        for thread in self._runs.values():
            thread.join(max(0.0, deadline - boottime()))

    def wake(self) -> None:
        """Something was accepted or answered: look now instead of at the next tick."""
        self._wake.set()
        self._page_now.set()

    def request_reconcile(self) -> None:
        """Something may have been missed: ask Alertmanager now."""
        self._reconcile_now.set()

    def _guarded(self, loop: Callable[[], None]) -> None:
        """Keep a loop alive through any failure; a dead loop would be silence."""
        while not self._stopping.is_set():
            try:
                loop()
            except Exception:
                _LOG.exception("loop failed, goes on name=%s", threading.current_thread().name)
                self._stopping.wait(1.0)

    def _dispatch(self) -> None:
        """One round: end waits, expire questions, claim what may run."""
        services = self._services
        self._end_waits()
        self._expire_approvals()
        for incident in sorted(services.incidents.in_state(State.QUEUED), key=self._precedence):
            if services.incidents.claim(incident):
                thread = threading.Thread(
                    target=self._run, args=(incident.id,), name=incident.id, daemon=True
                )
                self._runs[incident.id] = thread
                thread.start()
        running = services.incidents.in_state(State.RUNNING)
        self._runs = {key: thread for key, thread in self._runs.items() if thread.is_alive()}
        for incident in running:
            if incident.id not in self._runs:
                self._give_up(incident.id)
        self._tell_of_long_queues()
        self._wake.wait(_TICK_SECONDS)
        self._wake.clear()

    def _precedence(self, incident: Incident) -> int:
        playbook = self._services.playbooks.get(incident.scenario)
        # One whose playbook has been taken away since is claimed too, to be closed.
        return _LAST if playbook is None else playbook.precedence

    def _run(self, incident_id: str) -> None:
        try:
            self._runner.run(incident_id)
        except Exception:
            _LOG.exception("run failed incident=%s", incident_id)
            self._give_up(incident_id)
        self.wake()

    def _give_up(self, incident_id: str) -> None:
        """Hand a run that failed in our own code to a person.

        If even that cannot be written, the incident stays RUNNING and the account
        locked, so that nobody acts on what is not known; the next round tries again.
        """
        try:
            incident = self._services.incidents.get(incident_id)
            if incident is not None and incident.state is State.RUNNING:
                why = "the receiver failed in the middle of this run; see its log"
                close(self._services, incident, State.RUNNING, Outcome.INTERRUPTED, why)
                self._closed(incident_id)
        except JournalError:
            _LOG.exception("run not closed incident=%s", incident_id)

    def _closed(self, incident_id: str) -> None:
        try:
            write_report(self._services, incident_id)
        except (OSError, JournalError):
            _LOG.exception("report not written incident=%s", incident_id)
        self._page_now.set()

    def _end_waits(self) -> None:
        services = self._services
        for incident in services.incidents.in_state(State.WAITING):
            if incident.retry_at is not None:
                if services.journal.now().boottime >= incident.retry_at:
                    services.incidents.requeue(incident.id, State.WAITING, "looks again")
                continue
            questions = services.approvals.of(incident.id)
            if questions and questions[-1].state is not ApprovalState.PENDING:
                answer = questions[-1]
                services.incidents.requeue(
                    incident.id, State.WAITING, f"approval {answer.id} {answer.state}"
                )

    def _tell_of_long_queues(self) -> None:
        """Call a person for an incident that nobody gets round to."""
        services = self._services
        present = services.journal.now()
        limit = services.config.remediation.defer_escalate_seconds
        for incident in services.incidents.in_state(State.QUEUED):
            late = elapsed(services.steps.last_progress(incident), present) >= limit
            if late and incident.id not in self._told:
                self._told.add(incident.id)
                services.escalations.call(
                    EscalationKind.DEFERRED,
                    incident=incident.id,
                    bot=incident.bot,
                    scenario=incident.scenario,
                    summary=f"{incident.bot}: {incident.scenario} waits behind another incident",
                )

    def _expire_approvals(self) -> None:
        services = self._services
        limit = services.config.remediation.approval_seconds
        for approval in services.approvals.overdue(limit):
            services.approvals.settle(
                approval, ApprovalState.EXPIRED, reason=f"no answer within {limit:.0f} s"
            )

    def _reconcile(self) -> None:
        """Ask Alertmanager what fires: catch what was missed, decide again what was deferred."""
        services = self._services
        try:
            active = services.alerting.active_alerts()
        except AlertingError as error:
            _LOG.warning("reconcile failed, Alertmanager cannot be asked error=%s", error)
        else:
            identities = {alert.identity for alert in active}
            for deferred in services.inbox.deferred():
                if deferred.alert.identity not in identities:
                    services.inbox.drop(deferred.alert, "no longer active in Alertmanager")
            services.inbox.offer(active, "reconcile")
            self.last_reconcile_success = services.journal.now().wall
        present = services.journal.now()
        limit = services.config.remediation.defer_escalate_seconds
        for deferred in services.inbox.deferred():
            if not deferred.escalated and elapsed(deferred.since, present) >= limit:
                services.inbox.escalate_deferred(deferred)
        self.wake()
        self._reconcile_now.wait(services.config.remediation.reconcile_seconds)
        self._reconcile_now.clear()

    def _main_path_is_silent(self, raised: Moment, present: Moment) -> bool:
        """Whether Alertmanager has not taken a page, or sent a Watchdog, for too long.

        A page that was taken proves nothing while no Watchdog comes back: then
        Alertmanager may be unable to notify anybody. Judged at the moment at which what
        is open was read: a call may have been acknowledged, or a Watchdog have come, since.
        """
        services = self._services
        limit = services.config.remediation.fallback_after_seconds
        for heard in (self._last_page, services.inbox.last_watchdog):
            since = [raised, *([heard] if heard is not None else [])]
            if min(elapsed(moment, present) for moment in since) >= limit:
                return True
        return False

    def _page(self) -> None:
        """Post open escalations to Alertmanager, again and again until acknowledged."""
        services = self._services
        settings = services.config.remediation
        present = services.journal.now()
        if waiting := services.escalations.open():
            try:
                services.alerting.page(waiting, settings.external_url)
                self._last_page = present
            except TradewardenError as error:
                _LOG.error("no Alertmanager takes the page error=%s", error)
            silent = self._main_path_is_silent(waiting[0].raised, present)
            if settings.fallback_pager_url and silent:
                services.alerting.page_directly(settings.fallback_pager_url, waiting)
        self._page_now.wait(settings.escalation_repeat_seconds)
        self._page_now.clear()
