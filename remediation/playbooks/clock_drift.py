"""Runbook section 2: find out who is wrong, slew the clock, prove it, resume.

A warning only repairs; containment and resume belong to critical drift, since
pausing a bot that the exchange still accepts would cost more than it protects.
"""

from remediation.errors import ActionError
from remediation.incident import Outcome, Severity
from remediation.playbooks.base import (
    Authority,
    Binding,
    BudgetKind,
    Phase,
    Playbook,
    Step,
    StepContext,
    StepResult,
    done,
    failed,
    later,
    skipped,
    stop,
)
from remediation.playbooks.checklist.contain import contain, holds_no_pause, latched, pause
from remediation.playbooks.checklist.identify import evidence, impact
from remediation.playbooks.checklist.resume import dry_run, lift_pause, live_proof
from remediation.playbooks.checklist.review import alert_ended, cleared, watch
from remediation.playbooks.checklist.verify import doctor
from remediation.playbooks.clock_blame import Blame
from remediation.playbooks.clock_views import look
from remediation.timing import boottime

# chrony slews at most 83333 ppm, one second in twelve; the rest is margin.
_SLEW_SECONDS_PER_SECOND = 12.0
_SLEW_MARGIN_SECONDS = 20.0
# The account is locked while we wait: more than this is a person's decision.
_PATIENCE_SECONDS = 300.0


def _confirm(ctx: StepContext) -> StepResult:
    """Leave a clock alone that is right by every view; who is wrong comes after the pause."""
    views = look(ctx)
    if views.blame is Blame.NOBODY:
        return cleared(ctx, f"the clock is within its limit: {views}", **views.evidence())
    return done(f"beyond the limit, or not known: {views}", **views.evidence())


def _who_is_wrong(ctx: StepContext) -> StepResult:
    views = look(ctx)
    facts = views.evidence()
    if views.blame is Blame.LOCAL:
        return done(f"the local clock is wrong: {views}", **facts)
    if views.blame is Blame.NOBODY:
        return done(f"it has come right by itself: {views}", **facts)
    if views.blame is Blame.BORDERLINE:
        return later(f"at the limit, looking again: {views}", _look_seconds(ctx), **facts)
    if views.blame is Blame.EXCHANGE:
        why = "the exchange, or the path to it, is wrong; the local clock is not touched"
    elif views.blame is Blame.NTP:
        why = "the time servers are wrong; the local clock is not touched"
    else:
        why = "the views contradict each other or are missing; the local clock is not touched"
    return stop(Outcome.ESCALATED, f"{why}: {views}", **facts)


def _look_seconds(ctx: StepContext) -> float:
    """How often the time servers may be asked: public ones answer haste with silence."""
    settings = ctx.config.exporter
    return max(min(1.0, ctx.settings.verify_interval_seconds), settings.ntp_poll_seconds / 4)


def _resync(ctx: StepContext) -> StepResult:
    views = look(ctx)
    if views.blame is Blame.NOBODY:
        return skipped(f"it has come right by itself: {views}", **views.evidence())
    if views.blame is Blame.BORDERLINE:
        return later(f"coming right by itself, looking again: {views}", _look_seconds(ctx))
    if views.blame is not Blame.LOCAL:
        return failed(f"no longer certain that the local clock is wrong: {views}")
    commands = ctx.hands.clock.choose(ctx.bot)
    if not any(command.method == "slew" for command in commands):
        return skipped("no command here slews the clock; stepping it is a person's decision")
    try:
        result = ctx.hands.clock.resync(ctx.bot, "slew", ctx.step_id)
    except ActionError as error:
        # Not the end: a person may still step it.
        return done(f"the slew command failed: {error}", slewed=False, **views.evidence())
    return done(
        "told the clock to slew",
        slewed=True,
        argv=list(result.argv),
        output=result.output,
        **views.evidence(),
    )


def _await_sync(ctx: StepContext) -> StepResult:
    """Wait while the clock is slewed; a step is offered only when that has not helped."""
    views = look(ctx)
    worst = max(
        (abs(view.offset_seconds) for view in (views.ntp, views.exchange) if view is not None),
        default=0.0,
    )
    patience = min(_SLEW_MARGIN_SECONDS + worst * _SLEW_SECONDS_PER_SECOND, _PATIENCE_SECONDS)
    if not ctx.found("resync", "slewed"):
        patience = 0.0
    deadline = boottime() + patience
    while views.blame is not Blame.NOBODY and boottime() < deadline:
        if (give_way := ctx.pause_or_yield(_look_seconds(ctx))) is not None:
            return give_way
        views = look(ctx)
    in_sync = views.blame is Blame.NOBODY
    words = "the clock is back within its limit" if in_sync else "slewing has not helped"
    return done(f"{words}: {views}", in_sync=in_sync, **views.evidence())


def _step_argv(ctx: StepContext) -> list[str]:
    """The first command here that steps the clock; empty if there is none."""
    commands = (c for c in ctx.hands.clock.choose(ctx.bot) if c.method == "step")
    return list(next((c.argv for c in commands), ()))


def _step_not_needed(ctx: StepContext) -> str | None:
    if ctx.found("await_sync", "in_sync"):
        return "slewing was enough"
    return None if _step_argv(ctx) else "no command here steps the clock"


def _about(offset_seconds: float) -> str:
    """Direction and size to one digit: what a person approves, though it creeps on meanwhile."""
    return f"{offset_seconds:+.0e} s"


def _step_binding(ctx: StepContext) -> Binding:
    views = look(ctx)
    return Binding(
        bound={
            "action": "pause the bot and step the clock",
            "argv": _step_argv(ctx),
            "offset": "unknown" if views.ntp is None else _about(views.ntp.offset_seconds),
        },
        shown={
            "measured": str(views),
            "command": _step_argv(ctx),
            "warning": "a step under a live bot breaks timestamp order, candles and timers",
        },
    )


def _step_clock(ctx: StepContext) -> StepResult:
    """Step under a paused bot only (trading facts, section 6)."""
    views = look(ctx)
    if views.blame is Blame.NOBODY:
        return skipped(f"it has come right by itself: {views}", **views.evidence())
    if views.blame is not Blame.LOCAL:
        return failed(f"not stepped: {views}", **views.evidence())
    held = latched(ctx) or contain(ctx)
    result = ctx.hands.clock.resync(ctx.bot, "step", ctx.step_id)
    return done(f"{held}; stepped the clock", argv=list(result.argv), output=result.output)


def _verify_clock(ctx: StepContext) -> StepResult:
    seen = []
    for _ in range(ctx.settings.verify_samples):
        views = look(ctx)
        seen.append(str(views))
        if views.blame is not Blame.NOBODY:
            return failed(f"the clock is still off: {views}", samples=seen, **views.evidence())
        if (give_way := ctx.pause_or_yield(_look_seconds(ctx))) is not None:
            return give_way
    return done(f"{len(seen)} times in a row within the limit: {seen[-1]}", samples=seen)


def _no_twin_needed(ctx: StepContext) -> str | None:
    if (why := holds_no_pause(ctx)) is not None:
        return why
    if ctx.world.process(ctx.bot).pids:
        return "the live bot has run all along; a twin beside it would use its keys"
    return None


def _proof_is_anothers(ctx: StepContext) -> str | None:
    process = ctx.world.process(ctx.bot)
    return None if process.up else "the process is down: that is process_crash's to repair"


CLOCK_DRIFT = Playbook(
    scenario="clock_drift",
    section="2. Clock Drift",
    precedence=30,
    steps=(
        evidence(),
        Step(
            phase=Phase.IDENTIFY,
            name="confirm",
            title="Measure whether the clock is beyond its limit",
            runbook="2 detection",
            act=_confirm,
        ),
        pause(Severity.CRITICAL),
        impact(),
        Step(
            phase=Phase.ASSESS,
            name="who_is_wrong",
            title="Decide who is wrong: local clock, exchange or time servers",
            runbook="2 detection",
            act=_who_is_wrong,
        ),
        Step(
            phase=Phase.FIX,
            name="resync",
            title="Slew the local clock",
            runbook="2 step 1",
            act=_resync,
            authority=Authority.GUARDED,
            changes=True,
            budget=BudgetKind.CLOCK,
        ),
        Step(
            phase=Phase.FIX,
            name="await_sync",
            title="Wait until the clock has been slewed",
            runbook="2 step 2",
            act=_await_sync,
            proves=True,
        ),
        Step(
            phase=Phase.FIX,
            name="step_clock",
            title="Step the local clock",
            runbook="2 step 1",
            act=_step_clock,
            authority=Authority.HUMAN,
            changes=True,
            applies=_step_not_needed,
            binding=_step_binding,
        ),
        Step(
            phase=Phase.VERIFY,
            name="verify_clock",
            title="Measure the offset again against NTP and the exchange",
            runbook="2 step 2",
            act=_verify_clock,
            proves=True,
            perishes=True,
        ),
        doctor(not_needed=holds_no_pause),
        dry_run(not_needed=_no_twin_needed),
        lift_pause(),
        live_proof("lift_pause", _proof_is_anothers),
        alert_ended(
            'abs(tradingbot_clock_offset_seconds{bot="{bot}",reference="exchange"})'
            ' < on(bot, instance) tradingbot_clock_offset_warn_threshold_seconds{bot="{bot}"}'
        ),
        watch(),
    ),
)
