"""What is printed of checks, by hand-made ones."""

import io
import json
import threading
import time

import pytest

from exporter.doctor import report
from exporter.doctor.look import Look
from exporter.doctor.progress import Progress
from exporter.doctor.verdicts import Check, Status
from exporter.doctor.wording import count, listing, size, span
from exporter.errors import Reason, SourceError


def _check(status: Status, name: str = "clock", **changes: str) -> Check:
    return Check("alpha", name, "clock_drift", status, **{"detail": "said", **changes})


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((Status.PASS, Status.NOT_OFFERED), 0),
        ((Status.PASS, Status.UNKNOWN), 2),
        ((Status.UNKNOWN, Status.FAIL, Status.PASS), 1),
        ((Status.NOT_OFFERED,), 2),
        ((), 2),
    ],
)
def test_the_exit_status(statuses: tuple[Status, ...], code: int) -> None:
    """A failure before the unknown, and nothing is no pass."""
    checks = [_check(status) for status in statuses]
    assert report.exit_status(checks) == code
    assert json.loads(report.as_json(checks, None))["ok"] is (code == 0)


def test_what_was_not_offered_is_no_check_in_json() -> None:
    """The gate counts everything in ``checks`` that is not ok."""
    body = json.loads(report.as_json([_check(Status.PASS), _check(Status.NOT_OFFERED)], "resume"))
    assert [check["status"] for check in body["checks"]] == ["pass"]
    assert [check["status"] for check in body["not_offered"]] == ["not_offered"]


def test_lines_are_wrapped_and_commands_are_not() -> None:
    """What is to be copied stays in one piece, however long."""
    command = f"`curl -I http://{'long.' * 20}example/api -H 'X: y'`"
    check = _check(Status.FAIL, detail="word " * 60, advice=f"{'do ' * 30}{command} and more")
    lines = report.as_table([check], verbose=False, width=80).splitlines()
    (whole,) = [line for line in lines if "curl" in line]
    assert whole.strip() == command
    assert all(len(line) <= 80 for line in lines if line is not whole)


def test_a_check_that_waits_for_another_is_one_line() -> None:
    """Its own detail and advice would only repeat the cause."""
    check = _check(Status.UNKNOWN, advice="first put right: network", first="network")
    text = report.as_table([check], verbose=False, width=80)
    assert text.splitlines()[-1] == "  UNKNOWN  clock  first put right: network"


def test_nothing_wrong_is_nothing_to_print() -> None:
    """Unless everything is wanted."""
    checks = [_check(Status.PASS), _check(Status.NOT_OFFERED)]
    assert report.as_table(checks, verbose=False, width=80) == ""
    assert "  ok       clock  said" in report.as_table(checks, verbose=True, width=80)


def test_spans_sizes_counts_and_lists() -> None:
    """In words that a person would use."""
    assert [span(s) for s in (0.04, 12, 180, -7200 * 2, 86400 * 40)] == [
        *("0.0 s", "12 s", "3 min", "-4 h", "40 days"),
    ]
    assert [size(n) for n in (5, 2048, 1 << 30, 3 << 40)] == [
        "5 B",
        "2.0 KiB",
        "1.0 GiB",
        "3.0 TiB",
    ]
    assert (count(1, "file"), count(0, "file")) == ("1 file", "0 files")
    assert listing(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_waits_a_moment_and_keeps_silent_elsewhere() -> None:
    """A line that comes and goes within a second is only a flicker."""
    now = [0.0]
    terminal, file = _Terminal(), io.StringIO()
    for stream in (terminal, file):
        progress = Progress(stream, monotonic=lambda: now[0])
        now[0] = 0.0
        progress.show(["alpha: a"])
        assert stream.getvalue() == ""
        now[0] = 2.0
        progress.show(["alpha: a", "alpha: b", "alpha: c", "alpha: d"])
        progress.clear()
    assert file.getvalue() == ""
    assert "2 s: checking alpha: a, alpha: b, alpha: c and 1 more" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_look_is_made_once_and_its_failure_is_everybodys() -> None:
    """However many ask at the same time."""
    made: list[int] = []

    def read() -> int:
        made.append(1)
        time.sleep(0.05)
        raise SourceError(Reason.MISSING, "gone")

    look = Look(read)
    failures: list[SourceError] = []

    def ask() -> None:
        with pytest.raises(SourceError) as caught:
            look.get()
        failures.append(caught.value)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(failures) == 5
    assert Look(lambda: 3).get() == 3
