"""The doctor's findings as a table for a person, as JSON for a program, and as exit status."""

import itertools
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from exporter.doctor.sections import SECTIONS
from exporter.doctor.verdicts import Check, Status
from exporter.doctor.wording import count

_HEADINGS = {section.stem: section.heading for section in SECTIONS}
_MARKS = {
    Status.PASS: "ok",
    Status.FAIL: "FAIL",
    Status.UNKNOWN: "UNKNOWN",
    Status.NOT_OFFERED: "-",
}
_COMMAND = re.compile("`[^`]+`")
_GLUE = "\x00"
_WORDS = {
    Status.FAIL: "failed",
    Status.UNKNOWN: "could not be made",
    Status.PASS: "passed",
}
_BAD = (Status.FAIL, Status.UNKNOWN)
_MARK_WIDTH = max(map(len, _MARKS.values()))
_INDENT = " " * (2 + _MARK_WIDTH + 2)


def exit_status(checks: Sequence[Check]) -> int:
    """Return 0 if all passed, 1 if something fails, 2 if something, or all, is unknown."""
    found = {check.status for check in checks} - {Status.NOT_OFFERED}
    if Status.FAIL in found:
        return 1
    return 0 if found == {Status.PASS} else 2


def as_json(checks: Sequence[Check], gate: str | None) -> str:
    """Return the report that the remediation's gate reads.

    ``checks`` holds what was checked, ``not_offered`` what there was nothing to check for.
    """
    return json.dumps(
        {
            "ok": exit_status(checks) == 0,
            "gate": gate,
            "checks": [_entry(c) for c in checks if c.status is not Status.NOT_OFFERED],
            "not_offered": [_entry(c) for c in checks if c.status is Status.NOT_OFFERED],
        },
        indent=2,
    )


def _entry(check: Check) -> dict[str, Any]:
    return {
        "bot": check.bot,
        "check": check.check,
        "scenario": check.scenario,
        "ok": check.ok,
        "status": check.status.value,
        "detail": check.detail,
        "advice": check.advice,
    }


def as_table(checks: Sequence[Check], *, verbose: bool, width: int) -> str:
    """Return one bot's failures with advice; with ``verbose`` everything. Empty if nothing."""
    shown = [check for check in checks if verbose or check.status in _BAD]
    if not shown:
        return ""
    parts = [
        "\n".join([_HEADINGS[stem], *_section(tuple(group), width)])
        for stem, group in itertools.groupby(shown, key=lambda check: check.scenario)
    ]
    return "\n\n".join([f"{shown[0].bot}:", *parts])


def _section(checks: Sequence[Check], width: int) -> Iterator[str]:
    names = max(len(check.check) for check in checks)
    for check in checks:
        if check.status in _BAD and not check.first:
            yield from _problem(check, width)
        else:
            yield from _line(check, names, width)


def _problem(check: Check, width: int) -> Iterator[str]:
    """Take the whole width: what is wrong, and then what to do about it."""
    yield f"  {_MARKS[check.status]:<{_MARK_WIDTH}}  {check.check}"
    yield from _wrap(check.detail, _INDENT, _INDENT, width)
    yield from _wrap(check.advice, f"{_INDENT}-> ", f"{_INDENT}   ", width)


def _line(check: Check, names: int, width: int) -> Iterator[str]:
    first = f"  {_MARKS[check.status]:<{_MARK_WIDTH}}  {check.check:<{names}}  "
    yield from _wrap(check.advice if check.first else check.detail, first, " " * len(first), width)


def _wrap(text: str, first: str, rest: str, width: int) -> list[str]:
    """Wrap, but never within a command, which stands between backticks."""
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), text)
    lines = textwrap.wrap(
        whole,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]


def summary(checks: Sequence[Check], *, verbose: bool, width: int) -> str:
    """Return the last words: how many, and whether to resume."""
    counts = {status: sum(check.status is status for check in checks) for status in Status}
    left = counts.pop(Status.NOT_OFFERED)
    made = sum(counts.values())
    parts = [f"{counts[status]} {word}" for status, word in _WORDS.items() if counts[status]]
    if not made:
        first = "Nothing was checked."
    elif counts[Status.PASS] == made:
        first = f"All {made} checks passed."
    else:
        first = f"{count(made, 'check')}: {', '.join(parts)}. Do not resume."
    if not left:
        return first
    rest = f"{left} more found nothing to check" + ("." if verbose else "; --verbose says why.")
    return "\n".join([first, *_wrap(rest, "", "", width)])
