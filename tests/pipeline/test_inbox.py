"""Acceptance over time: what joins, waits, blocks and comes back, with a clock of our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config_file import load
from remediation.admission import Decision
from remediation.alert import parse_alert
from remediation.bot_state import BotStateName, BotStates
from remediation.escalation import EscalationKind, Escalations
from remediation.inbox import Inbox
from remediation.incident import Outcome, Severity, State
from remediation.incidents import Incidents
from remediation.journal import Journal
from remediation.playbooks import PLAYBOOKS
from remediation.timing import Moment
from tests.pipeline.inbox_desk import Desk
from tests.pipeline.receiver import alert_json, write_config
from tests.pipeline.rehearsal import Clock

BOOTED = Moment("boot-1", 1000.0, 1_795_500_000.0)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Default limits: cooldown 300 s, 12 incidents an hour, a watch of an hour."""
    config, clock = load(write_config(tmp_path)), Clock(BOOTED)
    journal = Journal(tmp_path / "data", clock)
    yield Desk(
        clock,
        config,
        journal,
        Inbox(config, journal, PLAYBOOKS),
        Incidents(journal),
        BotStates(journal),
        Escalations(journal),
    )
    journal.close()


def test_a_second_symptom_joins_and_the_worse_one_stays(desk: Desk) -> None:
    """One open incident per bot and scenario; severity only rises."""
    assert desk.offer(severity="warning", alertname="TradingBotClockDriftWarning") == "accepted"
    assert desk.offer(severity="critical") == "joined"
    assert desk.offer(severity="warning") == "joined"
    (incident,) = desk.incidents.in_state()
    assert incident.severity is Severity.CRITICAL
    assert incident.alertname == "TradingBotClockDriftCritical"


def test_other_bots_and_scenarios_are_incidents_of_their_own(desk: Desk) -> None:
    """Joining never crosses bots or scenarios."""
    assert desk.offer() == "accepted"
    assert desk.offer(scenario="process_crash") == "accepted"
    assert desk.offer(bot="beta", mode="live") == "accepted"
    assert len(desk.incidents.in_state()) == 3


def test_a_repeat_soon_after_a_run_cools_down_and_is_decided_again(desk: Desk) -> None:
    """Deferred, not forgotten: the same alert is accepted when the cooldown has passed."""
    desk.run(Outcome.UNPROVEN)
    alert = parse_alert(alert_json())
    assert desk.offer(alert) is Decision.DEFERRED_COOLING_DOWN
    assert [item.alert.identity for item in desk.inbox.deferred()] == [alert.identity]
    desk.clock.sleep(299)
    assert desk.offer(alert) is Decision.DEFERRED_COOLING_DOWN
    desk.clock.sleep(1)
    assert desk.offer(alert) is Decision.ACCEPTED
    assert desk.inbox.deferred() == ()


def test_a_repaired_wall_clock_does_not_end_a_cooldown(desk: Desk) -> None:
    """Cooldowns run on the boot clock: a step of an hour changes nothing."""
    desk.run(Outcome.UNPROVEN)
    desk.clock.step_wall(3600)
    assert desk.offer() is Decision.DEFERRED_COOLING_DOWN
    desk.clock.step_wall(-7200)
    desk.clock.sleep(300)
    assert desk.offer() is Decision.ACCEPTED


def test_a_reboot_does_not_end_a_cooldown(desk: Desk) -> None:
    """Across a reboot only what both clocks agree on has passed."""
    desk.run(Outcome.UNPROVEN)
    desk.clock.reboot(uptime=20.0, wall_passed=3600.0)
    assert desk.offer() is Decision.DEFERRED_COOLING_DOWN
    desk.clock.sleep(280)
    assert desk.offer() is Decision.ACCEPTED


def test_a_worsening_is_accepted_at_once(desk: Desk) -> None:
    """The cooldown after a warning does not hide a critical alert."""
    desk.run(Outcome.RECOVERED, severity="warning")
    assert desk.offer(severity="warning") is Decision.DEFERRED_COOLING_DOWN
    assert desk.offer(severity="critical") is Decision.ACCEPTED


def test_every_crash_is_a_new_failure(desk: Desk) -> None:
    """A second crash right after a recovery is not put off."""
    desk.run(Outcome.RECOVERED, scenario="process_crash")
    assert desk.offer(scenario="process_crash") is Decision.ACCEPTED


def test_three_ineffective_runs_block_until_rearmed(desk: Desk) -> None:
    """Three strikes: blocked and paged; re-arming forgets them."""
    for _ in range(3):
        desk.run(Outcome.INEFFECTIVE)
        desk.clock.sleep(300)
    alert = parse_alert(alert_json())
    assert desk.offer(alert) is Decision.BLOCKED
    assert desk.offer(alert) is Decision.DUPLICATE
    (call,) = desk.escalations.open()
    assert call.kind is EscalationKind.BLOCKED
    assert desk.offer(scenario="process_crash") is Decision.ACCEPTED
    desk.states.rearm("alpha", actor="alice", reason="fixed the cause")
    desk.inbox.unblock("alpha")
    assert desk.offer(alert) is Decision.ACCEPTED


@pytest.mark.parametrize("between", [Outcome.RECOVERED, Outcome.UNPROVEN, Outcome.DRY_RUN])
def test_only_strikes_in_a_row_count(desk: Desk, between: Outcome) -> None:
    """Any other outcome between them means the row is broken."""
    for outcome in (Outcome.INEFFECTIVE, Outcome.INEFFECTIVE, between, Outcome.INEFFECTIVE):
        desk.run(outcome)
        desk.clock.sleep(300)
    assert desk.offer() is Decision.ACCEPTED


def test_a_halted_bot_defers_and_others_go_on(desk: Desk) -> None:
    """A halt is this bot's; what came meanwhile is decided when it is re-armed."""
    desk.states.set("alpha", BotStateName.HALTED, actor="alice", reason="maintenance of ours")
    alert = parse_alert(alert_json())
    assert desk.offer(alert) is Decision.DEFERRED_HALTED
    assert desk.offer(bot="beta", mode="live") is Decision.ACCEPTED
    desk.states.rearm("alpha", actor="alice", reason="done")
    assert desk.offer(alert) is Decision.ACCEPTED


def test_an_unreadable_state_is_halted(desk: Desk) -> None:
    """A word that nobody knows is not permission."""
    desk.states.set("alpha", BotStateName.ACTIVE, actor="alice", reason="test")
    desk.journal.execute("UPDATE bots SET state = 'activ'")
    assert desk.offer() is Decision.DEFERRED_HALTED


def test_the_incident_budget_defers(desk: Desk) -> None:
    """After twelve incidents in an hour a person must look; the hour's end frees it."""
    for _ in range(12):
        desk.run(Outcome.UNPROVEN, scenario="process_crash")
        desk.clock.sleep(60)
    alert = parse_alert(alert_json(scenario="process_crash", severity="warning"))
    assert desk.offer(alert) is Decision.DEFERRED_OVER_BUDGET
    desk.clock.sleep(3600 - 12 * 60)
    assert desk.offer(alert) is Decision.ACCEPTED


def test_a_critical_alert_is_never_over_the_incident_budget(desk: Desk) -> None:
    """Its containment must not wait; the budgets of its actions hold all the same."""
    for _ in range(12):
        desk.run(Outcome.UNPROVEN, scenario="process_crash")
    assert desk.offer(scenario="kill_switch", severity="warning") is Decision.DEFERRED_OVER_BUDGET
    assert desk.offer(scenario="kill_switch", severity="critical") is Decision.ACCEPTED


def test_in_the_hour_after_a_recovery_nothing_cools_down(desk: Desk) -> None:
    """Monitor closely: a symptom of the resumed bot counts as critical and is taken at once."""
    desk.run(Outcome.RECOVERED)
    assert desk.offer(severity="warning") is Decision.ACCEPTED
    (incident,) = [i for i in desk.incidents.in_state() if i.outcome is None]
    assert incident.severity is Severity.CRITICAL


def test_a_refusal_is_recorded_once(desk: Desk) -> None:
    """Reconciling shows the same stranger every 30 s; the journal must not grow with it."""
    alert = parse_alert(alert_json(bot="nobody"))
    for _ in range(10):
        assert desk.offer(alert) is Decision.NOT_OURS
    refused = desk.journal.rows("SELECT 1 FROM records WHERE kind = 'alert_refused'")
    assert len(refused) == 1


def test_a_resolved_watchdog_is_no_sign_of_life(desk: Desk) -> None:
    """Alertmanager resolves it when Prometheus has gone silent."""
    desk.offer(alertname="Watchdog", status="resolved")
    assert desk.inbox.last_watchdog is None
    desk.offer(alertname="Watchdog")
    assert desk.inbox.last_watchdog is not None


def test_a_deferred_alert_that_is_gone_is_dropped(desk: Desk) -> None:
    """A silence hides an alert from the list; when it ends, the same alert is decided anew."""
    desk.run(Outcome.UNPROVEN)
    alert = parse_alert(alert_json())
    desk.offer(alert)
    desk.inbox.drop(alert, "no longer active")
    assert desk.inbox.deferred() == ()
    assert desk.inbox.counts[Decision.GONE] == 1
    desk.clock.sleep(300)
    assert desk.offer(alert) is Decision.ACCEPTED


def test_a_deferred_alert_escalates_once(desk: Desk) -> None:
    """A person is called about what waits too long, and only once."""
    desk.run(Outcome.UNPROVEN)
    desk.offer()
    (deferred,) = desk.inbox.deferred()
    desk.inbox.escalate_deferred(deferred)
    (deferred,) = desk.inbox.deferred()
    assert deferred.escalated
    assert [call.kind for call in desk.escalations.open()] == [EscalationKind.DEFERRED]


def test_after_a_critical_recovery_every_symptom_is_critical(desk: Desk) -> None:
    """The first hour is watched: a mild symptom contains as a bad one would."""
    desk.run(Outcome.RECOVERED)
    assert desk.offer(scenario="process_crash", severity="warning") is Decision.ACCEPTED
    assert desk.incidents.in_state(State.QUEUED)[0].severity is Severity.CRITICAL


def test_the_watch_ends(desk: Desk) -> None:
    """After the hour a warning is a warning again."""
    desk.run(Outcome.RECOVERED)
    desk.clock.sleep(3600)
    desk.offer(scenario="process_crash", severity="warning")
    assert desk.incidents.in_state(State.QUEUED)[0].severity is Severity.WARNING


def test_only_one_run_of_an_account_is_claimed(desk: Desk) -> None:
    """The claim is by compare-and-set: the second gets nothing until the first is done."""
    desk.offer()
    desk.clock.sleep(1)
    desk.offer(scenario="process_crash")
    desk.clock.sleep(1)
    desk.offer(bot="beta", mode="live")
    first, second, other = desk.incidents.in_state(State.QUEUED)
    assert desk.incidents.claim(first)
    assert not desk.incidents.claim(first)
    assert not desk.incidents.claim(second)
    assert desk.incidents.claim(other)
    assert desk.incidents.close(first.id, State.RUNNING, Outcome.RECOVERED, "test")
    assert desk.incidents.claim(second)


def test_alert_text_cannot_reach_the_identifier(desk: Desk) -> None:
    """Incident ids become file names: they hold configured names only."""
    desk.offer(alertname="../../etc/passwd", instance="$(reboot)")
    (incident,) = desk.incidents.in_state()
    assert "/" not in incident.id
    assert incident.id.startswith("clock_drift-alpha-")
