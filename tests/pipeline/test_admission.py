"""The decision on an alert: pure, total, and true to what its docstring promises."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Config
from exporter.config_file import load
from remediation.admission import STRIKES, Decision, Facts, LastRun, decide, screen
from remediation.alert import Alert
from remediation.incident import Outcome, Severity
from remediation.playbooks import PLAYBOOKS
from remediation.playbooks.base import Playbook
from tests.pipeline.receiver import labels, write_config

COOLS = Playbook("clock_drift", "2", 30, (), cools_down=True)
EACH_IS_NEW = Playbook("process_crash", "6", 20, (), cools_down=False)

RUNS = st.builds(
    LastRun,
    outcome=st.sampled_from(Outcome),
    severity=st.sampled_from(Severity),
    seconds_ago=st.floats(0, 1e6),
)
FACTS = st.builds(
    Facts,
    known=st.none() | st.sampled_from(Decision),
    has_open_incident=st.booleans(),
    halted=st.booleans(),
    opened_recently=st.integers(0, 30),
    last_runs=st.lists(RUNS, max_size=3).map(tuple),
    in_watch=st.booleans(),
)
ALERTS = st.sampled_from(["critical", "warning", "info", "", "unheard-of"]).map(
    lambda severity: alert(severity=severity)
)
PLAYBOOK = st.sampled_from([COOLS, EACH_IS_NEW])


def alert(status: str = "firing", **changed: str) -> Alert:
    """One remediable alert of alpha."""
    return Alert("abc", status, 0, labels(**changed), {})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Two bots, default limits."""
    return load(write_config(Path(tmp_path_factory.mktemp("config"))))


def budget_left(config: Config, facts: Facts) -> bool:
    """Whether the incident budget allows one more."""
    return facts.opened_recently < config.remediation.incident_budget.actions


def blocked(facts: Facts) -> bool:
    """Whether the last runs used up all strikes."""
    return [run.outcome for run in facts.last_runs] == [Outcome.INEFFECTIVE] * STRIKES


@settings(deadline=None)
@given(ALERTS, PLAYBOOK, FACTS)
def test_every_alert_gets_a_decision_with_its_reason(
    config: Config, alert: Alert, playbook: Playbook, facts: Facts
) -> None:
    """Total: any facts give a verdict in words, and the same ones the same verdict."""
    verdict = decide(alert, config, playbook, facts)
    assert verdict.detail
    assert verdict == decide(alert, config, playbook, facts)


@settings(deadline=None)
@given(ALERTS, PLAYBOOK, FACTS)
def test_what_was_decided_stands_unless_deferred(
    config: Config, alert: Alert, playbook: Playbook, facts: Facts
) -> None:
    """Only an alert that was deferred, or dropped as gone, is decided again."""
    verdict = decide(alert, config, playbook, facts)
    again = facts.known is None or facts.known.deferred or facts.known is Decision.GONE
    assert (verdict.decision is not Decision.DUPLICATE) == again


@settings(deadline=None)
@given(ALERTS, PLAYBOOK, FACTS)
def test_nothing_is_opened_against_a_rule(
    config: Config, alert: Alert, playbook: Playbook, facts: Facts
) -> None:
    """Acceptance needs: new, nothing open, strikes left, not halted, budget left, cooled."""
    if decide(alert, config, playbook, facts).decision is not Decision.ACCEPTED:
        return
    assert facts.known is None or facts.known.deferred or facts.known is Decision.GONE
    assert not facts.has_open_incident
    assert not blocked(facts)
    assert not facts.halted
    critical = facts.in_watch or Severity.of(alert.label("severity")) is Severity.CRITICAL
    assert critical or budget_left(config, facts)
    if playbook.cools_down and facts.last_runs and not facts.in_watch:
        last = facts.last_runs[0]
        cooled = last.seconds_ago >= config.remediation.cooldown_seconds
        assert cooled or Severity.of(alert.label("severity")) > last.severity


@settings(deadline=None)
@given(ALERTS, FACTS)
def test_a_worsening_is_never_hidden_by_cooling_down(
    config: Config, alert: Alert, facts: Facts
) -> None:
    """A higher severity than the last run's is not deferred for cooling down."""
    verdict = decide(alert, config, COOLS, facts)
    if verdict.decision is Decision.DEFERRED_COOLING_DOWN:
        assert Severity.of(alert.label("severity")) <= facts.last_runs[0].severity


@settings(deadline=None)
@given(ALERTS, PLAYBOOK, FACTS)
def test_budgets_are_counted_before_cooldown(
    config: Config, alert: Alert, playbook: Playbook, facts: Facts
) -> None:
    """Over budget is the reason given even where the cooldown would have held, too."""
    verdict = decide(alert, config, playbook, facts)
    if verdict.decision is Decision.DEFERRED_COOLING_DOWN:
        critical = Severity.of(alert.label("severity")) is Severity.CRITICAL
        assert critical or budget_left(config, facts)


@settings(deadline=None)
@given(ALERTS, PLAYBOOK, FACTS)
def test_three_strikes_block_whatever_else_is_true(
    config: Config, alert: Alert, playbook: Playbook, facts: Facts
) -> None:
    """Blocked needs exactly three ineffective runs, and is decided before any deferral."""
    verdict = decide(alert, config, playbook, facts)
    if verdict.decision is Decision.BLOCKED:
        assert blocked(facts)
    elif verdict.decision.deferred or verdict.decision is Decision.ACCEPTED:
        assert not blocked(facts)


@settings(deadline=None)
@given(ALERTS, FACTS)
def test_each_crash_is_a_new_failure(config: Config, alert: Alert, facts: Facts) -> None:
    """A playbook that does not cool down is never deferred for cooling down."""
    verdict = decide(alert, config, EACH_IS_NEW, facts)
    assert verdict.decision is not Decision.DEFERRED_COOLING_DOWN


def test_the_cooldown_ends(config: Config) -> None:
    """At exactly the configured seconds the alert is accepted."""
    seconds = config.remediation.cooldown_seconds
    for ago, decision in (
        (seconds - 0.001, Decision.DEFERRED_COOLING_DOWN),
        (seconds, Decision.ACCEPTED),
    ):
        facts = Facts(last_runs=(LastRun(Outcome.RECOVERED, Severity.CRITICAL, ago),))
        assert decide(alert(), config, COOLS, facts).decision is decision


@pytest.mark.parametrize(
    ("changed", "decision"),
    [
        ({}, None),
        ({"alertname": "Watchdog"}, Decision.WATCHDOG),
        ({"alertname": "Watchdog", "bot": "nobody"}, Decision.WATCHDOG),
        ({"remediate": "false"}, Decision.NOT_REMEDIABLE),
        ({"remediate": "True"}, Decision.NOT_REMEDIABLE),
        ({"remediate": ""}, Decision.NOT_REMEDIABLE),
        ({"bot": ""}, Decision.NOT_OURS),
        ({"bot": "ALPHA"}, Decision.NOT_OURS),
        ({"bot": "alpha "}, Decision.NOT_OURS),
        ({"bot": ".*"}, Decision.NOT_OURS),
        ({"mode": ""}, Decision.NOT_OURS),
        ({"mode": "live"}, Decision.NOT_OURS),
        ({"scenario": ""}, Decision.NO_PLAYBOOK),
        ({"scenario": "../clock_drift"}, Decision.NO_PLAYBOOK),
        ({"status": "resolved"}, Decision.RESOLVED),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    config: Config, changed: dict[str, str], decision: Decision | None
) -> None:
    """An empty or unknown selector never means "all"; only exact matches go on."""
    verdict = screen(alert(**changed), config, PLAYBOOKS)
    assert (None if verdict is None else verdict.decision) is decision


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(labels())), st.text(max_size=20)))
def test_any_labels_are_screened(config: Config, changed: dict[str, str]) -> None:
    """Only an alert of a configured bot in its mode, with a playbook, gets past."""
    given_labels = {**labels(), **changed}
    verdict = screen(Alert("abc", "firing", 0, given_labels, {}), config, PLAYBOOKS)
    if verdict is None:
        bot = config.bot(given_labels["bot"])
        assert bot is not None
        assert bot.mode == given_labels["mode"]
        assert given_labels["scenario"] in PLAYBOOKS
        assert given_labels["remediate"] == "true"
    else:
        assert verdict.detail
