"""The incident report: Markdown for the file that people keep, JSON for programs."""

import contextlib
import html
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from remediation.dossier import Dossier, clean, full, read_dossier, seconds_of, since_opened
from remediation.errors import JournalError
from remediation.incident import Outcome
from remediation.playbooks.base import Phase, Status
from remediation.redact import redact
from remediation.runbook import section_of
from remediation.services import Services
from remediation.step_log import StepRecord
from remediation.timeline import clock_time, timeline
from remediation.timing import elapsed

_EVIDENCE_LIMIT = 20_000
# What would begin a heading, list, quote, fence, link or table cell.
_MARKUP = re.compile(r"^[#>*+`~-]|[|\[]")

_NEXT: Mapping[Outcome | None, str] = {
    None: "The incident is still open; this is how far it has come.",
    Outcome.RECOVERED: "Nothing has to be done now. Read the phases once and consider the"
    " prevention below.",
    Outcome.CLEARED: "The fault went away before anything was changed. If it comes back, look"
    " for what makes it flap.",
    Outcome.DRY_RUN: "Nothing was changed. Repair by hand along the phases above, or set"
    " remediation.dry_run to false.",
    Outcome.INEFFECTIVE: "The repair was made and the alert still fires: the cause lies"
    " elsewhere. Look at the bot now. After three such runs the scenario stays blocked until"
    " the bot is re-armed.",
    Outcome.UNPROVEN: "The repair was made, but whether the alert ended could not be read."
    " Look at Prometheus and at the bot.",
    Outcome.DENIED: "A person refused a step. What was contained stays contained until he or"
    " somebody else acts.",
    Outcome.INTERRUPTED: "The receiver died in the middle of a step. Whether the step acted is"
    " not known, and it will not be tried again: check what it would have changed.",
    Outcome.ESCALATED: "The playbook stopped. Go on by hand from the last step below; what was"
    " contained stays contained.",
}


def write_report(services: Services, incident_id: str) -> Path:
    """Write ``data_dir/reports/<id>.md`` and ``.json``; returns the first.

    Raises:
        JournalError: there is no such incident, or the journal cannot be read.
        OSError: the files cannot be written.
    """
    dossier = read_dossier(services, incident_id)
    if dossier is None:
        raise JournalError(f"no incident {incident_id}")
    directory = Path(services.config.remediation.data_dir) / "reports"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / f"{incident_id}.md"
    _replace(directory / f"{incident_id}.json", json.dumps(as_json(dossier), indent=2) + "\n")
    _replace(path, markdown(dossier))
    return path


def as_json(dossier: Dossier) -> dict[str, Any]:
    """The report for programs: the API's answer and the chained records."""
    records = [{**record, "body": clean(record["body"])} for record in dossier.records]
    return {**full(dossier), "prevention": list(_prevention(dossier)), "records": records}


def markdown(dossier: Dossier) -> str:
    """The report for people."""
    lines = [
        *_head(dossier),
        *_stages(dossier),
        *_approvals(dossier),
        *_phases(dossier),
        *_timeline(dossier),
        *_end(dossier),
    ]
    return "\n".join(lines) + "\n"


def _head(dossier: Dossier) -> Iterator[str]:
    incident = dossier.incident
    ended = incident.outcome or f"{incident.state}"
    yield f"# {incident.scenario} on {incident.bot} ({incident.mode}): {ended}"
    yield ""
    yield _text(incident.reason)
    yield ""
    yield f"- Incident: `{incident.id}`"
    yield f"- Alert: {_text(incident.alertname)}, {incident.severity.name.lower()}"
    yield f"- Account: {_text(incident.account)}"
    yield f"- Opened: {clock_time(incident.opened.wall)}"
    if incident.closed is not None:
        seconds = elapsed(incident.opened, incident.closed)
        yield f"- Closed: {clock_time(incident.closed.wall)}, after {seconds:.1f} s"
    if incident.wait_for:
        yield f"- Waits for: {_text(incident.wait_for)}"
    yield f"- What to do next: {_NEXT[incident.outcome]}"


def _stages(dossier: Dossier) -> Iterator[str]:
    stages = since_opened(dossier)
    yield from ("", "## Seconds since the alert was accepted", "")
    yield "| " + " | ".join(stages) + " |"
    yield "|" + " --- |" * len(stages)
    values = ("not reached" if value is None else f"{value:.1f}" for value in stages.values())
    yield "| " + " | ".join(values) + " |"


def _approvals(dossier: Dossier) -> Iterator[str]:
    yield from ("", "## Decisions by people", "")
    if not dossier.approvals and not dossier.calls:
        yield "Nobody was asked and nobody was called."
    for approval in dossier.approvals:
        who = f" by {_text(approval.actor)}: {_text(approval.reason)}" if approval.actor else ""
        yield f"- **{_text(approval.title)}**: {approval.state}{who}"
        yield f"  - asked {clock_time(approval.asked.wall)}, bound to `{approval.digest}`"
        for name, value in clean(approval.shown).items():
            yield f"  - {_text(str(name))}: {_text(_compact(value))}"
    for call in dossier.calls:
        ended = "still open" if call.is_open else f"ended by {_text(call.actor)}"
        why = f": {_text(call.reason)}" if call.reason else ""
        yield f"- Called a person ({call.kind}): {_text(call.summary)} ({ended}{why})"


def _phases(dossier: Dossier) -> Iterator[str]:
    yield from ("", "## The seven phases")
    for phase in Phase:
        yield from ("", f"### {int(phase)}. {phase.name.capitalize()}", "")
        steps = dossier.of_phase(phase)
        if not steps:
            yield "No step was taken."
        for step in steps:
            yield from _step(dossier, step)


def _step(dossier: Dossier, step: StepRecord) -> Iterator[str]:
    planned = dossier.planned(step.name)
    title = planned.title if planned is not None else step.name
    status = step.status or "cut off or still running"
    seconds = seconds_of(step)
    took = f", {seconds:.1f} s" if seconds is not None else ""
    authority = f", {planned.authority}" if planned is not None else ""
    runbook = f", runbook {planned.runbook}" if planned is not None else ""
    yield f"- **{_text(title)}** (`{step.name}`{authority}{runbook}): **{status}**{took}"
    if step.summary:
        yield f"  {_text(step.summary)}"
    if step.evidence and step.status is not Status.LATER:
        yield ""
        # JSON never begins a line with a fence, so evidence cannot break out of it.
        evidence = json.dumps(clean(step.evidence), indent=2, ensure_ascii=False)
        yield "  ```json"
        yield from (f"  {line}" for line in _bounded(evidence).splitlines())
        yield "  ```"
        yield ""


def _timeline(dossier: Dossier) -> Iterator[str]:
    yield from ("", "## Timeline (UTC)", "")
    for line in timeline(dossier.records):
        yield f"- {line.at} {_text(line.text)}"


def _end(dossier: Dossier) -> Iterator[str]:
    yield from ("", "## Prevention", "")
    for measure in _prevention(dossier):
        yield f"- {measure}"
    if dossier.records:
        first, last = dossier.records[0], dossier.records[-1]
        yield ""
        yield (
            f"Journal records {first['seq']} to {last['seq']}; the chain's hash at the last one is"
            f" `{last['hash']}`."
        )


def _prevention(dossier: Dossier) -> tuple[str, ...]:
    section = section_of(dossier.incident.scenario)
    return section.prevention if section is not None else ()


def _text(text: str) -> str:
    """One line that cannot become markup of its own."""
    line = html.escape(" ".join(redact(text).split()), quote=False)
    return _MARKUP.sub(r"\\\g<0>", line)


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bounded(text: str) -> str:
    if len(text) <= _EVIDENCE_LIMIT:
        return text
    return (
        f"{text[:_EVIDENCE_LIMIT]}\n... {len(text) - _EVIDENCE_LIMIT} characters more in the JSON"
    )


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
