"""Take one claimed incident through its playbook: guard, ask, intend, act, record."""

import logging
import threading
import traceback
from collections.abc import Callable

from exporter.config import Bot
from exporter.errors import TradewardenError
from remediation.approval import Approval, ApprovalState
from remediation.ending import close, conclusion, ending
from remediation.escalation import EscalationKind
from remediation.guard import Guard, Permission
from remediation.incident import Incident, Outcome, State
from remediation.playbooks.base import (
    Authority,
    Playbook,
    Status,
    Step,
    StepContext,
    StepResult,
    failed,
    later,
    skipped,
)
from remediation.questions import Ask, Grant, Questions
from remediation.services import Services
from remediation.settled import settled
from remediation.timing import elapsed

_LOG = logging.getLogger(__name__)
# A green gate is believed for two minutes, then it is asked again.
_FRESH_SECONDS = 120.0


class Runner:
    """Run incidents, one call each.

    Args:
        closed: called with an incident's id after it is closed (writes the report).
    """

    def __init__(
        self, services: Services, stopping: threading.Event, closed: Callable[[str], None]
    ) -> None:
        self._services = services
        self._stopping = stopping
        self._closed = closed
        self._questions = Questions(services)
        self._guard = Guard(services.incidents, services.steps, services.states)

    def run(self, incident_id: str) -> None:
        """Go on with a claimed incident until it ends, waits, or gives way.

        1. The next step is the first without a settled result: what was done before
           an interruption, a wait or a restart is never done again.
        2. Shutdown and a more urgent incident of the account take over between steps.
        3. A step is judged, asked for if human, journalled, done, journalled.
        4. LATER and an unanswered question give the account up; anything that stops
           the run closes the incident, and a person is called unless all is well.
        """
        services = self._services
        while True:
            incident = services.incidents.get(incident_id)
            if incident is None or incident.state is not State.RUNNING:
                return
            bot = services.config.bot(incident.bot)
            playbook = services.playbooks.get(incident.scenario)
            if bot is None or playbook is None:
                self._close(
                    incident, Outcome.ESCALATED, "bot or playbook is not configured any more"
                )
                return
            ctx = self._context(incident, bot, playbook)
            if ended := ending(ctx):
                # A crash came between the step's result and the end of its incident.
                self._close(incident, *ended)
                return
            step = next_step(playbook, ctx)
            if step is None:
                if self._conclude(incident, ctx):
                    return
                continue  # it has become worse meanwhile: more steps apply
            if why := self._gives_way(incident, playbook):
                services.incidents.requeue(incident_id, State.RUNNING, why)
                return
            result = self._take(step, ctx)
            if isinstance(result, Ask):
                self._wait_for_person(incident, result.approval)
                return
            if result.status is Status.LATER:
                self._look_again(incident, result)
                return

    def _context(self, incident: Incident, bot: Bot, playbook: Playbook) -> StepContext:
        services = self._services
        return StepContext(
            config=services.config,
            config_path=services.config_path,
            bot=bot,
            incident=incident,
            world=services.world,
            hands=services.hands,
            alerting=services.alerting,
            states=services.states,
            results=self._settled(incident, playbook),
            stopping=self._stopping,
            urgent=lambda: self._gives_way(incident, playbook) or self._worsened(incident),
        )

    def _settled(self, incident: Incident, playbook: Playbook) -> dict[str, StepResult]:
        services = self._services
        settings = services.config.remediation
        # Long enough for one gate and one dry run, or they would perish in turn for ever.
        fresh = max(_FRESH_SECONDS, settings.dry_run_seconds + settings.command_seconds)
        return settled(
            services.steps.of(incident.id),
            playbook,
            incident.severity,
            services.journal.now(),
            fresh,
        )

    def _worsened(self, incident: Incident) -> str | None:
        now = self._services.incidents.get(incident.id)
        worse = now is not None and now.severity > incident.severity
        return "it has become worse" if worse else None

    def _gives_way(self, incident: Incident, playbook: Playbook) -> str | None:
        if self._stopping.is_set():
            return "the receiver is shutting down"
        for other in self._services.incidents.in_state(State.QUEUED):
            urgent = self._services.playbooks.get(other.scenario)
            if (
                urgent is not None
                and other.account == incident.account
                and urgent.precedence < playbook.precedence
            ):
                return f"{other.id} goes first"
        return None

    def _take(self, step: Step, ctx: StepContext) -> StepResult | Ask:
        """Do one step, or say why not."""
        try:
            ready = self._not_now(step, ctx) or self._granted(step, ctx)
        except TradewardenError as error:
            ready = failed(f"could not be prepared: {error}")
        if isinstance(ready, Ask):
            return ready
        if isinstance(ready, StepResult):
            # A wait leaves its record with the incident; the step has not settled.
            if ready.status is Status.LATER:
                return ready
            return self._services.steps.note(ctx.incident.id, step, ready)
        return self._act(step, ctx, ready)

    def _not_now(self, step: Step, ctx: StepContext) -> StepResult | None:
        """Why the step is not taken: it does not apply, or the guard is against it."""
        if step.applies is not None and (why := step.applies(ctx)):
            return why if isinstance(why, StepResult) else skipped(why)
        permission = self._guard.judge(step, ctx)
        if permission is not Permission.ALLOWED:
            return _refusal(step, permission)
        if ctx.settings.dry_run and step.proves:
            return skipped("dry-run: nothing was done that could be proved")
        return None

    def _granted(self, step: Step, ctx: StepContext) -> StepResult | Ask | Grant | None:
        """A person's leave for a human step; None where none is needed. A no comes first."""
        if ended := self._questions.ended(step, ctx):
            return ended
        if step.blocked is not None and (why := step.blocked(ctx)):
            return later(why, self._retry_seconds)
        if step.authority is not Authority.HUMAN:
            return None
        return self._questions.answer(step, ctx)

    @property
    def _retry_seconds(self) -> float:
        """How often a blocked step looks again: not more often than the exporter asks."""
        return max(1.0, self._services.config.exporter.poll_seconds)

    def _act(self, step: Step, ctx: StepContext, grant: Grant | None) -> StepResult:
        """Intent on the disk, then the act, then the result on the disk."""
        steps = self._services.steps
        with self._services.journal.transaction():
            if grant is not None:
                self._services.approvals.settle(grant.approval, ApprovalState.USED)
            step_id = steps.intend(ctx.incident.id, step)
        _LOG.info("step begins incident=%s step=%s", ctx.incident.id, step.name)
        try:
            result = step.act(ctx.with_step(step_id, None if grant is None else grant.binding))
        except TradewardenError as error:
            result = failed(str(error))
        except Exception as error:  # an unforeseen failure of one step must page, not kill the loop
            _LOG.exception("step failed incident=%s step=%s", ctx.incident.id, step.name)
            last = traceback.extract_tb(error.__traceback__)[-1]
            result = failed(f"{type(error).__name__}: {error}", at=f"{last.name}:{last.lineno}")
        _LOG.info(
            "step ends incident=%s step=%s status=%s", ctx.incident.id, step.name, result.status
        )
        kept = steps.finish(ctx.incident.id, step_id, step, result)
        return StepResult(
            kept.status, kept.summary, kept.evidence, result.outcome, result.retry_seconds
        )

    def _wait_for_person(self, incident: Incident, approval: Approval) -> None:
        services = self._services
        with services.journal.transaction():
            services.incidents.wait(incident.id, f"approval {approval.id}: {approval.title}", None)
            if why := self._worsened(incident):
                # It has become worse while the question was prepared: contain first.
                services.incidents.requeue(incident.id, State.WAITING, why)
            services.escalations.call(
                EscalationKind.APPROVAL,
                incident=incident.id,
                bot=incident.bot,
                scenario=incident.scenario,
                summary=f"{incident.bot}: {approval.title} waits for a person"
                f" (approval {approval.id}).",
            )

    def _look_again(self, incident: Incident, result: StepResult) -> None:
        """Wait without a person, but not for ever."""
        services = self._services
        summary = str(services.steps.clean(result.summary))
        if self._stopping.is_set():
            services.incidents.requeue(incident.id, State.RUNNING, summary)
            return
        present = services.journal.now()
        waited = elapsed(services.steps.last_progress(incident), present)
        if waited > services.config.remediation.approval_seconds:
            self._close(incident, Outcome.ESCALATED, f"waited too long: {summary}")
            return
        retry_at = present.boottime + (result.retry_seconds or self._retry_seconds)
        services.incidents.wait(incident.id, summary, retry_at)

    def _conclude(self, incident: Incident, ctx: StepContext) -> bool:
        """Close a run whose every step is settled; False if it has become worse meanwhile."""
        outcome, reason = conclusion(ctx)
        closed = close(
            self._services, incident, State.RUNNING, outcome, reason, severity=incident.severity
        )
        if closed:
            self._closed(incident.id)
        return closed

    def _close(self, incident: Incident, outcome: Outcome, reason: str) -> None:
        close(self._services, incident, State.RUNNING, outcome, reason)
        self._closed(incident.id)


def next_step(playbook: Playbook, ctx: StepContext) -> Step | None:
    """The first step without a settled result that the incident's severity asks for."""
    for step in playbook.steps:
        if step.name not in ctx.results and ctx.incident.severity >= step.min_severity:
            return step
    return None


def _refusal(step: Step, permission: Permission) -> StepResult:
    if permission is Permission.PLAN_ONLY:
        return StepResult(Status.WOULD, f"dry-run: would {step.title[0].lower()}{step.title[1:]}")
    if permission.passes_by_itself:
        return later(f"not now: {permission}", permission.retry_seconds)
    return StepResult(
        Status.REFUSED, f"the guard refuses: {permission}", {}, outcome=Outcome.ESCALATED
    )
