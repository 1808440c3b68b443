"""The report and the pages: what they tell, and that nothing in them can act."""

import json
import re
from pathlib import Path

import pytest

from remediation.ending import close
from remediation.errors import JournalError
from remediation.incident import Outcome, State
from remediation.playbooks.base import Status, done, failed
from remediation.report import write_report
from tests.pipeline.receiver import ALICE_TOKEN, Receiver
from tests.pipeline.story import asked, recovered, running, take

NASTY = "# heading <script>alert(1)</script> | **x** `y`\n# heading\n```\n[a](b)"
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


def test_a_report_has_everything_a_person_would_file(receiver: Receiver) -> None:
    """Headline, outcome, seconds, seven phases in order, timeline, prevention, next step."""
    incident = recovered(receiver)
    path = write_report(receiver.services, incident.id)
    text = path.read_text()
    assert path == Path(receiver.config.remediation.data_dir) / "reports" / f"{incident.id}.md"
    assert text.startswith("# clock_drift on alpha (paper): recovered\n")
    phases = re.findall(r"^### (\d)\. (\w+)$", text, re.MULTILINE)
    assert phases == [
        ("1", "Identify"),
        ("2", "Contain"),
        ("3", "Assess"),
        ("4", "Fix"),
        ("5", "Verify"),
        ("6", "Resume"),
        ("7", "Review"),
    ]
    assert "| webhook | contained | fixed | verified | resumed |" in text
    assert "not reached" not in text
    assert "(`resync`, guarded, runbook 2 step 1): **done**" in text
    assert "-1021 Timestamp" in text
    assert "What to do next: Nothing has to be done now" in text
    assert "Run an NTP daemon" in text
    assert "Nobody was asked and nobody was called." in text
    last = receiver.services.journal.records(incident.id)[-1]
    assert f"`{last['hash']}`" in text


def test_the_json_report_is_the_api_with_the_records(receiver: Receiver) -> None:
    """Programs read the same facts, and the chain's records beside them."""
    incident = recovered(receiver)
    found = json.loads(
        write_report(receiver.services, incident.id).with_suffix(".json").read_text()
    )
    served = receiver.get(f"/incidents/{incident.id}").json()
    assert {key: found[key] for key in served} == served
    records = receiver.services.journal.records(incident.id)
    assert [r["hash"] for r in found["records"]] == [r["hash"] for r in records]


def test_the_report_is_served(receiver: Receiver) -> None:
    """The API gives the report of an open incident, too, as far as it has come."""
    incident = receiver.open_incident()
    answer = receiver.get(f"/incidents/{incident}/report")
    assert answer.headers["Content-Type"].startswith("text/markdown")
    assert answer.text.startswith("# clock_drift on alpha (paper): queued\n")
    assert "still open" in answer.text
    assert "No step was taken." in answer.text


def test_decisions_name_actor_reason_and_what_was_bound(receiver: Receiver) -> None:
    """Who let it happen, why, and on exactly what."""
    incident, approval = asked(receiver)
    body = {"reason": "positions are flat", "digest": approval.digest}
    receiver.post(f"/approvals/{approval.id}/approve", body)
    text = receiver.get(f"/incidents/{incident.id}/report").text
    assert f"**{approval.title}**: approved by alice: positions are flat" in text
    assert f"bound to `{approval.digest}`" in text
    assert "  - price: 84000.10" in text
    assert "Called a person (TradewardenApprovalNeeded)" in text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_says_what_to_do_next(receiver: Receiver, outcome: Outcome) -> None:
    """No report ends without a next step."""
    incident = running(receiver)
    close(receiver.services, incident, State.RUNNING, outcome, "test")
    text = receiver.get(f"/incidents/{incident.id}/report").text
    assert re.search(r"^- What to do next: \w.{20,}", text, re.MULTILINE)


def test_a_step_cut_off_is_shown_as_such(receiver: Receiver) -> None:
    """An intent without a result is the most important line of such a report."""
    incident = running(receiver)
    step = receiver.services.playbooks["clock_drift"].steps[0]
    receiver.services.steps.intend(incident.id, step)
    text = receiver.get(f"/incidents/{incident.id}/report").text
    assert "**cut off or still running**" in text


def test_text_from_outside_cannot_become_markup(receiver: Receiver) -> None:
    """Log lines and reasons stay text: no HTML, no headings, no way out of a code block."""
    incident = running(receiver, alertname="<b>x</b>", instance=NASTY)
    take(receiver.services, incident, "evidence", failed(NASTY, error_lines=[NASTY, "```"]))
    close(receiver.services, incident, State.RUNNING, Outcome.ESCALATED, NASTY)
    text = receiver.get(f"/incidents/{incident.id}/report").text
    outside = re.sub(r"^  ```json\n.*?^  ```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<script>" not in outside
    assert "<b>" not in outside
    assert not re.search(r"^ *# heading", outside, re.MULTILINE)
    assert "\\[a](b)" in outside
    assert re.findall(r"^ *```\w*$", text, re.MULTILINE) == ["  ```json", "  ```"]
    page = receiver.http.get(f"/incidents/{incident.id}").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_secrets_do_not_reach_report_page_or_api(receiver: Receiver) -> None:
    """What looks like a key is taken out wherever the incident is shown."""
    incident = running(receiver)
    take(
        receiver.services,
        incident,
        "evidence",
        done(f"api_key={KEY}", log_tail=[f"X-MBX-APIKEY: {KEY}", {"signature": KEY}]),
    )
    close(receiver.services, incident, State.RUNNING, Outcome.ESCALATED, f"secret={KEY}")
    path = write_report(receiver.services, incident.id)
    shown = [
        path.read_text(),
        path.with_suffix(".json").read_text(),
        receiver.get(f"/incidents/{incident.id}").text,
        receiver.get("/incidents").text,
        receiver.http.get(f"/incidents/{incident.id}").text,
        receiver.http.get("/").text,
    ]
    for text in shown:
        assert KEY not in text
        assert ALICE_TOKEN not in text


def test_a_report_is_replaced_whole(receiver: Receiver) -> None:
    """A second one takes the first one's place and leaves no temporary file."""
    incident = recovered(receiver)
    path = write_report(receiver.services, incident.id)
    path.write_text("old")
    assert write_report(receiver.services, incident.id).read_text() != "old"
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == [f"{incident.id}.json", f"{incident.id}.md"]


def test_a_report_of_nothing_is_an_error(receiver: Receiver) -> None:
    """An unknown incident writes no file."""
    with pytest.raises(JournalError, match="no incident"):
        write_report(receiver.services, "nothing")
    assert not (Path(receiver.config.remediation.data_dir) / "reports").exists()


def test_large_evidence_is_bounded_in_the_text(receiver: Receiver) -> None:
    """The Markdown stays readable; the JSON has it all."""
    incident = running(receiver)
    lines = [f"line {number} " + "x" * 90 for number in range(2000)]
    take(receiver.services, incident, "evidence", done("much", error_lines=lines))
    path = write_report(receiver.services, incident.id)
    assert len(path.read_text()) < 60_000
    assert "characters more in the JSON" in path.read_text()
    assert "line 1999" in path.with_suffix(".json").read_text()


def test_the_front_page_shows_what_needs_somebody(receiver: Receiver) -> None:
    """Open and recent incidents, bots, and the exact command for what waits."""
    done_one = recovered(receiver)
    waiting, approval = asked(receiver)
    text = receiver.http.get("/").text
    assert f'href="/incidents/{done_one.id}"' in text
    assert f'href="/incidents/{waiting.id}"' in text
    assert f"tradewarden-remediation approve {approval.id}" in text
    assert f"--config.file={receiver.config_path}" in text
    assert "Nothing can be approved on this page" in text
    assert all(name in text for name in ("alpha", "beta", "84000.10"))
    assert "Dry-run:" not in text


def test_an_incident_page_shows_seven_phases(receiver: Receiver) -> None:
    """In the runbook's order, with status and evidence."""
    incident = recovered(receiver)
    text = receiver.http.get(f"/incidents/{incident.id}").text
    found = re.findall(r"<h2>(\d)\. (\w+)</h2>", text)
    assert [number for number, _ in found] == list("1234567")
    assert "Slew the local clock" in text
    assert "-1021 Timestamp" in text


@pytest.mark.parametrize("path", ["/", "/incidents/{id}"])
def test_pages_need_no_script_and_allow_none(receiver: Receiver, path: str) -> None:
    """The policy forbids everything but the page's own style; no form leads anywhere."""
    incident = recovered(receiver)
    answer = receiver.http.get(path.format(id=incident.id))
    policy = answer.headers["Content-Security-Policy"]
    (nonce,) = re.findall(r"style-src 'nonce-([\w-]+)'", policy)
    assert f'<style nonce="{nonce}">' in answer.text
    assert "default-src 'none'" in policy
    assert "<script" not in answer.text
    assert "<form" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_results_keep_the_status_that_the_step_gave(receiver: Receiver) -> None:
    """What a dry run would have done is said as such."""
    incident = running(receiver)
    step = next(s for s in receiver.services.playbooks["clock_drift"].steps if s.changes)
    step_id = receiver.services.steps.intend(incident.id, step)
    would = done("dry-run: would pause")
    receiver.services.steps.finish(
        incident.id, step_id, step, type(would)(Status.WOULD, would.summary)
    )
    found = receiver.get(f"/incidents/{incident.id}").json()
    assert found["phases"][1]["steps"][0]["status"] == "would"
    assert found["stages"]["contained"] is None
