"""All checks, in the runbook's order."""

from dataclasses import dataclass

from exporter.doctor import (
    api_key,
    clock_drift,
    data_corruption,
    exchange_maintenance,
    general,
    kill_switch,
    memory_exhaustion,
    network_disconnection,
    partial_fills,
    position_mismatch,
    process_crash,
)
from exporter.doctor.verdicts import Question
from exporter.scenarios import find


@dataclass(frozen=True)
class Section:
    """The checks of one scenario; ``stem`` is empty for those of none."""

    stem: str
    questions: tuple[Question, ...]

    @property
    def heading(self) -> str:
        """The runbook's, with its number."""
        scenario = find(self.stem)
        return "General" if scenario is None else scenario.heading


SECTIONS = (
    Section("", general.QUESTIONS),
    Section("network_disconnection", network_disconnection.QUESTIONS),
    Section("clock_drift", clock_drift.QUESTIONS),
    Section("kill_switch", kill_switch.QUESTIONS),
    Section("partial_fills", partial_fills.QUESTIONS),
    Section("exchange_maintenance", exchange_maintenance.QUESTIONS),
    Section("process_crash", process_crash.QUESTIONS),
    Section("data_corruption", data_corruption.QUESTIONS),
    Section("api_key", api_key.QUESTIONS),
    Section("position_mismatch", position_mismatch.QUESTIONS),
    Section("memory_exhaustion", memory_exhaustion.QUESTIONS),
)

BY_NAME = {question.name: question for section in SECTIONS for question in section.questions}
