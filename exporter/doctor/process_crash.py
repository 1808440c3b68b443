"""Runbook 6: does the bot's one live process run, and does it still do anything?"""

import time

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import Question, Verdict, failed, judged, passed
from exporter.doctor.wording import span
from exporter.readings import ExitKind
from exporter.sources import bot as bot_source

_TWO = (
    "runbook 6 step 2: two bots trade one account. Engage the kill switch (`touch {flag}`), stop"
    " one of them, and compare positions with the exchange."
)
_DOWN = (
    "runbook 6 step 1: `{journal}`; then step 2, compare positions with the exchange, before"
    " anybody starts it again."
)


def _process(patient: Patient) -> Verdict:
    reading = patient.process.get()
    if not reading.up:
        ended = "" if reading.last_exit is ExitKind.RUNNING else f", {_ended(reading.last_exit)}"
        return failed(f"{reading.detail}{ended}", _DOWN)
    if len(reading.pids) > 1:
        pids = ", ".join(map(str, reading.pids))
        return failed(f"{reading.detail}: {pids}", _TWO)
    return passed(reading.detail)


def _ended(last_exit: ExitKind) -> str:
    return {
        ExitKind.CLEAN: "it was stopped properly",
        ExitKind.UNCLEAN: "its last run ended without a proper shutdown",
    }.get(last_exit, "how its last run ended is not known")


def _heartbeat(patient: Patient) -> Verdict:
    age = time.time() - bot_source.read_heartbeat(patient.bot)
    limit = patient.bot.heartbeat.max_age_seconds
    return judged(age <= limit, f"{span(age)} ago, limit {span(limit)}")


QUESTIONS = (
    Question("process", _process, _DOWN),
    Question(
        "heartbeat",
        _heartbeat,
        "runbook 6 step 1: if it runs it may hang: `tail -100 {logs}`, and look at where its"
        " threads stand before it is ended.",
    ),
)
