"""What an operator may change, who he is taken for, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from remediation.approval import ApprovalState
from remediation.bot_state import BotStateName
from remediation.ending import close
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, State
from remediation.resume_gate import GateAnswer
from tests.pipeline.receiver import (
    ALICE_TOKEN,
    BOB_TOKEN,
    WEBHOOK_TOKEN,
    Receiver,
    alert_json,
    bearer,
    payload,
    start,
    stop,
)
from tests.pipeline.story import asked, running

CHANGES = [
    ("/incidents", {"bot": "alpha", "scenario": "clock_drift", "reason": "drill"}),
    ("/approvals/{approval}/approve", {"reason": "checked", "digest": "{digest}"}),
    ("/approvals/{approval}/deny", {"reason": "not now"}),
    ("/incidents/{incident}/ack", {"reason": "I know"}),
    ("/escalations/{escalation}/ack", {"reason": "I know"}),
    ("/bots/alpha/halt", {"reason": "maintenance"}),
    ("/bots/alpha/rearm", {"reason": "done"}),
]


@pytest.fixture
def proved(tmp_path: Path) -> Iterator[Receiver]:
    """A receiver whose resume gate always passes."""
    served, listener = start(tmp_path, gate=lambda _: GateAnswer((), ({"check": "clock"},) * 7))
    yield served
    stop(served, listener)


def reason_of(answer: httpx.Response, status: int) -> str:
    """The reason in an error of the status expected."""
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text
    return str(answer.json()["error"])


@pytest.mark.parametrize(("path", "body"), CHANGES, ids=[path for path, _ in CHANGES])
@pytest.mark.parametrize(
    "token", [None, "wrong", WEBHOOK_TOKEN], ids=["none", "wrong", "the webhook's"]
)
def test_every_change_needs_an_operator(
    receiver: Receiver, path: str, body: dict[str, str], token: str | None
) -> None:
    """No token, a wrong one, and the webhook's own move nothing."""
    incident, approval = asked(receiver)
    (call,) = receiver.services.escalations.open()
    names = {
        "incident": incident.id,
        "approval": approval.id,
        "digest": approval.digest,
        "escalation": call.id,
    }
    filled = {key: value.format(**names) for key, value in body.items()}
    before = receiver.services.journal.rows("SELECT COUNT(*) FROM records")[0][0]
    answer = receiver.post(path.format(**names), filled, token=token)
    assert reason_of(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert receiver.services.journal.rows("SELECT COUNT(*) FROM records")[0][0] == before


@pytest.mark.parametrize(("token", "name"), [(ALICE_TOKEN, "alice"), (BOB_TOKEN, "bob")])
def test_the_token_names_the_actor(receiver: Receiver, token: str, name: str) -> None:
    """Whoever's token it is stands in the journal; the body cannot say otherwise."""
    incident, approval = asked(receiver)
    body = {"reason": "positions checked", "digest": approval.digest, "actor": "mallory"}
    answer = receiver.post(f"/approvals/{approval.id}/approve", body, token=token)
    assert answer.json()["actor"] == name
    settled = [
        record["body"]
        for record in receiver.services.journal.records(incident.id)
        if record["kind"] == "approval_settled"
    ]
    assert [(body["actor"], body["reason"]) for body in settled] == [(name, "positions checked")]


def test_an_approval_sends_the_incident_back_to_work(receiver: Receiver) -> None:
    """Answered, the call to a person ended, the incident queued, the engine woken: at once."""
    incident, approval = asked(receiver)
    woken = receiver.engine.wakes
    body = {"reason": "checked", "digest": approval.digest}
    answer = receiver.post(f"/approvals/{approval.id}/approve", body)
    assert answer.status_code == 200
    assert answer.json()["state"] == "approved"
    assert receiver.services.escalations.open() == ()
    assert receiver.engine.wakes == woken + 1
    again = receiver.services.incidents.get(incident.id)
    assert again is not None
    assert again.state is State.QUEUED


def test_a_denial_sends_it_back_to_be_ended(receiver: Receiver) -> None:
    """The run finds the denial and closes; nothing waits any longer."""
    incident, approval = asked(receiver)
    answer = receiver.post(f"/approvals/{approval.id}/deny", {"reason": "I look myself"})
    assert answer.json()["state"] == "denied"
    again = receiver.services.incidents.get(incident.id)
    assert again is not None
    assert again.state is State.QUEUED
    assert receiver.services.escalations.open() == ()


def test_an_answer_counts_once(receiver: Receiver) -> None:
    """The second answer is told that it came second, whatever it says."""
    _, approval = asked(receiver)
    body = {"reason": "checked", "digest": approval.digest}
    receiver.post(f"/approvals/{approval.id}/approve", body)
    for path in ("approve", "deny"):
        answer = receiver.post(f"/approvals/{approval.id}/{path}", body, token=BOB_TOKEN)
        assert "answered" in reason_of(answer, 409)
    kept = receiver.services.approvals.get(approval.id)
    assert kept is not None
    assert (kept.state, kept.actor) == (ApprovalState.APPROVED, "alice")


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"digest": "{digest}"}, 400, "reason"),
        ({"digest": "{digest}", "reason": "  "}, 400, "reason"),
        ({"digest": "{digest}", "reason": 5}, 400, "reason"),
        ({"digest": "{digest}", "reason": "x" * 3000}, 400, "reason"),
        ({"reason": "checked"}, 400, "digest"),
        ({"reason": "checked", "digest": "0" * 64}, 409, "digest"),
    ],
)
def test_an_approval_needs_reason_and_digest(
    receiver: Receiver, body: dict[str, str], status: int, named: str
) -> None:
    """Nobody approves without a reason, or something else than what he was shown."""
    _, approval = asked(receiver)
    filled = {
        key: value.format(digest=approval.digest) if isinstance(value, str) else value
        for key, value in body.items()
    }
    answer = receiver.post(f"/approvals/{approval.id}/approve", filled)
    assert named in reason_of(answer, status)
    assert receiver.services.approvals.pending()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/approvals/nothing/approve", {"reason": "r", "digest": "d"}),
        ("/incidents/nothing/ack", {"reason": "r"}),
        ("/escalations/nothing/ack", {"reason": "r"}),
        ("/bots/nobody/halt", {"reason": "r"}),
        ("/incidents", {"bot": "nobody", "scenario": "clock_drift", "reason": "r"}),
        ("/incidents", {"bot": "alpha", "scenario": "nothing", "reason": "r"}),
    ],
)
def test_what_does_not_exist_is_404(receiver: Receiver, path: str, body: dict[str, str]) -> None:
    """The answer says what there is not."""
    reason = reason_of(receiver.post(path, body), 404)
    assert "no" in reason


def test_a_body_must_be_an_object_of_json(receiver: Receiver) -> None:
    """Forms, lists and broken JSON are refused before anything happens."""
    url, headers = "/api/v1/bots/alpha/halt", bearer(ALICE_TOKEN)
    answers = (
        (receiver.http.post(url, data={"reason": "r"}, headers=headers), 415),
        (receiver.http.post(url, json=["r"], headers=headers), 400),
        (
            receiver.http.post(
                url, content=b"{", headers={**headers, "Content-Type": "application/json"}
            ),
            400,
        ),
    )
    for answer, status in answers:
        assert reason_of(answer, status)
    assert receiver.services.states.get("alpha").state is BotStateName.ACTIVE


def test_an_acknowledged_call_is_no_longer_posted(receiver: Receiver) -> None:
    """Ack ends every open call of the incident and names who knows."""
    incident = running(receiver)
    close(receiver.services, incident, State.RUNNING, Outcome.ESCALATED, "test")
    (listed,) = receiver.get("/escalations").json()["escalations"]
    assert listed["incident"] == incident.id
    answer = receiver.post(f"/incidents/{incident.id}/ack", {"reason": "on it"})
    assert answer.json()["ended"] == 1
    assert receiver.services.escalations.open() == ()
    (call,) = receiver.get(f"/incidents/{incident.id}").json()["escalations"]
    assert (call["open"], call["actor"], call["reason"]) == (False, "alice", "on it")


def test_a_call_without_incident_can_be_acknowledged(receiver: Receiver) -> None:
    """A blocked scenario belongs to no incident, and must not page for ever."""
    for bot in ("alpha", "beta"):
        receiver.services.escalations.call(
            EscalationKind.BLOCKED, incident="", bot=bot, scenario="clock_drift", summary="blocked"
        )
    first, second = receiver.services.escalations.open()
    assert receiver.post(f"/escalations/{first.id}/ack", {"reason": "r"}).status_code == 200
    assert receiver.services.escalations.open() == (second,)
    assert receiver.post(f"/escalations/{first.id}/ack", {"reason": "r"}).status_code == 404


def test_a_halt_defers_alerts_at_once(receiver: Receiver) -> None:
    """From the answer on nothing new starts for the bot."""
    answer = receiver.post("/bots/alpha/halt", {"reason": "we move the host"})
    assert answer.json() == {"bot": "alpha", "state": "halted"}
    (decided,) = receiver.deliver(payload(alert_json())).json()["decisions"]
    assert decided["decision"] == "deferred_halted"
    alpha, beta = receiver.get("/bots").json()["bots"]
    assert (alpha["state"], alpha["actor"], alpha["reason"]) == (
        *("halted", "alice", "we move the host"),
    )
    assert beta["state"] == "active"


def test_rearming_needs_a_fresh_proof(receiver: Receiver) -> None:
    """The real doctor is asked; a venue that cannot be reached keeps the bot halted."""
    receiver.post("/bots/alpha/halt", {"reason": "r"})
    answer = receiver.post("/bots/alpha/rearm", {"reason": "looks good"})
    assert "resume gate" in reason_of(answer, 409)
    assert answer.json()["failing"]
    assert receiver.services.states.get("alpha").state is BotStateName.HALTED


def test_rearming_forgets_blocks_and_looks_again(proved: Receiver) -> None:
    """With the proof given: active, its block's page ended, and Alertmanager asked anew."""
    for bot in ("alpha", "beta"):
        proved.services.escalations.call(
            EscalationKind.BLOCKED, incident="", bot=bot, scenario="clock_drift", summary="blocked"
        )
    proved.post("/bots/alpha/halt", {"reason": "r"})
    answer = proved.post("/bots/alpha/rearm", {"reason": "cause fixed"}, token=BOB_TOKEN)
    assert answer.json() == {"bot": "alpha", "state": "active", "checks": 7}
    assert [call.bot for call in proved.services.escalations.open()] == ["beta"]
    assert proved.engine.reconciles == 1
    state = proved.services.states.get("alpha")
    assert (state.actor, state.reason) == ("bob", "cause fixed")


def test_rearming_waits_for_a_run(proved: Receiver) -> None:
    """A run at work has paused the bot; declaring it active now would be untrue."""
    running(proved)
    assert "run" in reason_of(proved.post("/bots/alpha/rearm", {"reason": "r"}), 409)
    assert proved.post("/bots/beta/rearm", {"reason": "r"}).status_code == 200


def test_a_playbook_can_be_started_by_hand(receiver: Receiver) -> None:
    """Critical, named Manual, with actor and reason; a second one joins."""
    body = {"bot": "alpha", "scenario": "process_crash", "reason": "drill"}
    answer = receiver.post("/incidents", body)
    assert answer.status_code == 202
    assert answer.json()["decision"] == "accepted"
    found = receiver.get(f"/incidents/{answer.json()['incident']}").json()
    assert (found["severity"], found["alertname"]) == ("critical", "Manual")
    assert found["reason"] == "alert Manual by alice by hand: drill"
    assert receiver.post("/incidents", body).json()["decision"] == "joined"
    assert receiver.engine.wakes == 2


def test_a_start_by_hand_is_under_the_same_guards(receiver: Receiver) -> None:
    """A halted bot is halted for people, too."""
    receiver.post("/bots/alpha/halt", {"reason": "r"})
    body = {"bot": "alpha", "scenario": "clock_drift", "reason": "drill"}
    answer = receiver.post("/incidents", body)
    assert answer.status_code == 409
    assert answer.json()["decision"] == "deferred_halted"
