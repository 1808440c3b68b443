"""Calling a person: by Alertmanager, again and again, and by the second pager if it is silent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remediation.alert import Alert
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, State
from remediation.playbooks.base import stop
from tests.pipeline.alerting_stub import AlertingStub
from tests.pipeline.rehearsal import Rehearsal, Script, playbook, rehearsal, working
from tests.stack.programs import wait_until

_FAST: dict[str, Any] = {"escalation_repeat_seconds": 0.1, "reconcile_seconds": 0.5}


@pytest.fixture
def stub() -> Iterator[AlertingStub]:
    """Alertmanager and a second pager."""
    with AlertingStub().serving() as serving:
        yield serving


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def _with_second_pager(stub: AlertingStub) -> dict[str, Any]:
    return {
        **_FAST,
        "fallback_pager_url": f"{stub.url}/pager",
        "fallback_after_seconds": 120.0,
    }


def call(stage: Rehearsal, summary: str = "alpha: look at it") -> None:
    """Raise one call that belongs to no incident."""
    stage.services.escalations.call(
        EscalationKind.BLOCKED, incident="", bot="alpha", scenario="made_up", summary=summary
    )


def hear_watchdog(stage: Rehearsal) -> None:
    """Let the Watchdog arrive, as Alertmanager sends it."""
    alert = Alert("abc", "firing", 0, {"alertname": "Watchdog"}, {})
    stage.services.inbox.offer((alert,), "test")


def wait_rounds(stub: AlertingStub, rounds: int = 3) -> None:
    """Wait until Alertmanager has been called that often from now on, answering or not.

    The first call may be of a round that began before, the third says that the second
    round has ended.
    """
    before = stub.called
    wait_until(lambda: stub.called >= before + rounds, f"{rounds} more calls")


def test_a_bad_end_is_posted_until_it_is_acknowledged(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Without remediate, without times, repeated, and over with the acknowledgement."""
    bad = playbook("made_up", script.step("end", act=lambda _: stop(Outcome.INEFFECTIVE, "no")))
    with rehearsal(tmp_path, bad, alerting=stub.url, **_FAST) as stage, working(stage) as engine:
        incident_id = stage.open("made_up")
        wait_until(lambda: len(stub.posted()) >= 3, "three posts")
        alert = stub.posted()[-1]
        assert alert["labels"] == {
            "alertname": "TradewardenIncidentEscalated",
            "severity": "critical",
            "bot": "alpha",
            "scenario": "made_up",
            "incident": incident_id,
        }
        assert "ineffective" in alert["annotations"]["summary"]
        assert incident_id in alert["annotations"]["description"]
        # Alertmanager's own clock times it: ours may be what is wrong.
        assert not {"startsAt", "endsAt"} & set(alert)
        stage.services.escalations.end(incident=incident_id, actor="alice", reason="I know")
        engine.wake()
        # One more may be under way; after it there is silence.
        call(stage)
        wait_until(lambda: stub.posted(incident="none"), "the next call")
        before = len(stub.posted(incident=incident_id))
        wait_rounds(stub)
        assert len(stub.posted(incident=incident_id)) == before


def test_a_question_is_a_call_that_its_answer_ends(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Whoever is needed for an approval is called as for any other reason."""
    book = playbook("made_up", script.human("release"))
    with rehearsal(tmp_path, book, alerting=stub.url, **_FAST) as stage, working(stage):
        stage.open("made_up")
        name = "TradewardenApprovalNeeded"
        wait_until(lambda: stub.posted(alertname=name), "the call")
        (alert, *_) = stub.posted(alertname=name)
        assert stage.question().id in alert["annotations"]["summary"]


def test_nothing_is_lost_while_alertmanager_is_down(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Calls wait on disk, also over a restart, and are posted when it is back."""
    stub.down = True
    bad = playbook("made_up", script.step("end", act=lambda _: stop(Outcome.ESCALATED, "no")))
    with rehearsal(tmp_path, bad, alerting=stub.url, **_FAST) as stage:
        with working(stage):
            incident_id = stage.open("made_up")
            wait_until(lambda: stage.incident(incident_id).state is State.CLOSED, "it ends")
        assert stub.posted() == []
        with working(stage):
            stub.down = False
            wait_until(lambda: stub.posted(incident=incident_id), "the call arrives")
        assert stub.paged() == []


def test_the_second_pager_waits_its_time(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Only when Alertmanager has refused for so long on the boot clock."""
    stub.down = True
    with rehearsal(
        tmp_path, playbook("made_up"), alerting=stub.url, **_with_second_pager(stub)
    ) as stage:
        call(stage)
        with working(stage):
            stage.clock.step_wall(86_400)
            stage.clock.sleep(119)
            wait_rounds(stub)
            assert stub.paged() == []
            stage.clock.step_wall(-2 * 86_400)
            stage.clock.sleep(1)
            wait_until(stub.paged, "the second pager")
        (alert,) = stub.paged()[0]["alerts"]
        assert alert["bot"] == "alpha"
        assert alert["summary"] == "alpha: look at it"


def test_an_old_success_does_not_count_as_silence(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Days without calls are no outage: a new call gives Alertmanager its whole time."""
    with rehearsal(
        tmp_path, playbook("made_up"), alerting=stub.url, **_with_second_pager(stub)
    ) as stage:
        call(stage)
        with working(stage) as engine:
            wait_until(stub.posted, "the first call")
            (first,) = stage.services.escalations.open()
            stage.services.escalations.end_one(first.id, actor="alice", reason="I know")
            stage.clock.sleep(3 * 86_400)
            stub.down = True
            call(stage, "alpha: again")
            stage.clock.sleep(119)
            engine.wake()
            wait_rounds(stub)
            assert stub.paged() == []
            stage.clock.sleep(1)
            wait_until(stub.paged, "the second pager")


def test_the_second_pager_stays_quiet_while_alertmanager_takes_calls(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """One main path: however long a call is open, it is not paged twice."""
    with rehearsal(
        tmp_path, playbook("made_up"), alerting=stub.url, **_with_second_pager(stub)
    ) as stage:
        call(stage)
        with working(stage):
            for _ in range(5):
                hear_watchdog(stage)
                stage.clock.sleep(100)
                wait_rounds(stub)
        assert stub.paged() == []


def test_calls_that_are_taken_prove_nothing_without_a_watchdog(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """Alertmanager may take every call and be unable to notify anybody."""
    with rehearsal(
        tmp_path, playbook("made_up"), alerting=stub.url, **_with_second_pager(stub)
    ) as stage:
        call(stage)
        with working(stage):
            wait_until(stub.posted, "the call is taken")
            stage.clock.sleep(119)
            wait_rounds(stub)
            assert stub.paged() == []
            stage.clock.sleep(1)
            wait_until(stub.paged, "the second pager")


def test_one_alertmanager_of_two_is_enough(
    tmp_path: Path, stub: AlertingStub, script: Script
) -> None:
    """A call that one member took is a call that was made."""
    urls = ("http://127.0.0.1:1", stub.url)
    with rehearsal(
        tmp_path, playbook("made_up"), alertmanagers=urls, **_with_second_pager(stub)
    ) as stage:
        call(stage)
        stage.clock.sleep(600)
        hear_watchdog(stage)
        with working(stage):
            wait_until(lambda: len(stub.posted()) >= 2, "two posts")
        assert stub.paged() == []


def test_the_same_call_is_open_once(tmp_path: Path) -> None:
    """Raised again while open it is one call; after its end it is a new one."""
    with rehearsal(tmp_path, playbook("made_up")) as stage:
        call(stage)
        call(stage)
        (first,) = stage.services.escalations.open()
        assert stage.services.escalations.end_one(first.id, actor="alice", reason="I know")
        assert not stage.services.escalations.end_one(first.id, actor="bob", reason="me too")
        call(stage)
        (second,) = stage.services.escalations.open()
        assert second.id != first.id
