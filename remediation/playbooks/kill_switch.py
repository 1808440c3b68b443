"""Runbook section 3: find the cause, see it gone, let a person release, resume carefully."""

import enum
from pathlib import Path

from exporter.errors import SourceError
from exporter.readings import KillSwitchReading
from remediation.bot_state import BotStateName
from remediation.impact import read_impact
from remediation.incident import Outcome
from remediation.playbooks.base import (
    Authority,
    Binding,
    Phase,
    Playbook,
    Step,
    StepContext,
    StepResult,
    done,
    failed,
    stop,
)
from remediation.playbooks.checklist.identify import evidence, impact
from remediation.playbooks.checklist.resume import dry_run, live_proof, start_live
from remediation.playbooks.checklist.review import alert_ended, cleared, watch
from remediation.playbooks.checklist.verify import doctor
from remediation.playbooks.clock_views import look


class Cause(enum.StrEnum):
    """The runbook's causes (section 3), and the two it does not name."""

    CLOCK_DRIFT = "clock_drift"
    RISK_LIMIT = "risk_limit"
    ERRORS = "errors"
    MANUAL = "manual"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"


_WORDS = (
    (Cause.CLOCK_DRIFT, ("clock", "drift", "timestamp")),
    (Cause.RISK_LIMIT, ("risk", "drawdown", "loss", "exposure", "limit breach")),
    (Cause.ERRORS, ("error", "reject", "consecutive")),
)

_ADVICE = {
    Cause.CLOCK_DRIFT: "the clock is repaired first; release waits until it is right",
    Cause.RISK_LIMIT: "review the limits and what the bot lost before you release",
    Cause.ERRORS: "find out why the exchange refused, and that it does not any more",
    Cause.MANUAL: "somebody stopped it on purpose: ask him",
    Cause.UNREADABLE: "the state cannot be read; a release replaces it, a copy is kept",
    Cause.UNKNOWN: "nobody knows why it stopped: look before you release",
}


def name_cause(reading: KillSwitchReading, log_lines: tuple[str, ...]) -> Cause:
    """The cause from the switch's own reason, else from the log's last trigger line."""
    if not reading.state_valid or not reading.flag_valid:
        return Cause.UNREADABLE
    if reading.flag_present and not reading.tripped:
        return Cause.MANUAL
    triggers = [line for line in log_lines if "kill switch triggered" in line.lower()]
    text = f"{reading.reason} {triggers[-1] if triggers else ''}".lower()
    return next((c for c, words in _WORDS if any(w in text for w in words)), Cause.UNKNOWN)


def _identify(ctx: StepContext) -> StepResult:
    reading = ctx.world.kill_switch(ctx.bot)
    if not reading.engaged:
        words = "our own pause" if reading.paused else "not engaged"
        return cleared(ctx, f"the kill switch is not a latch: {words}")
    lines = ctx.world.log_tail(ctx.bot, 200)
    cause = name_cause(reading, lines)
    mentions = [
        line for line in lines if any(w in line.lower() for w in ("kill", "error", "trigger"))
    ]
    return done(
        f"engaged, cause {cause}: {reading.reason}",
        cause=cause,
        advice=_ADVICE[cause],
        log_lines=mentions[-50:],
    )


def _hold(ctx: StepContext) -> StepResult:
    """A state that is tripped without its flag would not stop a restarted bot."""
    return done(ctx.hands.bot.engage(ctx.bot, ctx.incident.id))


def _overtaken(ctx: StepContext) -> StepResult | None:
    """Somebody has released it by hand: there is nothing left to ask or to stop."""
    reading = ctx.world.kill_switch(ctx.bot)
    if reading.engaged:
        return None
    return stop(Outcome.CLEARED, f"somebody else has released it: {reading.reason}")


def _cause_remains(ctx: StepContext) -> str | None:
    """Why the switch must not be released yet, read now."""
    views = look(ctx)
    if not views.good_enough_to_trade:
        return f"waits for the clock: {views}"
    try:
        read_impact(ctx.world, ctx.bot)
        status = ctx.world.venue_status(ctx.bot)
    except SourceError as error:
        return f"waits for account, positions and venue to be readable: {error}"
    return f"waits for the venue: {status.message}" if status.maintenance else None


def _release_binding(ctx: StepContext) -> Binding:
    now = read_impact(ctx.world, ctx.bot)
    reading = ctx.world.kill_switch(ctx.bot)  # last: it is what the release acts on
    cause = ctx.found("identify", "cause", Cause.UNKNOWN)
    return Binding(
        bound={
            "action": "release the kill switch, then restart by dry-run and live",
            "kill_switch": reading.digest,
            "positions": now.positions,
            "orders": sorted(order.order_id for order in now.open_orders),
        },
        shown={
            "cause": cause,
            "reason": reading.reason,
            "advice": ctx.found("identify", "advice", ""),
            "positions": now.positions,
            "orphans": list(now.orphans),
            "approve": "stop the bot if it runs, clear flag and state (copies are kept,"
            " counters stay), check, dry-run, start live",
        },
    )


def _release(ctx: StepContext) -> StepResult:
    """Release exactly the latch that was approved.

    The latched process is stopped first: it remembers the trip until it is restarted.
    """
    approved = "" if ctx.approved is None else str(ctx.approved.bound["kill_switch"])
    if ctx.world.kill_switch(ctx.bot).digest != approved:
        return failed("the kill switch is not the one that was approved; nothing was touched")
    process = ctx.world.process(ctx.bot)
    stopped = "it was not running"
    if process.pids:
        stopped = ctx.hands.process.stop(ctx.bot, ctx.step_id)
    directory = Path(ctx.settings.data_dir) / "backups" / ctx.incident.id
    copies = ctx.hands.bot.release_latch(ctx.bot, ctx.incident.id, approved, directory)
    detail = "flag and state are cleared, our pause holds the bot"
    ctx.states.follow(ctx.bot.name, BotStateName.PAUSED, incident=ctx.incident.id, reason=detail)
    return done(f"{stopped}; {detail}", backups=list(copies))


def _verify_released(ctx: StepContext) -> StepResult:
    for _ in range(ctx.settings.verify_samples):
        reading = ctx.world.kill_switch(ctx.bot)
        if reading.engaged:
            return failed(f"engaged again: {reading.reason}")
        if give_way := ctx.pause_or_yield(ctx.settings.verify_interval_seconds):
            return give_way
    return done(f"{ctx.settings.verify_samples} times in a row not engaged")


def _verify_positions(ctx: StepContext) -> StepResult:
    now = read_impact(ctx.world, ctx.bot)
    if now.differences:
        return failed(f"positions differ: {'; '.join(now.differences)}", **now.evidence())
    return done("positions at the exchange and in the bot's file agree", **now.evidence())


KILL_SWITCH = Playbook(
    scenario="kill_switch",
    section="3. Kill Switch Triggered",
    precedence=10,
    cools_down=False,
    steps=(
        evidence(),
        Step(
            phase=Phase.IDENTIFY,
            name="identify",
            title="Find the cause in state, log and flag",
            runbook="3 step 1",
            act=_identify,
        ),
        Step(
            phase=Phase.CONTAIN,
            name="hold",
            title="Make sure that the flag holds the bot, also after a restart",
            runbook="checklist 2",
            act=_hold,
            authority=Authority.GUARDED,
            changes=True,
        ),
        impact(),
        Step(
            phase=Phase.FIX,
            name="release",
            title="Release the kill switch",
            runbook="3 steps 2 and 3",
            act=_release,
            authority=Authority.HUMAN,
            changes=True,
            applies=_overtaken,
            blocked=_cause_remains,
            binding=_release_binding,
        ),
        Step(
            phase=Phase.VERIFY,
            name="verify_released",
            title="Read the kill switch again",
            runbook="3 step 3",
            act=_verify_released,
            proves=True,
            perishes=True,
        ),
        Step(
            phase=Phase.VERIFY,
            name="verify_positions",
            title="Compare positions at the exchange with the bot's file",
            runbook="3 step 4",
            act=_verify_positions,
            proves=True,
            perishes=True,
        ),
        doctor(),
        dry_run(),
        start_live(None, "3 step 5"),
        live_proof("start_live"),
        alert_ended('tradingbot_kill_switch_engaged{bot="{bot}"} == 0'),
        watch(),
    ),
)
