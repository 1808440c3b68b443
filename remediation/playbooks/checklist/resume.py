"""Phase 6: dry-run first, then live, and proof that it lives."""

from pathlib import Path

from exporter.config import Bot
from exporter.errors import SourceError
from exporter.readings import ExitKind, KillSwitchReading
from remediation.incident import Outcome
from remediation.playbooks.base import (
    Applies,
    Authority,
    BudgetKind,
    Phase,
    Status,
    Step,
    StepContext,
    StepResult,
    done,
    failed,
    later,
    stop,
)
from remediation.playbooks.checklist.contain import contain, holds_no_pause, lift
from remediation.timing import boottime
from remediation.world import World


def _dry_run(ctx: StepContext) -> StepResult:
    if (live := ctx.world.process(ctx.bot)).pids:
        # A twin beside it would use its keys.
        return stop(Outcome.ESCALATED, f"the bot has been started meanwhile: {live.detail}")
    directory = Path(ctx.settings.data_dir) / "twins" / ctx.incident.id
    seconds = ctx.settings.dry_run_seconds
    result = ctx.hands.process.dry_run(ctx.bot, ctx.step_id, directory, seconds, ctx.stopping)
    if ctx.stopping.is_set():
        return later("the receiver is shutting down", 1.0)
    if not result.ok:
        return failed(f"the dry-run failed: {result.detail}", log_tail=list(result.log_tail))
    return done(result.detail, seconds=result.seconds, log_tail=list(result.log_tail))


def dry_run(not_needed: Applies | None = None) -> Step:
    """Phase 6: a twin with a copied state, ended and proved gone (checklist 6).

    Args:
        not_needed: says why this run starts none, or None.
    """
    return Step(
        phase=Phase.RESUME,
        name="dry_run",
        title="Start a dry-run twin, watch it, end it and prove it gone",
        runbook="checklist 6",
        act=_dry_run,
        authority=Authority.GUARDED,
        changes=True,
        exposure=True,
        perishes=True,
        applies=not_needed,
    )


def _lift_pause(ctx: StepContext) -> StepResult:
    return done(lift(ctx))


def lift_pause() -> Step:
    """Phase 6: let a bot that kept running trade again."""
    return Step(
        phase=Phase.RESUME,
        name="lift_pause",
        title="Lift our own pause, so that the running bot trades again",
        runbook="checklist 6",
        act=_lift_pause,
        authority=Authority.GUARDED,
        changes=True,
        exposure=True,
        resumes=True,
        applies=holds_no_pause,
    )


def _start_live(ctx: StepContext, *, after_crash: bool) -> StepResult:
    reading = ctx.world.process(ctx.bot)
    if after_crash and (reading.up or reading.last_exit is ExitKind.CLEAN):
        # Somebody has started it, and perhaps stopped it again, while we waited.
        return stop(Outcome.ESCALATED, f"it is not crashed any more: {reading.detail}")
    if reading.pids or reading.dry_run_pids or reading.others:
        every = (*reading.pids, *reading.dry_run_pids, *reading.others)
        pids = ", ".join(str(pid) for pid in every)
        return failed(f"a process of the bot exists already (pid {pids}); two bots must never run")
    lifted = lift(ctx)
    try:
        started = ctx.hands.process.start(ctx.bot, ctx.step_id)
    except BaseException:
        # The pause is put back: whatever half-started must not trade unseen.
        contain(ctx)
        raise
    return done(f"{lifted}; {started}")


def start_live(budget: BudgetKind | None, runbook: str, *, after_crash: bool = False) -> Step:
    """Phase 6: start the bot live, once, while no process of it exists.

    Args:
        budget: what a start counts as; None where a person has ordered it.
        runbook: the section and step it implements.
        after_crash: start only what is still crashed.
    """

    def act(ctx: StepContext) -> StepResult:
        return _start_live(ctx, after_crash=after_crash)

    return Step(
        phase=Phase.RESUME,
        name="start_live",
        title="Lift our pause and start the bot live",
        runbook=runbook,
        act=act,
        authority=Authority.GUARDED,
        changes=True,
        exposure=True,
        resumes=True,
        budget=budget,
    )


def _is_live(reading: KillSwitchReading, pids: tuple[int, ...]) -> str | None:
    if reading.engaged or reading.paused:
        return f"the kill switch holds it: {reading.reason}"
    if len(pids) != 1:
        return f"{len(pids)} live processes"
    return None


def _heartbeat(world: World, bot: Bot) -> float | None:
    try:
        return world.heartbeat(bot)
    except SourceError:
        return None


def _live_proof(ctx: StepContext) -> StepResult:
    """One process, switch open, and a heartbeat that has moved several times meanwhile.

    A bot may beat less often than we look: a sample without a new beat proves nothing
    either way.
    """
    settings, bot, world = ctx.settings, ctx.bot, ctx.world
    # However seldom it beats within its own limit, it gets the time to do so.
    beats = (settings.verify_samples + 1) * bot.heartbeat.max_age_seconds
    deadline = boottime() + max(settings.live_proof_seconds, beats)
    good, before, why = 0, _heartbeat(world, bot), "no heartbeat yet"
    while boottime() < deadline:
        if (give_way := ctx.pause_or_yield(settings.verify_interval_seconds)) is not None:
            return give_way
        process = world.process(bot)
        beat = _heartbeat(world, bot)
        problem = _is_live(world.kill_switch(bot), process.pids)
        if problem is not None:
            good, why = 0, problem
        elif beat is not None and beat != before:
            good += 1
            why = f"the heartbeat moved only {good} times"
        before = beat
        if good >= settings.verify_samples:
            return done(
                f"live: pid {process.pids[0]}, heartbeat moved {good} times", heartbeat=beat
            )
    if world.kill_switch(bot).engaged:
        return failed(f"not proved live: {why}")
    return failed(f"not proved live: {why}; contained again: {contain(ctx)}")


def live_proof(after: str, not_here: Applies | None = None) -> Step:
    """Phase 6: ends with live proof, or contains again.

    Args:
        after: the step that resumed trading.
        not_here: says why the proof is another incident's, or None.
    """

    def applies(ctx: StepContext) -> str | StepResult | None:
        planned = ctx.results.get(after)
        if planned is None or planned.status not in (Status.DONE, Status.WOULD):
            return "trading was not resumed by this run"
        return None if not_here is None else not_here(ctx)

    return Step(
        phase=Phase.RESUME,
        name="live_proof",
        title="Prove by process and heartbeat that the live bot works",
        runbook="checklist 6",
        act=_live_proof,
        changes=True,
        proves=True,
        applies=applies,
    )
