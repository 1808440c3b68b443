"""What may be read of incidents, approvals and bots, and by whom."""

import httpx

from tests.pipeline.receiver import ALICE_TOKEN, Receiver, bearer
from tests.pipeline.story import BOUND, asked, recovered


def reason_of(answer: httpx.Response, status: int) -> str:
    """The reason in an error of the status expected."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"])


def test_incidents_are_listed_newest_first_by_state(receiver: Receiver) -> None:
    """``open`` is everything that is not closed; an unknown state names the known ones."""
    done = recovered(receiver)
    still_open = receiver.open_incident(scenario="process_crash")

    def listed(query: str) -> list[str]:
        return [i["id"] for i in receiver.get(f"/incidents{query}").json()["incidents"]]

    assert listed("") == [still_open, done.id]
    assert listed("?state=open") == listed("?state=queued") == [still_open]
    assert listed("?state=closed") == [done.id]
    assert listed("?state=waiting") == []
    assert "open, queued" in reason_of(receiver.get("/incidents?state=lost"), 400)


def test_an_incident_shows_stages_and_phases(receiver: Receiver) -> None:
    """Stages are the ends of phases on the boot clock; an attempt that waits is no end."""
    incident = recovered(receiver)
    found = receiver.get(f"/incidents/{incident.id}").json()
    stages = found["stages"]
    assert list(stages) == ["webhook", "contained", "fixed", "verified", "resumed"]
    assert stages["webhook"] == incident.opened.boottime
    assert sorted(stages.values()) == list(stages.values())
    assert found["stage_seconds"]["webhook"] == 0
    assert [phase["number"] for phase in found["phases"]] == [1, 2, 3, 4, 5, 6, 7]
    fix = found["phases"][3]
    assert [(step["name"], step["status"]) for step in fix["steps"]] == [
        ("resync", "done"),
        ("await_sync", "later"),
        ("await_sync", "done"),
        ("step_clock", "skipped"),
    ]
    assert stages["fixed"] == fix["steps"][-1]["ended_boottime"]
    assert fix["steps"][0]["authority"] == "guarded"


def test_stages_that_were_not_reached_are_null(receiver: Receiver) -> None:
    """An incident that has only been accepted has one stage."""
    found = receiver.get(f"/incidents/{receiver.open_incident()}").json()
    assert [name for name, value in found["stages"].items() if value is not None] == ["webhook"]


def test_approvals_show_what_they_bind(receiver: Receiver) -> None:
    """Digest and words are there to be compared before the answer."""
    incident, approval = asked(receiver)
    (listed,) = receiver.get("/approvals").json()["approvals"]
    assert listed["id"] == approval.id
    assert listed["incident"] == incident.id
    assert listed["digest"] == approval.digest
    assert listed["shown"] == {**BOUND, "price": "84000.10"}


def test_errors_are_json_everywhere(receiver: Receiver) -> None:
    """Unknown paths and wrong methods answer as everything else does."""
    assert reason_of(receiver.http.get("/api/v1/nothing"), 404)
    assert reason_of(receiver.http.delete("/api/v1/incidents"), 405)
    assert reason_of(receiver.get("/incidents/nothing"), 404)
    assert reason_of(receiver.get("/incidents/nothing/report"), 404)
    assert reason_of(receiver.get("/incidents/..%2F..%2Fetc"), 404)


def test_a_page_elsewhere_cannot_read_through_a_name(receiver: Receiver) -> None:
    """A host name that is not ours (DNS rebinding) gets nothing without a token."""
    for path in ("/", "/api/v1/incidents"):
        headers = {"Host": "evil.example"}
        assert receiver.http.get(path, headers=headers).status_code == 401
        allowed = receiver.http.get(path, headers={**headers, **bearer(ALICE_TOKEN)})
        assert allowed.status_code == 200
    assert receiver.http.get("/metrics", headers={"Host": "evil.example"}).status_code == 200


def test_a_failing_journal_is_503(receiver: Receiver) -> None:
    """Reading or writing, the API says that it cannot, and to come again."""
    receiver.services.journal.rows("ALTER TABLE incidents RENAME TO away")
    answer = receiver.get("/incidents")
    assert reason_of(answer, 503)
    assert answer.headers["Retry-After"]
    receiver.services.journal.rows("ALTER TABLE away RENAME TO incidents")
    assert receiver.get("/incidents").status_code == 200


def test_readiness_follows_the_engine(receiver: Receiver) -> None:
    """Healthy means it answers; ready means the loops run."""
    assert receiver.http.get("/-/ready").status_code == 200
    receiver.engine.ready = False
    assert receiver.http.get("/-/ready").status_code == 503
    assert receiver.http.get("/-/healthy").status_code == 200
