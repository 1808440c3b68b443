"""Reading alerts: whatever is sent gives alerts or a reason, and never anything else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remediation.alert import ALERTS_LIMIT, Alert, parse_alert, parse_payload
from remediation.errors import PayloadError
from remediation.strict_json import decode
from tests.pipeline.receiver import alert_json, payload

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
TIMES = st.from_regex(
    r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)?\Z"
) | st.just("2026-11-24T05:00:00Z")
ALMOST_ALERTS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved", "suppressed"]) | ANY_JSON,
        "fingerprint": st.text("0123456789abcdef", max_size=40) | ANY_JSON,
        "startsAt": TIMES | ANY_JSON,
        "labels": st.dictionaries(st.text(), st.text() | ANY_JSON, max_size=5) | ANY_JSON,
        "annotations": st.dictionaries(st.text(), st.text() | ANY_JSON, max_size=5) | ANY_JSON,
    },
)
ALMOST_PAYLOADS = st.fixed_dictionaries(
    {"alerts": st.lists(ALMOST_ALERTS | ANY_JSON, max_size=3) | ANY_JSON},
    optional={
        "version": st.just("4") | ANY_JSON,
        "truncatedAlerts": st.integers() | ANY_JSON,
        "more": ANY_JSON,
    },
)


def outcome(read: Callable[[Any], Any], value: Any) -> Any:
    """What a reader returns, or the refusal that it raises."""
    try:
        return read(value)
    except PayloadError as error:
        return error


@settings(max_examples=400, deadline=None)
@given(ANY_JSON | ALMOST_PAYLOADS)
@example({"alerts": [{**alert_json(), "startsAt": "0000-01-01T00:00:00Z"}]})
@example({"alerts": [{**alert_json(), "startsAt": "9999-12-31T23:59:59-23:59"}]})
@example({"alerts": [{**alert_json(), "startsAt": "0001-01-01T00:00:00+23:59"}]})
@example({"alerts": [{**alert_json(), "startsAt": "2026-11-24T05:00:60Z"}]})
@example({"alerts": [{**alert_json(), "startsAt": "2026-11-24T05:00:00+99:99"}]})
@example({"alerts": [{**alert_json(), "startsAt": "٢٠٢٦-11-24T05:00:00Z"}]})
def test_any_json_gives_alerts_or_a_reason(value: Any) -> None:
    """Nothing that can be sent raises anything but a PayloadError of a 4xx."""
    read = outcome(parse_payload, value)
    if isinstance(read, PayloadError):
        assert 400 <= read.status < 500
        assert str(read)
        return
    alerts, truncated = read
    assert truncated >= 0
    for alert in alerts:
        assert alert.status in ("firing", "resolved")
        assert isinstance(alert.starts_at_ms, int)
        assert alert.verify_within(300.0) >= 0
        assert all(isinstance(text, str) for text in alert.labels.values())
        assert alert.identity.startswith(alert.fingerprint)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_decode_or_are_refused(body: bytes) -> None:
    """The JSON reader raises nothing but a PayloadError, and what it returns can be kept."""
    value = outcome(decode, body)
    if isinstance(value, PayloadError):
        assert value.status == 400
    else:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@settings(deadline=None)
@given(ANY_JSON)
def test_standard_json_is_read_as_it_is(value: Any) -> None:
    """Strictness refuses nothing that the standard allows."""
    assert decode(json.dumps(value, allow_nan=False).encode()) == value


def test_unknown_fields_are_ignored() -> None:
    """Newer versions of Alertmanager add fields at every level."""
    alert = {**alert_json(), "routeLabels": {"a": "b"}, "new": [1]}
    alerts, truncated = parse_payload(payload(alert, another={"x": None}))
    assert len(alerts) == 1
    assert truncated == 0


def test_absent_fields_have_their_documented_defaults() -> None:
    """A body with alerts alone is a body."""
    item = alert_json()
    for field in ("status", "annotations", "endsAt", "generatorURL"):
        del item[field]
    ((alert,), truncated) = parse_payload({"alerts": [item]})
    assert (alert.status, alert.annotations, truncated) == ("firing", {}, 0)


def test_webhook_and_api_give_one_identity() -> None:
    """The webhook carries nanoseconds, the API milliseconds, and the status differs."""
    sent = {**alert_json(), "startsAt": "2026-11-24T05:00:00.123456789Z"}
    listed = {
        **sent,
        "startsAt": "2026-11-24T05:00:00.123Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
    assert parse_alert(sent).identity == parse_alert(listed).identity
    assert parse_alert(listed).status == "firing"


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.9Z", 900),
        ("1970-01-01T00:00:00.000999999Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.5Z", -500),
        ("2026-11-24T05:00:00.123456789Z", 1795496400123),
    ],
)
def test_start_times_are_truncated_to_milliseconds(text: str, milliseconds: int) -> None:
    """Truncated, not rounded, in any zone, so that all spellings agree."""
    assert parse_alert({**alert_json(), "startsAt": text}).starts_at_ms == milliseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("1m30s", 90.0),
        ("1.5m", 90.0),
        ("250ms", 0.25),
        ("2h", 7200.0),
        ("", 7.0),
        ("soon", 7.0),
        ("90", 7.0),
        ("90s and more", 7.0),
        ("-5s", 7.0),
    ],
)
def test_verify_within_reads_durations_or_falls_back(text: str, seconds: float) -> None:
    """An annotation that is no duration must not end the proof at once."""
    alert = Alert("a", "firing", 0, {}, {"verify_within": text})
    assert alert.verify_within(7.0) == seconds


def test_the_number_of_alerts_is_bounded() -> None:
    """More alerts than could be meant are refused as too large."""
    with pytest.raises(PayloadError, match="more than 10000") as caught:
        parse_payload({"alerts": [{}] * (ALERTS_LIMIT + 1)})
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"bot": 1}, "labels.bot"),
        ({"bot": "x" * 5000}, "labels.bot"),
        ({f"l{i}": "x" for i in range(65)}, "labels"),
        ([], "labels"),
    ],
)
def test_labels_are_texts_of_bounded_size(labels: Any, named: str) -> None:
    """The refusal names the label."""
    with pytest.raises(PayloadError, match=named):
        parse_alert({**alert_json(), "labels": labels})
