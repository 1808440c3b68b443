"""Phases 1 and 3: what happened, and what it did to the account."""

import dataclasses

from exporter.errors import SourceError
from remediation.impact import read_impact
from remediation.playbooks.base import Phase, Step, StepContext, StepResult, done


def _collect_evidence(ctx: StepContext) -> StepResult:
    bot, world = ctx.bot, ctx.world
    return done(
        "kept the last error lines, the log's tail, kernel lines and the kill switch's state",
        error_lines=list(world.error_lines(bot, 50)),
        kernel_lines=list(world.kernel_lines(20)),
        log_tail=list(world.log_tail(bot, 20)),
        kill_switch=dataclasses.asdict(world.kill_switch(bot)),
    )


def evidence() -> Step:
    """Phase 1: what would be gone after a repair (checklist 1)."""
    return Step(
        phase=Phase.IDENTIFY,
        name="evidence",
        title="Keep the evidence: error lines, kernel lines, kill switch",
        runbook="checklist 1",
        act=_collect_evidence,
    )


def _impact(ctx: StepContext, *, required: bool) -> StepResult:
    try:
        impact = read_impact(ctx.world, ctx.bot)
    except SourceError as error:
        if required:
            raise
        return done(f"positions and orders cannot be read: {error}", unreadable=True)
    found = impact.orphans
    words = f"{len(found)} not accounted for: {'; '.join(found)}" if found else "nothing unexpected"
    return done(f"positions and orders read at the exchange; {words}", **impact.evidence())


def impact(name: str = "impact", runbook: str = "checklist 3", *, required: bool = False) -> Step:
    """Phase 3: positions and orders at the exchange against the bot's file.

    Args:
        name: the step's name.
        runbook: the section and step it implements.
        required: the run cannot go on without it; otherwise a cause is repaired even
            while the account cannot be seen.
    """

    def act(ctx: StepContext) -> StepResult:
        return _impact(ctx, required=required)

    return Step(
        phase=Phase.ASSESS,
        name=name,
        title="Compare positions and orders at the exchange with the bot's own",
        runbook=runbook,
        act=act,
    )
