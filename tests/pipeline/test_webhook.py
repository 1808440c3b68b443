"""What the webhook takes, refuses and answers, over real HTTP."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from remediation.incident import State
from tests.pipeline.receiver import (
    WEBHOOK,
    WEBHOOK_TOKEN,
    Receiver,
    alert_json,
    bearer,
    payload,
    start,
    stop,
)


def decisions(answer: httpx.Response) -> list[str]:
    """The decisions of a 202, in order."""
    assert answer.status_code == 202, answer.text
    return [item["decision"] for item in answer.json()["decisions"]]


def rejected(receiver: Receiver, code: int) -> float:
    """The counter of one error code."""
    name = f'tradewarden_remediation_webhook_rejected_total{{code="{code}"}} '
    text = receiver.http.get("/metrics").text
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


def test_an_alert_opens_an_incident_and_wakes_the_engine(receiver: Receiver) -> None:
    """The 202 names the decision and the incident, and the engine is told."""
    answer = receiver.deliver(payload(alert_json()))
    (decided,) = answer.json()["decisions"]
    assert answer.status_code == 202
    assert decided["decision"] == "accepted"
    assert decided["incident"].startswith("clock_drift-alpha-")
    assert receiver.engine.wakes == 1
    assert receiver.engine.reconciles == 0


def test_a_second_delivery_is_a_duplicate(receiver: Receiver) -> None:
    """Alertmanager's repeat of the same alert changes nothing."""
    alert = alert_json()
    receiver.deliver(payload(alert))
    assert decisions(receiver.deliver(payload(alert))) == ["duplicate"]
    assert len(receiver.services.incidents.in_state()) == 1


def test_fifty_deliveries_at_once_are_one_incident(receiver: Receiver) -> None:
    """At-least-once delivery, from however many peers at once, starts one run."""
    alert = alert_json()

    def deliver(_: int) -> str:
        with httpx.Client(base_url=receiver.url, timeout=30, trust_env=False) as http:
            answer = http.post(WEBHOOK, json=payload(alert), headers=bearer(WEBHOOK_TOKEN))
            return decisions(answer)[0]

    with ThreadPoolExecutor(50) as pool:
        found = Counter(pool.map(deliver, range(50)))
    assert found == {"accepted": 1, "duplicate": 49}
    assert len(receiver.services.incidents.in_state()) == 1
    assert receiver.services.journal.first_broken_record() is None


def test_what_is_answered_is_on_the_disk(receiver: Receiver) -> None:
    """Another reader of the file sees the incident as soon as the 202 is there."""
    incident = receiver.open_incident()
    with sqlite3.connect(f"file:{receiver.services.journal.path}?mode=ro", uri=True) as db:
        found = db.execute("SELECT id, state FROM incidents").fetchall()
    db.close()
    assert found == [(incident, "queued")]


def test_each_alert_of_a_message_gets_its_own_decision(receiver: Receiver) -> None:
    """The top-level status says nothing: one message may hold every kind."""
    answer = receiver.deliver(
        payload(
            alert_json(),
            alert_json(alertname="TradingBotClockDriftWarning", severity="warning"),
            alert_json(bot="nobody"),
            alert_json(mode="live"),
            alert_json(bot="beta", mode="live"),
            alert_json(scenario="of_my_own"),
            alert_json(remediate="no"),
            alert_json(alertname="Watchdog", severity="none"),
            status="resolved",
        )
    )
    assert decisions(answer) == [
        *("accepted", "joined", "not_ours", "not_ours", "accepted"),
        *("no_playbook", "not_remediable", "watchdog"),
    ]


def test_a_resolved_alert_starts_nothing(receiver: Receiver) -> None:
    """Resolution is noted with the open incident; it neither starts nor ends a run."""
    alert = alert_json()
    assert decisions(receiver.deliver(payload({**alert, "status": "resolved"}))) == ["resolved"]
    assert receiver.services.incidents.in_state() == ()
    incident = receiver.open_incident()
    receiver.deliver(payload({**alert, "status": "resolved"}))
    kinds = [record["kind"] for record in receiver.services.journal.records(incident)]
    assert kinds[-1] == "alert_resolved"
    assert len(receiver.services.incidents.in_state(State.QUEUED)) == 1


def test_the_watchdog_is_remembered(receiver: Receiver) -> None:
    """Its arrival is the proof that alerts can reach the receiver."""
    metric = "tradewarden_remediation_last_watchdog_timestamp_seconds"
    assert f"{metric} 0.0" in receiver.http.get("/metrics").text
    receiver.deliver(payload(alert_json(alertname="Watchdog", severity="none")))
    assert f"{metric} 0.0" not in receiver.http.get("/metrics").text
    assert receiver.services.inbox.last_watchdog is not None


@pytest.mark.parametrize("token", [None, "x", "wrong", f"{WEBHOOK_TOKEN}x", "tökén"])
def test_a_stranger_is_refused_and_moves_nothing(receiver: Receiver, token: str | None) -> None:
    """401, counted; no reconcile, so that strangers cannot make us ask around."""
    headers = {} if token is None else {b"Authorization": b"Bearer " + token.encode()}
    answer = receiver.http.post(WEBHOOK, json=payload(alert_json()), headers=headers)
    assert answer.status_code == 401
    assert "error" in answer.json()
    assert receiver.engine.reconciles == 0
    assert receiver.services.incidents.in_state() == ()
    assert rejected(receiver, 401) == 1


def test_another_scheme_is_refused(receiver: Receiver) -> None:
    """Basic authentication with the right secret is still not a bearer token."""
    answer = receiver.http.post(
        WEBHOOK, json=payload(alert_json()), auth=("alertmanager", WEBHOOK_TOKEN)
    )
    assert answer.status_code == 401


def test_a_new_token_counts_at_once(receiver: Receiver) -> None:
    """Rotating the token needs no restart."""
    file = receiver.config_path.parent / "webhook.token"
    file.write_text("the-next-one\n")
    assert receiver.deliver(payload()).status_code == 401
    assert receiver.deliver(payload(), token="the-next-one").status_code == 202


def test_an_unreadable_token_is_our_fault(receiver: Receiver) -> None:
    """503 makes Alertmanager try again; 401 would make it give up."""
    (receiver.config_path.parent / "webhook.token").unlink()
    answer = receiver.deliver(payload())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


BAD_BODIES = {
    "empty": (b"", "not JSON"),
    "half": (b'{"version": "4", "alerts": [', "not JSON"),
    "nan": (b'{"alerts": [], "x": NaN}', "NaN"),
    "infinity": (b'{"alerts": [], "x": -Infinity}', "Infinity"),
    "huge float": (b'{"alerts": [], "x": 1e999}', "too large"),
    "huge integer": (b'{"alerts": [], "x": ' + b"9" * 5000 + b"}", "not JSON"),
    "key twice": (b'{"alerts": [], "alerts": []}', "twice"),
    "inner key twice": (b'{"alerts": [{"status": "firing", "status": "x"}]}', "twice"),
    "deep list": (b"[" * 200_000, "nested too deeply"),
    "deep object": (b'{"a":' * 200_000, "nested too deeply"),
    "half a pair": (b'{"alerts": [], "x": "\\ud800"}', "surrogate"),
    "latin-1": (b'{"alerts": [], "x": "\xe9"}', "UTF-8"),
    "utf-16": ('{"alerts": []}'.encode("utf-16"), "UTF-8"),
    "a list": (b"[]", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "no alerts": (b'{"version": "4"}', "alerts"),
    "alerts not a list": (b'{"alerts": {}}', "alerts"),
    "another version": (b'{"version": "5", "alerts": []}', "version"),
    "alert not an object": (b'{"alerts": [1]}', "alerts[0]"),
    "no fingerprint": (b'{"alerts": [{"labels": {}}]}', "alerts[0].fingerprint"),
    "no start": (b'{"alerts": [{"labels": {}, "fingerprint": "a"}]}', "alerts[0].startsAt"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_with_its_reason(receiver: Receiver, name: str) -> None:
    """400 says what is wrong, is counted, asks for a reconcile, and shows no traceback."""
    body, reason = BAD_BODIES[name]
    answer = receiver.deliver_bytes(body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert "Traceback" not in answer.text
    assert receiver.engine.reconciles == 1
    assert rejected(receiver, 400) == 1


def test_one_bad_alert_refuses_the_message_and_keeps_nothing(receiver: Receiver) -> None:
    """Half a message is not kept: what it was is asked for again."""
    answer = receiver.deliver(payload(alert_json(), {**alert_json(), "startsAt": "yesterday"}))
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("alerts[1].startsAt")
    assert receiver.services.incidents.in_state() == ()


def test_another_content_type_is_refused(receiver: Receiver) -> None:
    """415, counted, and a reconcile: the sender is ours, his message is not."""
    answer = receiver.deliver_bytes(json.dumps(payload()).encode(), "text/plain")
    assert answer.status_code == 415
    assert receiver.engine.reconciles == 1
    assert rejected(receiver, 415) == 1


def chunks(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
def test_a_body_over_two_mebibytes_is_refused(receiver: Receiver, *, chunked: bool) -> None:
    """413 however the body is sent, counted, and a reconcile."""
    size = (2 << 20) + 1
    answer = receiver.deliver_bytes(chunks(size) if chunked else b" " * size)
    assert answer.status_code == 413
    assert "error" in answer.json()
    assert receiver.engine.reconciles == 1
    assert rejected(receiver, 413) == 1


def test_a_body_of_two_mebibytes_is_read(receiver: Receiver) -> None:
    """The limit itself is allowed; blanks are JSON."""
    text = json.dumps(payload()).encode()
    answer = receiver.deliver_bytes(text + b" " * ((2 << 20) - len(text)))
    assert answer.status_code == 202


def test_left_out_alerts_are_asked_for(receiver: Receiver) -> None:
    """``truncatedAlerts`` means that something was not sent."""
    answer = receiver.deliver(payload(alert_json(), truncatedAlerts=3))
    assert decisions(answer) == ["accepted"]
    assert receiver.engine.reconciles == 1


def test_other_methods_are_refused(receiver: Receiver) -> None:
    """405 names the method that works."""
    answer = receiver.http.get(WEBHOOK)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_full_disk_is_503_and_nothing_is_kept(receiver: Receiver) -> None:
    """Nothing is answered 2xx that is not on the disk; Alertmanager sends it again."""
    journal = receiver.services.journal
    (pages,) = journal.rows("PRAGMA page_count")[0]
    journal.rows(f"PRAGMA max_page_count = {pages}")
    alert = alert_json()
    crowd = [alert_json(fingerprint=f"{i:032x}", bot="nobody") for i in range(500)]
    answer = receiver.deliver(payload(alert, *crowd))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Traceback" not in answer.text
    assert receiver.services.incidents.in_state() == ()
    assert receiver.services.inbox.counts.total() == 0
    assert rejected(receiver, 503) == 1
    journal.rows("PRAGMA max_page_count = 1000000")
    assert decisions(receiver.deliver(payload(alert))) == ["accepted"]


def test_accepted_alerts_outlive_the_receiver(tmp_path: Path) -> None:
    """A restart finds the queue as it was, and the repeat is still a duplicate."""
    alert = alert_json()
    first, listener = start(tmp_path)
    first.deliver(payload(alert))
    stop(first, listener)
    second, listener = start(tmp_path)
    try:
        assert decisions(second.deliver(payload(alert))) == ["duplicate"]
        assert len(second.services.incidents.in_state(State.QUEUED)) == 1
    finally:
        stop(second, listener)


def test_many_alerts_in_one_message_are_decided_in_order(receiver: Receiver) -> None:
    """A storm of one symptom is one incident, and the answer keeps the order."""
    alerts = [alert_json() for _ in range(200)]
    found = receiver.deliver(payload(*alerts)).json()["decisions"]
    assert [item["fingerprint"] for item in found] == [a["fingerprint"] for a in alerts]
    assert Counter(item["decision"] for item in found) == {"accepted": 1, "joined": 199}
