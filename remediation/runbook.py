"""The runbook's sections in short: which steps a person would take, and what prevents a repeat.

The numbers are those of recovery-procedures.md; ``Step.runbook`` points at them as
``2 step 1``, ``3 steps 2 and 3``, ``2 detection`` or, in the closing checklist,
``checklist 5``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One section: its heading, its steps by number, and its prevention.

    ``resume`` is the step that the shared checklist's 5 and 6 carry out.
    """

    heading: str
    steps: Mapping[str, str]
    prevention: tuple[str, ...]
    resume: str = ""


CHECKLIST = Section(
    heading="Recovery Checklist Template",
    steps={
        "1": "Identify the problem: logs, system, status page",
        "2": "Stop the bleeding: kill switch, close by hand if required",
        "3": "Assess impact: positions, losses, document",
        "4": "Fix root cause and test the fix",
        "5": "Verify system health: every check of the doctor passes",
        "6": "Resume: dry-run first, monitor closely for the first hour",
        "7": "Post-incident: document, prevent, update the runbook",
    },
    prevention=(),
)

_SECTIONS: Mapping[str, Section] = {
    "clock_drift": Section(
        heading="2. Clock Drift",
        steps={
            "detection": "Measure the offset against both thresholds",
            "1": "Sync the system clock",
            "2": "Verify the sync against the exchange's time",
            "3": "Resume: clear the kill switch if it was triggered, doctor, start",
        },
        resume="3",
        prevention=(
            "Run an NTP daemon that disciplines the clock continuously.",
            "Let the bot check its clock more often (clock_sync.refresh_sec).",
        ),
    ),
    "kill_switch": Section(
        heading="3. Kill Switch Triggered",
        steps={
            "1": "Identify the cause: state file and recent logs",
            "2": "Resolve the root cause",
            "3": "Clear the kill switch; resetting counters is optional",
            "4": "Verify positions at the exchange against the local state",
            "5": "Resume: doctor, dry-run, live",
        },
        resume="5",
        prevention=(
            "Set thresholds that fit the strategy.",
            "Watch error rates, so that the limit is not the first sign.",
            "Keep the alert on kill-switch activation.",
        ),
    ),
    "process_crash": Section(
        heading="6. Process Crash",
        steps={
            "1": "Check what happened: unit journal, logs, core dumps",
            "2": "Check for orphan positions",
            "3": "Handle orphan positions: close all, or reconcile",
            "4": "Investigate the root cause: memory, exception, system",
            "5": "Resume: doctor, start",
        },
        resume="5",
        prevention=(
            "Run the bot under a process supervisor that restarts it.",
            "Keep monitoring and alerts on the process.",
            "Give the host enough memory and disk.",
        ),
    ),
}


def section_of(scenario: str) -> Section | None:
    """The section a scenario's playbook implements."""
    return _SECTIONS.get(scenario)
