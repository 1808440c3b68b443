"""What may run: the judgement, for any step and any facts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from remediation.guard import GuardFacts, Permission, permit
from remediation.playbooks.base import BudgetKind, Phase, Step, done

_VENUE = (
    Permission.ALLOWED,
    Permission.BANNED,
    Permission.MAINTENANCE,
    Permission.VENUE_UNKNOWN,
)
STEPS = st.builds(
    Step,
    phase=st.sampled_from(Phase),
    name=st.just("step"),
    title=st.just("Do it"),
    runbook=st.just("checklist 4"),
    act=st.just(lambda _: done("did it")),
    changes=st.booleans(),
    exposure=st.booleans(),
    proves=st.booleans(),
    budget=st.none() | st.sampled_from(BudgetKind),
)
FACTS = st.builds(
    GuardFacts,
    dry_run=st.booleans(),
    halted=st.booleans(),
    open_incidents=st.integers(1, 6),
    storm_limit=st.integers(1, 5),
    spent=st.integers(0, 5),
    budget=st.integers(1, 5),
    latched=st.booleans(),
    held=st.sampled_from((Permission.ALLOWED, Permission.HELD, Permission.HELD_FOR_PERSON)),
    venue=st.sampled_from(_VENUE),
    files_valid=st.booleans(),
)


@given(STEPS, FACTS)
def test_evidence_is_never_forbidden(step: Step, facts: GuardFacts) -> None:
    """A step that changes nothing is allowed whatever the facts."""
    if not step.changes:
        assert permit(step, facts) is Permission.ALLOWED


@given(STEPS, FACTS)
def test_a_change_is_allowed_only_with_nothing_in_its_way(step: Step, facts: GuardFacts) -> None:
    """Allowed means: not dry, not halted, no storm over a repair, budget left, free to trade."""
    if not step.changes or permit(step, facts) is not Permission.ALLOWED:
        return
    assert not facts.dry_run
    if step.proves:
        return
    assert not facts.halted
    assert step.phase <= Phase.CONTAIN or step.phase is Phase.ASSESS or not storm(facts)
    assert step.budget is None or facts.spent < facts.budget
    if step.exposure:
        assert not facts.latched
        assert facts.held is Permission.ALLOWED
        assert facts.venue is Permission.ALLOWED
        assert facts.files_valid


@given(STEPS, FACTS)
def test_containment_is_stopped_by_a_halt_and_its_budget_only(
    step: Step, facts: GuardFacts
) -> None:
    """Neither storm nor latch nor venue keeps a bot from being contained."""
    contain = replace(step, changes=True, exposure=False, proves=False, phase=Phase.CONTAIN)
    live = replace(facts, dry_run=False)
    free = not facts.halted and (contain.budget is None or facts.spent < facts.budget)
    assert (permit(contain, live) is Permission.ALLOWED) == free


@given(STEPS, FACTS)
def test_a_proof_is_never_forbidden(step: Step, facts: GuardFacts) -> None:
    """What at worst contains again runs whatever has happened since the resume."""
    proof = replace(step, changes=True, proves=True)
    assert permit(proof, replace(facts, dry_run=False)) is Permission.ALLOWED


@given(STEPS, FACTS)
def test_a_dry_run_allows_no_change(step: Step, facts: GuardFacts) -> None:
    """At most it plans."""
    if step.changes:
        assert permit(step, replace(facts, dry_run=True)) is not Permission.ALLOWED


@given(STEPS, FACTS)
def test_a_dry_run_plans_what_a_real_run_would_come_to(step: Step, facts: GuardFacts) -> None:
    """Halt, storm and budget refuse both alike; the rest depends on steps not taken."""
    dry, real = (permit(step, replace(facts, dry_run=dry)) for dry in (True, False))
    if real in (Permission.HALTED, Permission.STORM, Permission.OVER_BUDGET):
        assert dry is real
    elif step.changes:
        assert dry is Permission.PLAN_ONLY


def storm(facts: GuardFacts) -> bool:
    """Whether more scenarios are open than may be repaired."""
    return facts.open_incidents > facts.storm_limit
