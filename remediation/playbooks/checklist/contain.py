"""Phase 2: stop the bleeding by our own pause, which only we or a person may lift."""

from remediation.bot_state import BotStateName
from remediation.incident import Severity
from remediation.playbooks.base import (
    Authority,
    Phase,
    Status,
    Step,
    StepContext,
    StepResult,
    done,
)


def latched(ctx: StepContext) -> str | None:
    """Why our own pause is not needed, or None: somebody else's latch holds the bot."""
    reading = ctx.world.kill_switch(ctx.bot)
    return f"the kill switch is engaged already: {reading.reason}" if reading.engaged else None


def contain(ctx: StepContext) -> str:
    """Set our pause and note it."""
    detail = ctx.hands.bot.pause(ctx.bot, ctx.incident.id)
    ctx.states.follow(ctx.bot.name, BotStateName.PAUSED, incident=ctx.incident.id, reason=detail)
    return detail


def _pause(ctx: StepContext) -> StepResult:
    return done(contain(ctx))


def pause(min_severity: Severity = Severity.INFO) -> Step:
    """Phase 2: no new entries while it is repaired (checklist 2)."""
    return Step(
        phase=Phase.CONTAIN,
        name="pause",
        title="Pause the bot's entries by our own mark in its flag",
        runbook="checklist 2",
        act=_pause,
        authority=Authority.GUARDED,
        changes=True,
        min_severity=min_severity,
        applies=latched,
    )


def holds_no_pause(ctx: StepContext) -> str | None:
    """Why this run has nothing to resume, or None: its own pause holds the bot.

    A latch is somebody else's: release and resume are then the kill-switch incident's.
    """
    planned = ctx.results.get("pause")
    if planned is not None and planned.status is Status.WOULD:
        return None
    reading = ctx.world.kill_switch(ctx.bot)
    if reading.engaged:
        return "the kill switch is engaged: release and resume are a person's decision"
    if not reading.paused or reading.pause_incident != ctx.incident.id:
        return "this run holds no pause"
    return None


def lift(ctx: StepContext) -> str:
    """Take this run's own pause away, if there is one. Raises ActionError for another's."""
    reading = ctx.world.kill_switch(ctx.bot)
    if not reading.paused:
        return "no pause of ours was in place"
    detail = ctx.hands.bot.lift(ctx.bot, ctx.incident.id)
    ctx.states.follow(ctx.bot.name, BotStateName.ACTIVE, incident=ctx.incident.id, reason=detail)
    return detail
