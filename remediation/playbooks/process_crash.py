"""Runbook section 6: evidence, orphans, cause, then one careful restart in budget."""

from exporter.errors import SourceError
from exporter.readings import ExitKind
from remediation.impact import read_impact
from remediation.incident import Outcome
from remediation.playbooks.base import (
    Authority,
    Binding,
    BudgetKind,
    Phase,
    Playbook,
    Status,
    Step,
    StepContext,
    StepResult,
    done,
    failed,
    stop,
)
from remediation.playbooks.checklist.contain import pause
from remediation.playbooks.checklist.identify import evidence, impact
from remediation.playbooks.checklist.resume import dry_run, live_proof, start_live
from remediation.playbooks.checklist.review import alert_ended, cleared, watch
from remediation.playbooks.checklist.verify import doctor


def _what_happened(ctx: StepContext) -> StepResult:
    """Only a process that is gone without having said goodbye has crashed."""
    try:
        process = ctx.world.process(ctx.bot)
    except SourceError as error:
        return stop(Outcome.ESCALATED, f"cannot tell whether the process lives: {error}")
    facts = {
        "process": process.detail,
        "last_exit": process.last_exit,
        "log_tail": list(ctx.world.log_tail(ctx.bot, 100)),
        "unit_journal": list(ctx.world.unit_journal(ctx.bot)),
        "core_dumps": list(ctx.world.core_files(ctx.bot)),
    }
    if process.up:
        return cleared(ctx, f"the process runs: {process.detail}", **facts)
    if process.last_exit is ExitKind.CLEAN:
        return cleared(ctx, 'it was stopped, it did not crash: "Shutdown complete"', **facts)
    if process.last_exit is not ExitKind.UNCLEAN:
        return stop(
            Outcome.ESCALATED,
            "it does not run, and no log tells whether it crashed or was stopped",
            **facts,
        )
    return done(f"the process is gone and did not shut down: {process.detail}", **facts)


def _no_orphans(ctx: StepContext) -> str | None:
    return None if ctx.found("orphans", "orphans") else "there are no orphans"


def _orphan_binding(ctx: StepContext) -> Binding:
    now = read_impact(ctx.world, ctx.bot)
    return Binding(
        bound={
            "action": "restart with these orphans",
            "positions": now.positions,
            "differences": list(now.differences),
            "orders": sorted(order.order_id for order in now.open_orders),
        },
        shown={
            "orphans": list(now.orphans),
            "approve": "the bot is restarted; it must take these over by itself",
            "deny": "the bot stays down; close or reconcile by hand (runbook 6 step 3)",
        },
    )


def _accept_orphans(ctx: StepContext) -> StepResult:
    now = read_impact(ctx.world, ctx.bot)
    return done(f"a person accepts {len(now.orphans)} orphans", **now.evidence())


def _root_cause(ctx: StepContext) -> StepResult:
    """Name what the evidence shows; not knowing does not forbid a restart in budget."""
    kernel = [line for line in ctx.found("evidence", "kernel_lines", []) if _is_oom(line)]
    lines = ctx.found("what_happened", "log_tail", [])
    raised = [line for line in lines if "Traceback" in line or "Error" in line]
    if any("MemoryError" in line for line in lines) or kernel:
        return done("memory exhaustion", cause="memory", lines=kernel + raised[-5:])
    if ctx.found("what_happened", "core_dumps"):
        return done("it left a core dump", cause="core", lines=raised[-5:])
    if any("Traceback" in line for line in lines):
        return done("an unhandled exception", cause="exception", lines=raised[-5:])
    return done(
        "no cause in log or kernel: killed from outside, or before it could write",
        cause="unknown",
        lines=raised[-5:],
    )


def _is_oom(line: str) -> bool:
    return "out of memory" in line.lower() or "oom-kill" in line.lower()


def _verify_orphans(ctx: StepContext) -> StepResult:
    """Look once more: what a person accepted, or that there was nothing, must still be so."""
    now = read_impact(ctx.world, ctx.bot).evidence()
    accepted = ctx.results.get("accept_orphans")
    if accepted is not None and accepted.status is Status.DONE:
        changed = [key for key, value in now.items() if accepted.evidence.get(key) != value]
        if changed:
            return failed(f"changed since a person accepted it: {', '.join(changed)}", **now)
        return done("positions and orders are as a person has accepted them", **now)
    if now["orphans"]:
        return failed(f"orphans have appeared: {'; '.join(now['orphans'])}", **now)
    return done("positions and orders are accounted for", **now)


def _verify_down(ctx: StepContext) -> StepResult:
    """Nothing of it may run when it is started: there are never two bots."""
    process = ctx.world.process(ctx.bot)
    if process.pids or process.dry_run_pids or process.others:
        return failed(f"a process of the bot has appeared: {process.detail}")
    return done("no process of the bot exists, live or dry-run")


PROCESS_CRASH = Playbook(
    scenario="process_crash",
    section="6. Process Crash",
    precedence=20,
    cools_down=False,
    steps=(
        evidence(),
        Step(
            phase=Phase.IDENTIFY,
            name="what_happened",
            title="See whether it crashed: process, log, journal, core dumps",
            runbook="6 step 1",
            act=_what_happened,
        ),
        pause(),
        impact("orphans", "6 step 2", required=True),
        Step(
            phase=Phase.FIX,
            name="accept_orphans",
            title="Restart although positions or orders are not accounted for",
            runbook="6 step 3",
            act=_accept_orphans,
            authority=Authority.HUMAN,
            changes=True,
            applies=_no_orphans,
            binding=_orphan_binding,
        ),
        Step(
            phase=Phase.FIX,
            name="root_cause",
            title="Name the cause from log, kernel and core dumps",
            runbook="6 step 4",
            act=_root_cause,
        ),
        Step(
            phase=Phase.VERIFY,
            name="verify_down",
            title="Make sure that no process of the bot exists",
            runbook="6 step 5",
            act=_verify_down,
            perishes=True,
        ),
        Step(
            phase=Phase.VERIFY,
            name="verify_orphans",
            title="Compare positions and orders once more before the start",
            runbook="6 step 2",
            act=_verify_orphans,
            proves=True,
            perishes=True,
        ),
        doctor(waive_after="accept_orphans"),
        dry_run(),
        start_live(BudgetKind.RESTART, "6 step 5", after_crash=True),
        live_proof("start_live"),
        alert_ended('tradingbot_process_up{bot="{bot}"} == 1'),
        watch(),
    ),
)
