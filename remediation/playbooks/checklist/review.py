"""Phase 7: Prometheus agrees that it is over, and the first hour is watched."""

from typing import Any

from remediation.alerting import AlertingError
from remediation.incident import Outcome
from remediation.playbooks.base import (
    Phase,
    Status,
    Step,
    StepContext,
    StepResult,
    done,
    stop,
)
from remediation.timing import boottime


def await_quiet(ctx: StepContext, healthy_query: str | None) -> StepResult | None:
    """Wait until Prometheus no longer fires; None if so, else how the step ends.

    Args:
        ctx: whose bot and scenario.
        healthy_query: PromQL that must return something as well, or None.
    """
    deadline = boottime() + ctx.incident.verify_within
    while True:
        try:
            fires = ctx.alerting.still_fires(ctx.bot.name, ctx.incident.scenario)
            healthy = healthy_query is None or ctx.alerting.holds(healthy_query)
            if healthy and not fires:
                return None
            outcome = Outcome.INEFFECTIVE
            problem = "Prometheus still fires" if fires else "the healthy series is absent"
        except AlertingError as error:
            outcome, problem = Outcome.UNPROVEN, str(error)
        if boottime() >= deadline:
            within = f"{ctx.incident.verify_within:.0f} s"
            return stop(outcome, f"not proved within {within}: {problem}")
        give_way = ctx.pause_or_yield(min(1.0, ctx.settings.verify_interval_seconds))
        if give_way is not None:
            return give_way


def cleared(ctx: StepContext, summary: str, **evidence: Any) -> StepResult:
    """End a run that finds nothing to repair, but only if Prometheus agrees.

    An alert that goes on firing while our own reading is good is a contradiction, and
    nobody else would look at it: its identity has been dealt with.
    """
    unsettled = await_quiet(ctx, None)
    if unsettled is None:
        return stop(Outcome.CLEARED, summary, **evidence)
    if unsettled.status is Status.LATER:
        return unsettled
    return stop(Outcome.ESCALATED, f"{summary}; but {unsettled.summary}", **evidence)


def alert_ended(healthy_query: str) -> Step:
    """Phase 7: Prometheus agrees, with the value series present (design §7, Proof).

    Args:
        healthy_query: PromQL that returns something only while the value exists and is
            good; ``{bot}`` is replaced.
    """

    def act(ctx: StepContext) -> StepResult:
        unsettled = await_quiet(ctx, healthy_query.replace("{bot}", ctx.bot.name))
        return unsettled or done("Prometheus no longer fires and sees the healthy value")

    return Step(
        phase=Phase.REVIEW,
        name="alert_ended",
        title="Wait until Prometheus no longer fires and sees the healthy value",
        runbook="checklist 7",
        act=act,
        proves=True,
    )


def _watch(ctx: StepContext) -> StepResult:
    seconds = ctx.settings.watch_seconds
    return done(f"for {seconds:.0f} s any symptom of {ctx.bot.name} contains it again")


def watch() -> Step:
    """Phase 7: "Monitor closely for first hour": new alerts count as critical meanwhile."""
    return Step(
        phase=Phase.REVIEW,
        name="watch",
        title="Watch closely: any symptom contains the bot again",
        runbook="checklist 6",
        act=_watch,
    )
