"""Asking Alertmanager what fires: what was missed, what was put off, and what is gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remediation.admission import Decision
from remediation.alert import Alert, parse_alert
from remediation.bot_state import BotStateName
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, State
from tests.pipeline.alerting_stub import AlertingStub
from tests.pipeline.rehearsal import Rehearsal, Script, playbook, rehearsal, working
from tests.stack.programs import wait_until

_FAST: dict[str, Any] = {"reconcile_seconds": 0.5}


@pytest.fixture
def stub() -> Iterator[AlertingStub]:
    """Prometheus and Alertmanager."""
    with AlertingStub().serving() as serving:
        yield serving


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def wait_rounds(stub: AlertingStub, rounds: int = 2) -> None:
    """Wait until Alertmanager has been asked that often from now on."""
    asked = stub.asked
    wait_until(lambda: stub.asked >= asked + rounds, f"{rounds} rounds of reconciling")


def deferred(stage: Rehearsal) -> list[Decision]:
    """Why alerts are waiting."""
    return [item.decision for item in stage.services.inbox.deferred()]


def halt(stage: Rehearsal) -> None:
    """A person halts alpha."""
    stage.services.states.set("alpha", BotStateName.HALTED, actor="alice", reason="test")


def outcomes(stage: Rehearsal) -> list[Outcome | None]:
    """How the incidents ended, oldest first."""
    return [incident.outcome for incident in stage.services.incidents.in_state()]


def test_what_was_never_delivered_is_picked_up(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Fired while the receiver was down, or lost on the way: the list has it."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        stub.active.append(stage.listed(stage.alert("made_up")))
        with working(stage) as engine:
            wait_until(lambda: outcomes(stage) == [Outcome.RECOVERED], "it is picked up and run")
            wait_rounds(stub)
            assert outcomes(stage) == [Outcome.RECOVERED]
            assert engine.last_reconcile_success == stage.clock.moment.wall
        (opened, *_) = stage.services.journal.records(stage.services.incidents.in_state()[0].id)
        assert "by reconcile" in opened["body"]["reason"]


def test_the_list_and_the_webhook_name_the_same_alert(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Nanoseconds in one, milliseconds in the other: still delivered once."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        listed = stage.listed(stage.alert("made_up"))
        delivered = {**listed, "status": "firing", "startsAt": "2026-11-24T05:00:01.987654321Z"}
        stage.services.inbox.offer((parse_alert(delivered),), "alertmanager")
        with working(stage):
            wait_until(lambda: outcomes(stage) == [Outcome.RECOVERED], "it runs")
            # Listed only now: while the run is open, another alert would merely join it.
            stub.active.append({**listed, "startsAt": "2026-11-24T05:00:01.987Z"})
            wait_rounds(stub)
            assert outcomes(stage) == [Outcome.RECOVERED]
        assert script.acted == ["fix"]


@pytest.mark.parametrize("known", [True, False], ids=["delivered before", "only listed"])
def test_a_halted_bots_alert_is_decided_when_it_is_rearmed(
    tmp_path: Path, stub: AlertingStub, script: Script, *, known: bool
) -> None:
    """Deferred as long as the halt lasts, then run without a new delivery."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        alert = stage.alert("made_up")
        halt(stage)
        stub.active.append(stage.listed(alert))
        if known:
            stage.services.inbox.offer((alert,), "alertmanager")
        with working(stage) as engine:
            wait_rounds(stub)
            assert deferred(stage) == [Decision.DEFERRED_HALTED]
            assert script.acted == []
            stage.services.states.rearm("alpha", actor="alice", reason="test")
            engine.request_reconcile()
            wait_until(lambda: outcomes(stage) == [Outcome.RECOVERED], "it runs")
            assert deferred(stage) == []


def test_a_cooling_scenario_is_decided_when_it_has_cooled(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """A repeat right after a run waits for the cooldown and no longer."""
    book = playbook("made_up", script.step("fix"), cools_down=True)
    with rehearsal(tmp_path, book, alerting=stub.url, cooldown_seconds=300.0, **_FAST) as stage:
        assert stage.run(stage.open("made_up", "warning")).outcome is Outcome.RECOVERED
        stub.active.append(stage.listed(stage.alert("made_up", "warning")))
        with working(stage):
            wait_rounds(stub)
            assert deferred(stage) == [Decision.DEFERRED_COOLING_DOWN]
            stage.clock.step_wall(3600)
            wait_rounds(stub)
            assert script.acted == ["fix"]
            stage.clock.sleep(300)
            wait_until(lambda: script.acted == ["fix", "fix"], "the second run")


def test_what_has_gone_is_dropped(tmp_path: Path, stub: AlertingStub, script: Script) -> None:
    """Resolved or silenced while it waited: nothing runs when the reason ends."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        halt(stage)
        stub.active.append(stage.listed(stage.alert("made_up")))
        with working(stage):
            wait_until(lambda: deferred(stage), "it is deferred")
            stub.active.clear()
            wait_until(lambda: not deferred(stage), "it is dropped")
            stage.services.states.rearm("alpha", actor="alice", reason="test")
            wait_rounds(stub)
        assert script.acted == []
        assert stage.services.inbox.counts[Decision.GONE] == 1


@pytest.mark.parametrize("down", [False, True], ids=["Alertmanager up", "Alertmanager down"])
def test_what_waits_too_long_becomes_a_call(
    tmp_path: Path, stub: AlertingStub, script: Script, *, down: bool
) -> None:
    """Once, after the configured time on the boot clock, whether or not the list can be read."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(
        tmp_path, book, alerting=stub.url, defer_escalate_seconds=600.0, **_FAST
    ) as stage:
        alert = stage.alert("made_up")
        halt(stage)
        stub.active.append(stage.listed(alert))
        stage.services.inbox.offer((alert,), "alertmanager")
        stub.down = down
        with working(stage):
            stage.clock.step_wall(86_400)
            stage.clock.sleep(599)
            wait_rounds(stub)
            assert stage.calls() == []
            stage.clock.sleep(1)
            wait_until(lambda: stage.calls() == [EscalationKind.DEFERRED], "a person is called")
            (call,) = stage.services.escalations.open()
            stage.services.escalations.end_one(call.id, actor="alice", reason="I know")
            stage.clock.sleep(600)
            wait_rounds(stub)
            assert stage.calls() == []
        assert deferred(stage) == [Decision.DEFERRED_HALTED]


def test_silence_of_alertmanager_drops_nothing(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """An error is not an empty list; when it answers again, what waited is decided."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        alert = stage.alert("made_up")
        halt(stage)
        stage.services.inbox.offer((alert,), "alertmanager")
        stub.active.append(stage.listed(alert))
        stub.down = True
        with working(stage) as engine:
            stage.services.states.rearm("alpha", actor="alice", reason="test")
            wait_rounds(stub)
            assert engine.last_reconcile_success is None
            assert deferred(stage) == [Decision.DEFERRED_HALTED]
            stub.down = False
            wait_until(lambda: outcomes(stage) == [Outcome.RECOVERED], "it runs")
            wait_until(lambda: engine.last_reconcile_success is not None, "success is noted")


def test_one_alertmanager_of_two_is_enough(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """A cluster member that is down does not hide what the other lists."""
    book = playbook("made_up", script.step("fix"))
    urls = ("http://127.0.0.1:1", stub.url)
    with rehearsal(tmp_path, book, alertmanagers=urls, **_FAST) as stage:
        stub.active.append(stage.listed(stage.alert("made_up")))
        with working(stage):
            wait_until(lambda: outcomes(stage) == [Outcome.RECOVERED], "it is picked up")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"fingerprint": "not hexadecimal"},
        {"startsAt": "yesterday"},
        {"labels": {"remediate": "true", "text": "x" * 5000}},
        {"labels": None},
    ],
    ids=["fingerprint", "time", "long label", "no labels"],
)
def test_an_unreadable_alert_hides_no_other(
    tmp_path: Path, stub: AlertingStub, script: Script, spoiled: dict[str, Any]
) -> None:
    """Anybody may send Alertmanager anything: what cannot be read is left out, alone."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        stub.active.append({**stage.listed(stage.alert("made_up")), **spoiled})
        stub.active.append(stage.listed(stage.alert("made_up")))
        with working(stage):
            wait_until(lambda: outcomes(stage) == [Outcome.RECOVERED], "the good one is run")


def test_what_is_not_ours_opens_nothing(tmp_path: Path, stub: AlertingStub, script: Script) -> None:
    """Another host's bot, another mode, another scenario: listed, and left alone."""
    book = playbook("made_up", script.step("fix"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        for label, value in (("bot", "gamma"), ("mode", "live"), ("scenario", "unheard_of")):
            alert = stage.alert("made_up")
            about = {**alert.labels, label: value}
            stub.active.append(
                stage.listed(Alert(alert.fingerprint, "firing", alert.starts_at_ms, about, {}))
            )
        with working(stage):
            wait_rounds(stub)
        assert stage.services.incidents.in_state() == ()


def test_an_open_incident_is_not_opened_twice(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """While it waits for a person, every round lists it again."""
    book = playbook("made_up", script.human("release"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage:
        stub.active.append(stage.listed(stage.alert("made_up")))
        with working(stage):
            wait_until(stage.services.approvals.pending, "the question")
            wait_rounds(stub)
        (incident,) = stage.services.incidents.in_state()
        assert incident.state is State.WAITING
        records = [r["kind"] for r in stage.services.journal.records(incident.id)]
        assert records.count("alert_decided") == 1
