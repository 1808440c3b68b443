"""Runbook 10: how much memory is left, for the bot and for its host?"""

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import Question, Verdict, judged, not_offered, unknown
from exporter.doctor.wording import size

# The same as the rule for it: from here on the kernel drops what it needs, and then kills.
_LOW_RATIO = 0.05


def _bot_memory(patient: Patient) -> Verdict:
    process = patient.process.get()
    if not process.pids:
        return not_offered("the bot does not run")
    memory = patient.memory.get()
    if memory is None:
        return unknown("its process has just ended")
    if memory.limit_bytes is None:
        return not_offered(
            f"the bot has no memory limit (memory.limit_bytes); it uses {size(memory.used_bytes)}"
        )
    ratio, warn = memory.used_bytes / memory.limit_bytes, patient.bot.memory.warn_ratio
    said = (
        f"{size(memory.used_bytes)} of {size(memory.limit_bytes)} ({memory.limit_kind}) are used,"
        f" {ratio:.0%}, limit {warn:.0%}"
    )
    if memory.oom_kills:
        said += f"; the kernel has killed {memory.oom_kills} of its processes"
    return judged(ratio <= warn, said)


def _host_memory(patient: Patient) -> Verdict:
    host = patient.host.memory.get()
    ratio = host.available_bytes / host.memory_bytes if host.memory_bytes else 0.0
    said = f"{size(host.available_bytes)} of {size(host.memory_bytes)} are available, {ratio:.0%}"
    if host.oom_kills:
        said += f"; the kernel has killed {host.oom_kills} processes for it since boot"
    return judged(ratio >= _LOW_RATIO, said)


QUESTIONS = (
    Question(
        "bot's memory",
        _bot_memory,
        "runbook 10 step 2: restart it between two bars, with a limit (`ulimit -v`, or MemoryMax in"
        " its unit); step 3: smaller batch_size, n_steps and lookback_bars.",
    ),
    Question(
        "host's memory",
        _host_memory,
        "runbook 10 step 1: `free -h`, then `ps aux --sort=-%mem | head -20`; end what does not"
        " belong there before the kernel chooses.",
    ),
)
