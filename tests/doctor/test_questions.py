"""The list of checks: complete, unambiguous, and each with the runbook's next step."""

import re
from pathlib import Path

import pytest

from exporter.doctor import network_disconnection
from exporter.doctor.places import places
from exporter.doctor.sections import BY_NAME, SECTIONS
from exporter.doctor.verdicts import Question
from exporter.readings import NetworkFault
from exporter.scenarios import SCENARIOS
from tests.sources.bots import make_bot

_QUESTIONS = [question for section in SECTIONS for question in section.questions]


def test_every_scenario_has_checks_in_the_runbooks_order() -> None:
    """General ones first."""
    assert [section.stem for section in SECTIONS] == ["", *(one.stem for one in SCENARIOS)]
    assert all(section.questions for section in SECTIONS)
    assert [section.heading for section in SECTIONS[1:]] == [one.heading for one in SCENARIOS]


def test_names_are_unique() -> None:
    """The remediation waives checks by name."""
    assert len(BY_NAME) == len(_QUESTIONS)


@pytest.mark.parametrize("question", _QUESTIONS, ids=lambda question: question.name)
def test_advice_can_be_filled_and_names_its_section(question: Question) -> None:
    """For a bot with nothing configured, and for one with everything."""
    stems = {one.name: section for section in SECTIONS for one in section.questions}
    number = stems[question.name].heading.split(".")[0]
    plain = make_bot(Path("/bots/a"))
    rich = make_bot(
        Path("/bots/{odd}"),
        process={"systemd_unit": "bot.service"},
        commands={
            "backup": ["save it"],
            "doctor": ["check", "--all"],
            "refresh_filters": ["fetch"],
            "download_data": ["load"],
            "resync_clock": {"slew": ["slew-clock", "now"]},
        },
    )
    for bot in (plain, rich):
        text = question.advice.format_map(places(bot))
        assert "{" not in text.replace("{odd}", "")
        assert text.count("`") % 2 == 0
    if number != "General" and question.name != "exchange reachable":
        assert f"runbook {number}" in question.advice
    assert question.name == "configuration" or "runbook" in question.advice


@pytest.mark.parametrize("fault", [fault for fault in NetworkFault if fault is not fault.NONE])
def test_every_network_fault_has_words_and_a_next_step(fault: NetworkFault) -> None:
    """Whose it is, and what to do."""
    assert fault in network_disconnection.BLAME
    advice = network_disconnection.NEXT.get(fault, network_disconnection.STATUS_PAGE)
    assert re.match(r"runbook [15] step \d", advice.format_map(places(make_bot(Path("/b")))))


def test_what_a_check_needs_exists_and_leads_nowhere_in_a_circle() -> None:
    """So that a cause can be found by going from one to the next."""
    for question in _QUESTIONS:
        seen, pending = set(), list(question.needs)
        while pending:
            name = pending.pop()
            assert name != question.name
            if name not in seen:
                seen.add(name)
                pending.extend(BY_NAME[name].needs)


def test_what_the_gate_needs_is_asked_at_the_gate() -> None:
    """But for the rate limit, which the clock's own failure tells there."""
    for question in _QUESTIONS:
        for name in question.needs if question.gate else ():
            assert BY_NAME[name].gate or name == "rate limit"
