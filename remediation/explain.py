"""A playbook beside the runbook section it implements, for a person to compare."""

import re
from collections.abc import Iterator

from remediation.playbooks.base import Authority, Phase, Playbook, Step
from remediation.runbook import CHECKLIST, Section, section_of

_WORDS = {
    Authority.AUTOMATIC: "by itself",
    Authority.GUARDED: "by itself, guarded",
    Authority.HUMAN: "after a person approves",
}


def explain(playbook: Playbook) -> str:
    """The steps in order, then each line of the runbook with the steps that do it."""
    return "\n".join((*_playbook(playbook), *_runbook(playbook))) + "\n"


def implements(step: Step, part: str, number: str) -> bool:
    """Whether a step names this line of the runbook: ``2 step 1``, ``checklist 5``."""
    where, _, rest = step.runbook.partition(" ")
    return where == part and number in re.findall(r"\d+|detection", rest)


def _resumes(step: Step) -> bool:
    return step.phase is Phase.RESUME or implements(step, "checklist", "5")


def _playbook(playbook: Playbook) -> Iterator[str]:
    yield f"{playbook.scenario}: runbook section {playbook.section}"
    repeat = "put off" if playbook.cools_down else "taken at once"
    yield f"Precedence {playbook.precedence}, lower goes first. A repeat soon after is {repeat}."
    for phase in Phase:
        yield ""
        yield f"{int(phase)} {phase.name.lower()}"
        steps = [step for step in playbook.steps if step.phase is phase]
        if not steps:
            yield "    no step"
        for step in steps:
            yield f"    {step.name:<20} {step.title}"
            yield f"    {'':<20} {', '.join(_properties(step))}"


def _properties(step: Step) -> Iterator[str]:
    yield _WORDS[step.authority]
    if step.changes:
        yield "changes something"
    if step.exposure:
        yield "lets the bot trade again"
    if step.budget is not None:
        yield f"counted as {step.budget}"
    if step.min_severity > 0:
        yield f"from severity {step.min_severity.name.lower()} on"
    yield f"runbook {step.runbook}"


def _runbook(playbook: Playbook) -> Iterator[str]:
    section = section_of(playbook.scenario)
    if section is not None:
        yield from _section(playbook, section.heading.partition(".")[0], section)
    yield from _section(playbook, "checklist", CHECKLIST)


def _section(playbook: Playbook, part: str, section: Section) -> Iterator[str]:
    yield ""
    yield f"Runbook: {section.heading}"
    for number, words in section.steps.items():
        doing = [
            step.name
            for step in playbook.steps
            if implements(step, part, number)
            or (part == "checklist" and number == str(int(step.phase)))
            or (number == section.resume and _resumes(step))
        ]
        yield f"    {number:<10} {words}"
        yield f"    {'':<10} -> {', '.join(doing) or 'not by this playbook'}"
