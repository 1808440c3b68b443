"""Runbook 3: is the kill switch engaged?"""

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import Question, Verdict, failed, passed
from exporter.sources import bot as bot_source

_PAUSED = (
    "runbook checklist 2: it is Tradewarden's own pause: see its incident with"
    " `tradewarden-remediation incidents`. Whoever resumes lifts it."
)


def _kill_switch(patient: Patient) -> Verdict:
    """Judge from one look, which cannot tell a state that was lost from one that never was.

    The runbook lets a person remove the state file (section 3 step 3), so its absence alone does
    not fail; whoever has seen it before, as exporter and receiver do, is stricter. Before a start
    our own pause is no obstacle: who starts lifts it.
    """
    reading = bot_source.read_kill_switch(patient.bot, seen=False)
    if reading.engaged:
        return failed(reading.reason)
    if reading.paused and not patient.gate:
        return failed(reading.reason, _PAUSED)
    return passed(reading.reason)


QUESTIONS = (
    Question(
        "kill switch",
        _kill_switch,
        "runbook 3 step 1: find the cause in `cat {state}` and in"
        " `grep -i 'kill\\|error\\|trigger' {logs} | tail -50`, and resolve that first. Only a"
        " person releases the switch.",
        gate=True,
    ),
)
