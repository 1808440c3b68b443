"""The rule files: valid, tested in every respect, and true to their conventions."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.alerts.conftest import Tool
from tests.alerts.promql import selectors
from tests.alerts.rulefiles import ALERTS, RULES, Rule, read_yaml, seconds

# All rules over many minutes, on a busy machine: promtool itself may take longest.
pytestmark = pytest.mark.timeout(600)
_IDS = [rule.alert for rule in RULES]
_BY_NAME = {rule.alert: rule for rule in RULES}
_EACH = pytest.mark.parametrize("rule", RULES, ids=_IDS)
_TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))

_LOOK_BACK = "[1m]"
_TREND = "[30m]"  # what a line is drawn through; a failed scrape does not bend it
_BEFORE = "[1d] offset 5m"  # what a counter was before a gap in the scrapes
_LEFT_OPEN = {"[1m]": "[59s999ms]", "[5m]": "[4m59s999ms]", "[30m]": "[29m59s999ms]"}
_JOIN = (
    "* on (bot, instance) group_left (mode)"
    " topk by (bot, instance) (1, last_over_time(tradingbot_info[1m]))"
)
_ANCHOR = "max by (bot, instance, mode) (last_over_time(tradingbot_info[1m])) unless"


def _flat(expr: str) -> str:
    return " ".join(expr.split())


def test_promtool_accepts_rules_and_configuration(promtool: Tool) -> None:
    """Prometheus 2.42 loads every rule file and the configuration without a warning."""
    checks = (
        ("check", "rules", "--lint-fatal", *sorted((ALERTS / "rules").glob("*.yml"))),
        ("check", "config", "--lint-fatal", ALERTS / "prometheus.yml"),
    )
    for arguments in checks:
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", _TEST_FILES, ids=[path.stem for path in _TEST_FILES])
def test_promtool_rule_tests_pass(promtool: Tool, path: Path) -> None:
    """Every rule fires when it should and stays quiet when it should."""
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", _TEST_FILES, ids=[path.stem for path in _TEST_FILES])
def test_promtool_rule_tests_pass_with_left_open_ranges(
    promtool: Tool, tmp_path: Path, path: Path
) -> None:
    """They pass in Prometheus 3, too, where a sample exactly at a range's start is outside it.

    In 2.42 a range that is a millisecond shorter sees what a left-open one would.
    """
    shutil.copytree(ALERTS, tmp_path / "alerts")
    rules = tmp_path / "alerts/rules" / path.name
    text = rules.read_text(encoding="utf-8")
    for closed, left_open in _LEFT_OPEN.items():
        text = text.replace(closed, left_open)
    rules.write_text(text, encoding="utf-8")
    assert not re.search(r"\[\d+[mh]\]", text)
    done = promtool("test", "rules", tmp_path / "alerts/tests" / path.name)
    assert done.returncode == 0, done.stdout + done.stderr


@_EACH
def test_every_rule_has_every_kind_of_test(rule: Rule) -> None:
    """Each rule is tested firing, quiet, with its series absent, and for one of several.

    A rule that looks at a counter's increase also stays quiet when the counter starts anew.
    """
    firing = quiet = 0
    kinds = set()
    demanded = {"fires", "quiet", "absent", "one of several"}
    if "increase(" in rule.expr:
        demanded.add("starts anew")
    for case in read_yaml(ALERTS / "tests" / f"{rule.stem}.yml")["tests"]:
        for part in case["name"].split(";"):
            for alert, named in re.findall(r"(\w+): ([^:]+?)(?:, (?=\w+: )|$)", part.strip()):
                if alert == rule.alert:
                    kinds |= {kind for kind in demanded if kind in named}
        for check in case.get("alert_rule_test", ()):
            if check["alertname"] == rule.alert:
                firing += bool(check["exp_alerts"])
                quiet += not check["exp_alerts"]
    assert firing
    if rule.alert != "Watchdog":  # it has no series, and is never quiet
        assert kinds == demanded
        assert quiet


@_EACH
def test_a_rule_that_never_fires_fails_its_tests(
    promtool: Tool, tmp_path: Path, rule: Rule
) -> None:
    """The cases that name a rule notice when it stops firing."""
    rules, tests = (read_yaml(ALERTS / kind / f"{rule.stem}.yml") for kind in ("rules", "tests"))
    named = re.compile(rf"\b{rule.alert}: ")
    tests["tests"] = [case for case in tests["tests"] if named.search(case["name"])]
    tests["rule_files"] = ["rules.yml"]
    for each in rules["groups"][0]["rules"]:
        if each["alert"] == rule.alert:
            each["expr"] = "vector(1) > 2"
    for file, content in (("rules", rules), ("tests", tests)):
        (tmp_path / f"{file}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert promtool("test", "rules", tmp_path / "tests.yml").returncode != 0


@_EACH
def test_labels_and_annotations(rule: Rule) -> None:
    """Rules carry the routing labels and the texts a person needs, and no others."""
    assert set(rule.labels) <= {"severity", "scenario", "remediate"}
    assert rule.labels["scenario"] == rule.stem
    if rule.alert == "Watchdog":
        assert rule.labels["severity"] == "none"
    else:
        assert rule.labels["severity"] in {"critical", "warning", "info"}
    assert set(rule.annotations) - {"verify_within"} == {"summary", "description", "runbook_url"}
    # The summary groups alerts of several bots, so it names none of them.
    assert "{{" not in rule.annotations["summary"]
    assert rule.annotations["summary"].endswith(".")


@_EACH
def test_remediable_rules(rule: Rule) -> None:
    """Where a playbook may start, the rule is quick and says how long its proof may take."""
    if not rule.remediable:
        assert "verify_within" not in rule.annotations
        return
    assert rule.labels["remediate"] == "true"
    assert rule.labels["severity"] in {"critical", "warning"}
    assert rule.wait <= 10
    evaluation = seconds(read_yaml(ALERTS / "prometheus.yml")["global"]["evaluation_interval"])
    least = seconds(_LOOK_BACK.strip("[]")) + rule.keep_firing + 2 * evaluation
    assert seconds(rule.annotations["verify_within"]) >= least


@_EACH
def test_rules_survive_a_failed_scrape(rule: Rule) -> None:
    """No rule reads a bare series: one failed scrape would reset or resolve it."""
    for selector in selectors(rule.expr):
        if "absent" in rule.expr and selector.metric == "up" and selector.range is None:
            continue  # absent() is about the target, which a failed scrape does not remove
        trend = selector.function == "predict_linear" and selector.range == _TREND
        before = selector.range == "[1d]" and f"{selector.metric}{_BEFORE}" in rule.expr
        assert trend or before or selector.range in {_LOOK_BACK, "[5m]"}, selector


def test_scrapes_fit_into_the_look_back() -> None:
    """The shipped scrape interval puts at least three samples into every look-back."""
    interval = seconds(read_yaml(ALERTS / "prometheus.yml")["global"]["scrape_interval"])
    assert interval * 3 <= seconds(_LOOK_BACK.strip("[]"))


@_EACH
def test_bot_rules_carry_bot_and_mode(rule: Rule) -> None:
    """An alert about a bot takes its mode from tradingbot_info, in one way only."""
    if not any(s.metric.startswith("tradingbot_") for s in selectors(rule.expr)):
        return
    if rule.alert == "TradewardenBotsMissing":
        return  # about the absence of all bots
    flat = _flat(rule.expr)
    assert flat.endswith(_JOIN) or flat.startswith(_ANCHOR)
    assert "{{ $labels.bot }}" in rule.annotations["description"]
    assert "{{ $labels.mode }}" in rule.annotations["description"]


@pytest.mark.parametrize(
    ("stem", "metric", "severity"),
    [
        ("network_disconnection", "tradingbot_exchange_reachable", "critical"),
        ("clock_drift", "tradingbot_clock_offset_seconds", "critical"),
        ("kill_switch", "tradingbot_kill_switch_engaged", "critical"),
        # The usual reason, an exchange that cannot be reached, pages by itself.
        ("exchange_maintenance", "tradingbot_exchange_maintenance", "warning"),
        ("process_crash", "tradingbot_process_up", "critical"),
        ("position_mismatch", "tradingbot_positions", "critical"),
    ],
)
def test_absence_is_tested_per_bot(stem: str, metric: str, severity: str) -> None:
    """Where there is one metric to go by, a rule finds the one bot of several without it."""
    assert any(
        _flat(rule.expr).startswith(_ANCHOR)
        and metric in rule.expr
        and rule.labels["severity"] == severity
        for rule in RULES
        if rule.stem == stem
    )


@_EACH
def test_look_backs_start_nothing(rule: Rule) -> None:
    """A rule about the past fires on after the cause is gone, so no proof could rest on it."""
    if rule.remediable:
        assert "increase(" not in rule.expr
