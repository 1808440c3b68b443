"""What no single scenario covers: the configuration, and the bot's own doctor."""

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import Question, Verdict, failed, judged, not_offered, passed
from exporter.sources import bot as bot_source

# Starting and ending it takes time, too.
_GRACE_SECONDS = 10.0


def _configuration(patient: Patient) -> Verdict:
    settings, bot = patient.settings.get(), patient.bot
    if not settings.readable:
        return failed(settings.detail)
    if not bot_source.path(bot, ".").is_dir():
        return failed(f"{bot.root} is not a directory")
    return passed(f"mode {bot.mode}, {bot.venue.kind}")


def _own_doctor(patient: Patient) -> Verdict:
    if not patient.bot.commands.doctor:
        return not_offered("commands.doctor is not configured")
    if patient.nested:
        return not_offered("this is the bot's own doctor")
    reading = patient.own_doctor()
    said = " | ".join(reading.lines)
    return judged(
        reading.status == 0, f"exit status {reading.status}" + (f": {said}" if said else "")
    )


QUESTIONS = (
    Question(
        "configuration",
        _configuration,
        "correct the bot's own configuration file, or root and bot_config in ours; until then its"
        " limits are not known.",
        gate=True,
    ),
    Question(
        "bot's own doctor",
        _own_doctor,
        "runbook checklist 5: run it by hand in {root} and follow what it says: `{doctor}`",
        gate=True,
        seconds=lambda patient: patient.config.remediation.command_seconds + _GRACE_SECONDS,
    ),
)
