"""What a run makes of the guard's answers: refuse, wait, hand over, or only plan."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config import Budget
from exporter.errors import Reason, SourceError
from remediation.bot_state import BotStateName
from remediation.escalation import EscalationKind
from remediation.incident import Outcome, Severity, State
from remediation.playbooks.base import (
    BudgetKind,
    Phase,
    StepContext,
    StepResult,
    done,
    failed,
    skipped,
)
from tests.pipeline.rehearsal import Script, playbook, rehearsal


@pytest.fixture
def script() -> Script:
    """Makes steps and keeps their order."""
    return Script()


def test_a_reboot_does_not_refill_a_budget(tmp_path: Path, script: Script) -> None:
    """Used counts as used until both clocks, the wall's and the new boot's, say otherwise."""
    book = playbook("made_up", script.step("start", changes=True, budget=BudgetKind.RESTART))
    with rehearsal(tmp_path, book, restart_budget=Budget(actions=1)) as stage:
        assert stage.run(stage.open("made_up")).outcome is Outcome.RECOVERED
        stage.clock.reboot(uptime=30.0, wall_passed=86_400.0)
        assert "over_budget" in stage.run(stage.open("made_up")).reason
        stage.clock.step_wall(-2 * 86_400.0)
        stage.clock.sleep(3600.0)
        assert "over_budget" in stage.run(stage.open("made_up")).reason
        stage.clock.step_wall(2 * 86_400.0)
        assert stage.run(stage.open("made_up")).outcome is Outcome.RECOVERED
        assert script.acted == ["start", "start"]


def test_a_repaired_wall_clock_does_not_refill_a_budget(tmp_path: Path, script: Script) -> None:
    """Within one boot only the boot clock counts."""
    book = playbook("made_up", script.step("slew", changes=True, budget=BudgetKind.CLOCK))
    with rehearsal(tmp_path, book, clock_budget=Budget(actions=1)) as stage:
        stage.run(stage.open("made_up"))
        stage.clock.step_wall(86_400.0)
        assert "over_budget" in stage.run(stage.open("made_up")).reason


def test_another_bots_budget_is_its_own(tmp_path: Path, script: Script) -> None:
    """What alpha has used leaves beta's untouched."""
    book = playbook("made_up", script.step("start", changes=True, budget=BudgetKind.RESTART))
    with rehearsal(tmp_path, book, restart_budget=Budget(actions=1)) as stage:
        assert stage.run(stage.open("made_up")).outcome is Outcome.RECOVERED
        assert stage.run(stage.open("made_up", bot="beta")).outcome is Outcome.RECOVERED


def test_over_budget_is_a_persons_concern(tmp_path: Path, script: Script) -> None:
    """Two restarts an hour: the third is refused and pages; an hour later it may."""
    book = playbook("made_up", script.step("start", changes=True, budget=BudgetKind.RESTART))
    with rehearsal(tmp_path, book, restart_budget=Budget(actions=2)) as stage:
        for _ in range(2):
            assert stage.run(stage.open("made_up")).outcome is Outcome.RECOVERED
        refused = stage.run(stage.open("made_up"))
        assert refused.outcome is Outcome.ESCALATED
        assert "over_budget" in refused.reason
        assert stage.calls() == [EscalationKind.OUTCOME]
        stage.clock.sleep(3600)
        assert stage.run(stage.open("made_up")).outcome is Outcome.RECOVERED
        assert script.acted == ["start"] * 3


def test_failed_actions_count_and_skipped_ones_do_not(tmp_path: Path, script: Script) -> None:
    """A start that failed has used the budget; one that was not needed has not."""
    ends = [skipped("not needed"), failed("broke"), done("did it")]
    step = script.step("start", changes=True, budget=BudgetKind.RESTART, act=lambda _: ends.pop(0))
    with rehearsal(tmp_path, playbook("made_up", step), restart_budget=Budget(actions=1)) as stage:
        assert stage.run(stage.open("made_up")).outcome is Outcome.RECOVERED
        assert "broke" in stage.run(stage.open("made_up")).reason
        assert "over_budget" in stage.run(stage.open("made_up")).reason
        assert script.acted == ["start", "start"]


def test_a_latch_forbids_trading_but_not_the_repair(tmp_path: Path, script: Script) -> None:
    """Found at resume, a latch stops the run there."""
    steps = (
        script.step("contain", Phase.CONTAIN, changes=True),
        script.step("fix", changes=True),
        script.step("resume", Phase.RESUME, changes=True, exposure=True),
    )
    with rehearsal(tmp_path, playbook("made_up", *steps)) as stage:
        stage.world.engaged = True
        incident = stage.run(stage.open("made_up"))
        assert incident.outcome is Outcome.ESCALATED
        assert "latched" in incident.reason
        assert script.acted == ["contain", "fix"]


def test_another_incidents_pause_is_waited_for(tmp_path: Path, script: Script) -> None:
    """While the incident that paused the bot is open, no other lets it go."""
    resume = script.step("resume", Phase.RESUME, changes=True, exposure=True)
    with rehearsal(tmp_path, playbook("made_up", resume), playbook("other")) as stage:
        incident_id, other = stage.open("made_up"), stage.open("other")
        stage.world.paused_by = other
        assert stage.run(incident_id).state is State.WAITING
        stage.run(other)
        refused = stage.again(incident_id)
        assert refused.outcome is Outcome.ESCALATED
        assert "only_a_person_may_lift" in refused.reason
        assert script.acted == []


def test_its_own_pause_holds_no_run_up(tmp_path: Path, script: Script) -> None:
    """The run that set the pause is the one that lifts it."""

    def lift(_: StepContext) -> StepResult:
        stage.world.paused_by = None
        return done("lifted")

    book = playbook(
        "made_up", script.step("resume", Phase.RESUME, lift, changes=True, exposure=True)
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.world.paused_by = incident_id
        assert stage.run(incident_id).outcome is Outcome.RECOVERED


def test_a_pause_that_a_person_has_taken_away_is_not_held_against_the_run(
    tmp_path: Path, script: Script
) -> None:
    """What lies on the bot counts, not what was noted when it was put there."""
    with rehearsal(tmp_path, playbook("made_up", script.step("fix"))) as stage:
        incident_id = stage.open("made_up")
        stage.services.states.follow(
            "alpha", BotStateName.PAUSED, incident=incident_id, reason="held"
        )
        assert stage.run(incident_id).outcome is Outcome.RECOVERED
        assert stage.services.states.get("alpha").state is BotStateName.ACTIVE


def test_a_bot_left_paused_is_named_with_its_way_out(tmp_path: Path, script: Script) -> None:
    """The person who is called learns which file to remove."""
    book = playbook("made_up", script.step("fix", act=lambda _: failed("broke")))
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.world.paused_by = incident_id
        stage.run(incident_id)
        (call,) = stage.services.escalations.open()
        assert "stays paused: remove state/kill_switch.flag" in call.summary


def test_a_halt_stops_every_change_but_not_the_evidence(tmp_path: Path, script: Script) -> None:
    """A person halts the bot during a run: what follows may look, not touch."""
    book = playbook(
        "made_up",
        script.step("evidence", Phase.IDENTIFY),
        script.step("contain", Phase.CONTAIN, changes=True),
    )
    with rehearsal(tmp_path, book) as stage:
        incident_id = stage.open("made_up")
        stage.services.states.set("alpha", BotStateName.HALTED, actor="alice", reason="test")
        assert stage.run(incident_id).outcome is Outcome.ESCALATED
        assert script.acted == ["evidence"]


def test_a_storm_contains_and_repairs_nothing(tmp_path: Path, script: Script) -> None:
    """More scenarios at once than the limit: contain, page, leave the rest to people."""
    book = playbook(
        "made_up",
        script.step("contain", Phase.CONTAIN, changes=True),
        script.step("fix", changes=True),
    )
    with rehearsal(tmp_path, book, playbook("other"), storm_scenarios=1) as stage:
        incident_id = stage.open("made_up")
        stage.open("other")
        incident = stage.run(incident_id)
        assert incident.outcome is Outcome.ESCALATED
        assert "storm" in incident.reason
        assert script.acted == ["contain"]


@pytest.mark.parametrize(
    "reason", [None, Reason.MAINTENANCE, Reason.BANNED, Reason.RATE_LIMITED, Reason.TIMEOUT]
)
def test_an_absent_venue_is_waited_for(
    tmp_path: Path, script: Script, reason: Reason | None
) -> None:
    """Maintenance, a ban and silence pass by themselves: look again, do not give up."""
    resume = script.step("resume", Phase.RESUME, changes=True, exposure=True)
    with rehearsal(tmp_path, playbook("made_up", resume)) as stage:
        incident_id = stage.open("made_up")
        stage.world.maintenance = reason is None
        stage.world.venue_error = None if reason is None else SourceError(reason, "no")
        waiting = stage.run(incident_id)
        assert waiting.state is State.WAITING
        assert waiting.retry_at is not None
        assert stage.statuses(incident_id) == []
        stage.world.maintenance, stage.world.venue_error = False, None
        assert stage.again(incident_id).outcome is Outcome.RECOVERED
        assert script.acted == ["resume"]


def test_corrupt_positions_forbid_trading(tmp_path: Path, script: Script) -> None:
    """A bot that cannot know its position is not let go."""
    resume = script.step("resume", Phase.RESUME, changes=True, exposure=True)
    with rehearsal(tmp_path, playbook("made_up", resume)) as stage:
        stage.world.positions_error = SourceError(Reason.INVALID, "half a file")
        assert "corrupt" in stage.run(stage.open("made_up")).reason
        assert script.acted == []


def test_a_dry_run_plans_even_where_a_latch_holds(tmp_path: Path, script: Script) -> None:
    """The release that would come first was only planned, so the latch refuses nothing."""
    book = playbook(
        "made_up",
        script.step("evidence", Phase.IDENTIFY),
        script.human("release"),
        script.step("verify", Phase.VERIFY, proves=True),
        script.step("resume", Phase.RESUME, changes=True, exposure=True),
    )
    with rehearsal(tmp_path, book, dry_run=True) as stage:
        stage.world.engaged = True
        incident = stage.run(stage.open("made_up"))
        assert incident.outcome is Outcome.DRY_RUN
        assert script.acted == ["evidence"]
        statuses = [status for _, status in stage.statuses(incident.id)]
        assert statuses == ["done", "would", "skipped", "would"]
        assert "dry-run: would do release" in stage.summary(incident.id, "release")
        assert stage.calls() == []
        assert stage.services.approvals.pending() == ()


_STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "phase": st.sampled_from(Phase),
            "changes": st.booleans(),
            "exposure": st.booleans(),
            "proves": st.booleans(),
            "human": st.booleans(),
            "budget": st.none() | st.sampled_from(BudgetKind),
            "min_severity": st.sampled_from(Severity),
        }
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    plan=_STEPS,
    engaged=st.booleans(),
    halted=st.booleans(),
    maintenance=st.booleans(),
    severity=st.sampled_from(["warning", "critical"]),
)
def test_a_dry_run_never_changes_anything(
    plan: list[dict[str, Any]], *, engaged: bool, halted: bool, maintenance: bool, severity: str
) -> None:
    """Whatever the playbook and the world: no step that changes something acts."""
    script = Script()
    steps = []
    for number, item in enumerate(plan):
        rest = {key: item[key] for key in ("phase", "exposure", "proves", "min_severity")}
        # A human step always changes something, or there would be nothing to approve.
        if item["human"]:
            steps.append(script.human(f"change{number}", **rest))
        else:
            name = f"change{number}" if item["changes"] else f"look{number}"
            rest |= {"changes": item["changes"], "budget": item["budget"]}
            steps.append(script.step(name, **rest))
    with (
        tempfile.TemporaryDirectory() as directory,
        rehearsal(Path(directory), playbook("made_up", *steps), dry_run=True) as stage,
    ):
        incident_id = stage.open("made_up", severity)
        stage.world.engaged, stage.world.maintenance = engaged, maintenance
        if halted:
            stage.services.states.set("alpha", BotStateName.HALTED, actor="x", reason="x")
        incident = stage.run(incident_id)
        assert not [name for name in script.acted if name.startswith("change")]
        assert stage.services.approvals.pending() == ()
        assert incident.state is State.CLOSED
