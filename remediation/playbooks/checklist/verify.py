"""Phase 5: the resume gate must be green before anything trades again."""

from collections.abc import Collection

from remediation.playbooks.base import Applies, Phase, Step, StepContext, StepResult, done, failed
from remediation.resume_gate import ask_gate

_ATTEMPTS = 3


def _doctor(ctx: StepContext, waived: Collection[str]) -> StepResult:
    """Ask a few times: what was repaired a moment ago may need a moment to be seen."""
    for attempt in range(1, _ATTEMPTS + 1):
        answer = ask_gate(
            ctx.hands.command,
            ctx.bot,
            ctx.config_path,
            deadline=ctx.settings.command_seconds,
            step_id=ctx.step_id,
            waived=waived,
        )
        if not answer.problems:
            return done("every check of the resume gate passes", checks=list(answer.checks))
        if attempt < _ATTEMPTS:
            give_way = ctx.pause_or_yield(ctx.settings.verify_interval_seconds)
            if give_way is not None:
                return give_way
    words = "; ".join(answer.problems)
    return failed(f"the resume gate fails: {words}", checks=list(answer.checks))


def doctor(*, waive_after: str = "", not_needed: Applies | None = None) -> Step:
    """Phase 5: "All checks should pass" (checklist 5).

    Args:
        waive_after: a human step; once it is done, its approver has accepted a
            position mismatch, so that check alone no longer stops the resume.
        not_needed: says why this run will not resume anything, or None.
    """

    def act(ctx: StepContext) -> StepResult:
        return _doctor(ctx, ("positions",) if waive_after and ctx.did(waive_after) else ())

    return Step(
        phase=Phase.VERIFY,
        name="doctor",
        title="Run the doctor's resume gate and the bot's own doctor",
        runbook="checklist 5",
        act=act,
        proves=True,
        perishes=True,
        applies=not_needed,
    )
