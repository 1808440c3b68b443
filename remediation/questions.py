"""Human steps: the question, and the answer that holds only for what was shown."""

from dataclasses import dataclass

from exporter.errors import SourceError
from remediation.approval import Approval, ApprovalState
from remediation.incident import Outcome
from remediation.playbooks.base import (
    Authority,
    Binding,
    Step,
    StepContext,
    StepResult,
    later,
    stop,
)
from remediation.services import Services

_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class Grant:
    """A person's approval of exactly what the step will act on."""

    approval: Approval
    binding: Binding


@dataclass(frozen=True)
class Ask:
    """A human step that cannot act before somebody answers."""

    approval: Approval


class Questions:
    """Ask a person about a step, and find his answer."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def ended(self, step: Step, ctx: StepContext) -> StepResult | None:
        """How the run ends if a person has said no, or nobody has answered."""
        if step.authority is not Authority.HUMAN:
            return None
        latest = self._services.approvals.latest(ctx.incident.id, step.name)
        if latest is None or latest.state not in (ApprovalState.DENIED, ApprovalState.EXPIRED):
            return None
        result = stop(Outcome.ESCALATED, "nobody answered in time")
        if latest.state is ApprovalState.DENIED:
            result = stop(Outcome.DENIED, f"{latest.actor} denied it: {latest.reason}")
        return result

    def answer(self, step: Step, ctx: StepContext) -> Grant | Ask | StepResult:
        """The approval of exactly what the step would act on now; asks if there is none."""
        approvals, steps = self._services.approvals, self._services.steps
        if step.binding is None:
            raise LookupError(f"human step {step.name} binds nothing")
        try:
            binding = step.binding(ctx)
        except SourceError as error:
            # One failed reading must not cost a person's answer.
            return later(f"cannot read what the step would act on: {error}", _RETRY_SECONDS)
        latest = approvals.latest(ctx.incident.id, step.name)
        if latest is not None and latest.state in (ApprovalState.PENDING, ApprovalState.APPROVED):
            if latest.digest == binding.digest:
                pending = latest.state is ApprovalState.PENDING
                return Ask(latest) if pending else Grant(latest, binding)
            approvals.settle(
                latest, ApprovalState.VOID, reason="what it was given for has changed since"
            )
        shown = Binding(binding.bound, steps.clean(dict(binding.shown)))
        return Ask(approvals.ask(ctx.incident.id, ctx.bot.name, step, shown))
