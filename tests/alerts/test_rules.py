"""The rule files: valid, tested in every respect, and true to their conventions."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.alerts.conftest import Tool
from tests.alerts.exposition import exposed, unknown_names
from tests.alerts.promql import selectors
from tests.alerts.rulefiles import ALERTS, RULES, Rule, read_yaml, seconds

_IDS = [rule.alert for rule in RULES]
_BY_NAME = {rule.alert: rule for rule in RULES}
_EACH = pytest.mark.parametrize("rule", RULES, ids=_IDS)
_TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))

_LOOK_BACK = "[1m]"
_JOIN = (
    "* on (bot, instance) group_left (mode)"
    " topk by (bot, instance) (1, last_over_time(tradingbot_info[1m]))"
)
_ANCHOR = "max by (bot, instance, mode) (last_over_time(tradingbot_info[1m])) unless"

# What a vanishing value's rules need beside them: source_up of these sources == 0.
_VOLATILE = {
    "tradingbot_clock_offset_seconds": {"ntp", "exchange"},
    "tradingbot_last_heartbeat_timestamp_seconds": {"heartbeat"},
    "tradingbot_process_instances": {"process"},
    "tradingbot_process_last_exit_clean": {"process"},
}
# Values that never disappear while their bot is reported (design §5), and our own.
_STABLE = re.compile(
    r"up|tradingbot_(info|source_up|config_readable|kill_switch_engaged|process_up"
    r"|\w+_threshold_seconds)|tradewarden_\w+"
)


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


@_EACH
def test_every_rule_has_every_kind_of_test(rule: Rule) -> None:
    """Each rule is tested firing, quiet, with its series absent, and for one of several."""
    firing = quiet = 0
    kinds = set()
    for case in read_yaml(ALERTS / "tests" / f"{rule.stem}.yml")["tests"]:
        for part in case["name"].split(";"):
            for alert, named in re.findall(r"(\w+): ([^:]+?)(?:, (?=\w+: )|$)", part.strip()):
                if alert == rule.alert:
                    kinds |= {
                        k for k in ("fires", "quiet", "absent", "one of several") if k in named
                    }
        for check in case.get("alert_rule_test", ()):
            if check["alertname"] == rule.alert:
                firing += bool(check["exp_alerts"])
                quiet += not check["exp_alerts"]
    assert firing
    if rule.alert != "Watchdog":  # it has no series, and is never quiet
        assert kinds == {"fires", "quiet", "absent", "one of several"}
        assert quiet


@_EACH
def test_a_rule_that_never_fires_fails_its_tests(
    promtool: Tool, tmp_path: Path, rule: Rule
) -> None:
    """The promtool tests notice when any one rule stops firing."""
    shutil.copytree(ALERTS, tmp_path / "alerts")
    path = tmp_path / "alerts/rules" / f"{rule.stem}.yml"
    content = read_yaml(path)
    for each in content["groups"][0]["rules"]:
        if each["alert"] == rule.alert:
            each["expr"] = "vector(1) > 2"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert promtool("test", "rules", tmp_path / "alerts/tests" / path.name).returncode != 0


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
        assert selector.range in {_LOOK_BACK, "[5m]"}, selector


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


@pytest.mark.parametrize("stem", sorted({rule.stem for rule in RULES}))
def test_vanishing_values_have_a_partner(stem: str) -> None:
    """Where a value can disappear, a rule of the same scenario fires on its source."""
    exprs = [rule.expr for rule in RULES if rule.stem == stem]
    sources = {
        source
        for expr in exprs
        for names in re.findall(r'tradingbot_source_up\{source=~?"([^"]*)"\}', expr)
        for source in names.split("|")
    }
    for metric in {s.metric for expr in exprs for s in selectors(expr)}:
        if not _STABLE.fullmatch(metric):
            assert _VOLATILE[metric] <= sources, metric


@pytest.mark.parametrize(
    ("stem", "metric"),
    [
        ("clock_drift", "tradingbot_clock_offset_seconds"),
        ("kill_switch", "tradingbot_kill_switch_engaged"),
        ("process_crash", "tradingbot_process_up"),
    ],
)
def test_absence_is_tested_per_bot(stem: str, metric: str) -> None:
    """Each scenario has a critical rule for one bot of several without its metric."""
    assert any(
        _flat(rule.expr).startswith(_ANCHOR)
        and metric in rule.expr
        and rule.labels["severity"] == "critical"
        for rule in RULES
        if rule.stem == stem
    )


@_EACH
def test_every_metric_exists(rule: Rule) -> None:
    """Rules name only metrics and labels that the programs really expose."""
    assert unknown_names(rule.expr, exposed()) == []
