"""The receiver's own metrics: complete from the start, linted, and true to the journal."""

import subprocess
from pathlib import Path

import pytest

from remediation import __version__
from tests.pipeline.receiver import Receiver, alert_json, payload
from tests.pipeline.story import asked, recovered
from tests.tools import find_tool

GOLDEN = Path(__file__).parent.parent / "golden" / "remediation.prom"
PREFIX = "tradewarden_remediation_"


def scrape(receiver: Receiver) -> str:
    """The text as Prometheus gets it."""
    answer = receiver.http.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def value(receiver: Receiver, series: str) -> float:
    """One series' value."""
    start = f"{PREFIX}{series} "
    (line,) = [line for line in scrape(receiver).splitlines() if line.startswith(start)]
    return float(line.removeprefix(start))


def test_a_fresh_receiver_has_every_series(receiver: Receiver, pytestconfig: pytest.Config) -> None:
    """Every label value is there before its first event; the golden file is all of it."""
    text = scrape(receiver).replace(f'version="{__version__}"', 'version="VERSION"')
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_promtool_finds_nothing_to_lint(receiver: Receiver) -> None:
    """Names, units and help texts follow Prometheus' own rules."""
    program = find_tool("promtool")
    if program is None:
        pytest.fail("promtool is not installed; `make tools` says how to get it")
    recovered(receiver)
    asked(receiver)
    ended = subprocess.run(
        [program, "check", "metrics"],
        input=scrape(receiver),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_no_creation_times(receiver: Receiver) -> None:
    """``_created`` series double the volume and tell nobody anything, in either format."""
    recovered(receiver)
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    assert "_created" not in scrape(receiver)
    answer = receiver.http.get("/metrics", headers=accept)
    assert "openmetrics" in answer.headers["Content-Type"]
    assert "_created" not in answer.text
    assert answer.text.endswith("# EOF\n")


def test_counts_follow_the_journal(receiver: Receiver) -> None:
    """Runs, steps and their durations are what the journal holds."""
    recovered(receiver)
    asked(receiver)
    for series, expected in {
        'runs_total{outcome="recovered",scenario="clock_drift"}': 1,
        'runs_total{outcome="recovered",scenario="kill_switch"}': 0,
        'incidents{bot="alpha",scenario="clock_drift",state="closed"}': 1,
        'incidents{bot="alpha",scenario="kill_switch",state="waiting"}': 1,
        'steps_total{phase="fix",result="done",scenario="clock_drift"}': 2,
        'steps_total{phase="fix",result="later",scenario="clock_drift"}': 1,
        'step_duration_seconds_count{phase="fix"}': 2,
        'step_duration_seconds_bucket{le="+Inf",phase="fix"}': 2,
        'approvals_waiting{bot="alpha"}': 1,
        'approvals_waiting{bot="beta"}': 0,
        "escalations_open": 1,
        'alerts_total{decision="accepted"}': 2,
        "journal_readable": 1,
    }.items():
        assert value(receiver, series) == expected, series


def test_deferred_alerts_and_bot_states_show(receiver: Receiver) -> None:
    """What waits, why, and which bots are out of reach."""
    receiver.post("/bots/alpha/halt", {"reason": "r"})
    receiver.deliver(payload(alert_json()))
    assert value(receiver, 'alerts_deferred{reason="halted"}') == 1
    assert value(receiver, 'alerts_deferred{reason="cooling_down"}') == 0
    assert value(receiver, 'bot_state{bot="alpha",state="halted"}') == 1
    assert value(receiver, 'bot_state{bot="alpha",state="active"}') == 0
    assert value(receiver, 'bot_state{bot="beta",state="active"}') == 1


def test_reconcile_time_shows(receiver: Receiver) -> None:
    """0 until it first succeeds, so that its age is an alert from the start."""
    assert value(receiver, "last_reconcile_success_timestamp_seconds") == 0
    receiver.engine.last_reconcile_success = 1_795_500_000.5
    assert value(receiver, "last_reconcile_success_timestamp_seconds") == 1_795_500_000.5


def test_an_unreadable_journal_does_not_end_the_scrape(receiver: Receiver) -> None:
    """The receiver must not look down when it is its disk that is."""
    receiver.services.journal.rows("ALTER TABLE incidents RENAME TO away")
    assert value(receiver, "journal_readable") == 0
    assert value(receiver, "dry_run") == 0
    assert f"{PREFIX}incidents{{" not in scrape(receiver)


def test_scrapes_do_not_grow_with_alert_text(receiver: Receiver) -> None:
    """No label comes from an alert: a flood of invented names adds no series."""
    before = len(scrape(receiver).splitlines())
    for number in range(20):
        receiver.deliver(payload(alert_json(bot=f"bot{number}", scenario=f"s{number}")))
    assert len(scrape(receiver).splitlines()) == before
