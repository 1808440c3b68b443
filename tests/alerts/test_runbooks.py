"""The runbooks: one section per alert, complete and reachable from the alert."""

import re
from collections.abc import Mapping

import pytest

from tests.alerts.rulefiles import ALERTS, RULES, Rule

# One place to change when the project gets a public address: sed over alerts/.
_BASE = "https://example.invalid/tradewarden/alerts/runbooks/"
_HEADINGS = [
    "Meaning",
    "Impact",
    "Diagnosis",
    "Mitigation",
    "What Tradewarden does",
    "When to take over",
]
_STEMS = sorted({rule.stem for rule in RULES})


def _sections(stem: str) -> Mapping[str, Mapping[str, str]]:
    """Alert → heading → text of one runbook."""
    text = (ALERTS / "runbooks" / f"{stem}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    sections = {}
    for alert, body in zip(parts[::2], parts[1::2], strict=True):
        pieces = re.split(r"^### (.+)$", body, flags=re.MULTILINE)
        sections[alert] = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return sections


@pytest.mark.parametrize("rule", RULES, ids=[rule.alert for rule in RULES])
def test_runbook_url_leads_to_the_alerts_section(rule: Rule) -> None:
    """The link in the page opens the file and section about this very alert."""
    assert rule.annotations["runbook_url"] == f"{_BASE}{rule.stem}.md#{rule.alert.lower()}"
    assert rule.alert in _sections(rule.stem)


@pytest.mark.parametrize("stem", _STEMS)
def test_every_section_answers_every_question(stem: str) -> None:
    """Each section has the same six headings in order, each with text, none to be written."""
    for alert, headings in _sections(stem).items():
        assert list(headings) == _HEADINGS, alert
        for heading, text in headings.items():
            assert text.strip(), f"{alert}: {heading}"
            assert not re.search(r"TODO|TBD|FIXME", text), f"{alert}: {heading}"


@pytest.mark.parametrize("stem", _STEMS)
def test_no_section_without_its_alert(stem: str) -> None:
    """A runbook describes no alert that does not exist any more."""
    assert set(_sections(stem)) == {rule.alert for rule in RULES if rule.stem == stem}


def test_stems_agree() -> None:
    """Every rule file has its tests and its runbook, under the same stem."""
    for folder, suffix in (("rules", "yml"), ("tests", "yml"), ("runbooks", "md")):
        found = sorted(path.stem for path in (ALERTS / folder).glob(f"*.{suffix}"))
        assert found == _STEMS, folder
