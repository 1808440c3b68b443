"""Which results of a run still stand, and so which step comes next."""

from collections.abc import Sequence

from remediation.incident import Severity
from remediation.playbooks.base import Playbook, Status, Step, StepResult
from remediation.step_log import StepRecord
from remediation.timing import Moment, elapsed

_ENDS = (Status.STOP, Status.FAILED, Status.REFUSED)


def settled(
    records: Sequence[StepRecord],
    playbook: Playbook,
    severity: Severity,
    present: Moment,
    fresh_seconds: float,
) -> dict[str, StepResult]:
    """What need not be done again, by step name.

    1. A result stands; what acted is never done again.
    2. A verification perishes (design §7: a run that waits re-reads every precondition
       on return), until trading is resumed: then it has served its turn.
    3. Behind a step that is still to be taken, or was taken later, because it perished
       or because the incident has become worse, only what acted stands: what was
       skipped or read there was so under other circumstances.
    4. What ended the run always stands.

    Args:
        records: the incident's steps, in order.
        playbook: whose steps they are.
        severity: the incident's, now; steps below their minimum do not count as open.
        present: now.
        fresh_seconds: how long a verification is believed.
    """
    by_name = {step.name: step for step in playbook.steps}
    resumed = any(
        record.status is Status.DONE and record.name in by_name and by_name[record.name].resumes
        for record in records
    )
    found: dict[str, tuple[int, StepResult]] = {}
    for number, record in enumerate(records):
        step = by_name.get(record.name)
        perishes = step is not None and step.perishes and not resumed
        stale = perishes and elapsed(record.ended, present) > fresh_seconds
        if stale and record.status is Status.DONE:
            found.pop(record.name, None)
        elif record.result is not None:
            found[record.name] = (number, record.result)
    return _without_what_came_first(found, playbook, severity)


def _without_what_came_first(
    found: dict[str, tuple[int, StepResult]], playbook: Playbook, severity: Severity
) -> dict[str, StepResult]:
    """Rule 3, along the playbook's order; ``found`` holds each result's place in time."""
    standing: dict[str, StepResult] = {}
    behind_open, latest = False, -1
    for step in playbook.steps:
        if step.name not in found:
            behind_open = behind_open or severity >= step.min_severity
            continue
        number, result = found[step.name]
        overtaken = behind_open or number < latest
        if not overtaken or result.status in _ENDS or _acted(step, result):
            standing[step.name] = result
            latest = max(latest, number)
    return standing


def _acted(step: Step, result: StepResult) -> bool:
    return step.changes and not step.proves and result.status is Status.DONE
