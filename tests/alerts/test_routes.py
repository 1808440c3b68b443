"""Alertmanager's routing: who is told about which alert."""

from typing import Any

import pytest

from tests.alerts.conftest import Tool
from tests.alerts.rulefiles import ALERTS, RULES, Rule, read_yaml

_CONFIG = ALERTS / "alertmanager.yml"
_PERSON = {"critical": "pager", "warning": "tickets", "info": "context", "none": "context"}
_BOT = {"bot": "alpha", "mode": "live", "instance": "h:1"}


def _receivers(amtool: Tool, labels: dict[str, str]) -> list[str]:
    done = amtool(
        "config",
        "routes",
        "test",
        f"--config.file={_CONFIG}",
        *(f"{k}={v}" for k, v in labels.items()),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().split(",")


def _expected(labels: dict[str, str]) -> list[str]:
    """Who must hear of an alert, from its labels alone."""
    if labels["alertname"] == "Watchdog":
        return ["heartbeat", "remediation"]
    person = _PERSON.get(labels.get("severity", ""), "pager")
    return ["remediation", person] if labels.get("remediate") == "true" else [person]


def _route(index: int) -> Any:
    return read_yaml(_CONFIG)["route"]["routes"][index]


def test_amtool_accepts_the_configuration(amtool: Tool) -> None:
    """Alertmanager 0.25 loads the configuration."""
    done = amtool("check-config", _CONFIG)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=[rule.alert for rule in RULES])
@pytest.mark.parametrize("severity", ["critical", "warning", "info", "none", "surprise"])
def test_every_alert_with_every_severity(amtool: Tool, rule: Rule, severity: str) -> None:
    """Each alert reaches the right receivers, whatever severity it is given one day."""
    labels = {"alertname": rule.alert, **rule.labels, **_BOT, "severity": severity}
    assert _receivers(amtool, labels) == _expected(labels)


@pytest.mark.parametrize("severity", ["critical", ""])
@pytest.mark.parametrize(
    "alert", ["TradewardenIncidentEscalated", "TradewardenApprovalNeeded", "OfAnotherSystem"]
)
def test_alerts_that_are_not_ours_reach_a_person(amtool: Tool, alert: str, severity: str) -> None:
    """Escalations posted by the receiver, and alerts of unknown origin, page."""
    labels = {"alertname": alert, "bot": "alpha", "severity": severity}
    assert _receivers(amtool, labels) == ["pager"]


def test_an_unknown_value_of_remediate_starts_nothing(amtool: Tool) -> None:
    """Only the exact label remediate="true" leads to the receiver."""
    for value in ("True", "yes", "false", ""):
        labels = {"alertname": "X", "severity": "critical", "remediate": value}
        assert _receivers(amtool, labels) == ["pager"]


def test_routes_stand_in_order() -> None:
    """Watchdog outside, Watchdog to the receiver, remediable ones, then everything."""
    routes = read_yaml(_CONFIG)["route"]["routes"]
    assert [(r["receiver"], r.get("continue", False)) for r in routes] == [
        ("heartbeat", True),
        ("remediation", False),
        ("remediation", True),
        ("pager", False),
    ]
    assert "matchers" not in routes[3]


def test_remediable_alerts_arrive_at_once_and_each_alone() -> None:
    """No grouping and no waiting; repeats bring back what a crash may have lost."""
    route = _route(2)
    assert route["group_by"] == ["..."]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == (
        "0s",
        "10s",
        "5m",
    )


def test_the_watchdog_is_repeated_within_half_a_minute() -> None:
    """Both Watchdog routes repeat every 30 s and look for it more often than that."""
    for index in (0, 1):
        assert _route(index)["repeat_interval"] == "30s"
        assert _route(index)["group_interval"] == "5s"


def test_the_receivers_webhook() -> None:
    """Resolutions are sent, a storm is bounded, and the token is read from a file."""
    receivers = {r["name"]: r for r in read_yaml(_CONFIG)["receivers"]}
    (webhook,) = receivers["remediation"]["webhook_configs"]
    assert webhook["url"] == "http://127.0.0.1:9841/webhook/alertmanager"
    assert webhook["send_resolved"] is True
    assert webhook["max_alerts"] == 500
    assert webhook["http_config"]["authorization"] == {
        "type": "Bearer",
        "credentials_file": "/etc/tradewarden/webhook.token",
    }
