"""What may run now. Facts are read just before; the judgement is pure."""

import enum
from dataclasses import dataclass

from exporter.errors import Reason, SourceError
from exporter.readings import KillSwitchReading
from remediation.bot_state import BotStateName, BotStates
from remediation.incident import State
from remediation.incidents import Incidents
from remediation.playbooks.base import BudgetKind, Phase, Step, StepContext
from remediation.step_log import StepLog


class Permission(enum.StrEnum):
    """The guard's answer. Closed; all but the first two name what is in the way."""

    ALLOWED = "allowed"
    PLAN_ONLY = "plan_only"
    HALTED = "halted"
    STORM = "storm"
    OVER_BUDGET = "over_budget"
    LATCHED = "latched"
    BANNED = "banned"
    MAINTENANCE = "maintenance"
    VENUE_UNKNOWN = "venue_unknown"
    HELD = "held_by_an_open_incident"
    HELD_FOR_PERSON = "held_by_a_pause_that_only_a_person_may_lift"
    CORRUPT = "corrupt"

    @property
    def passes_by_itself(self) -> bool:
        """Whether looking again later may help without a person."""
        return self.retry_seconds > 0

    @property
    def retry_seconds(self) -> float:
        """When to look again; a venue that asked for silence is left alone for longer."""
        if self in (Permission.BANNED, Permission.MAINTENANCE):
            return 60.0
        return 5.0 if self in (Permission.VENUE_UNKNOWN, Permission.HELD) else 0.0


@dataclass(frozen=True)
class GuardFacts:
    """What the guard judges; the last four are read only for steps that expose.

    ``held`` is HELD or HELD_FOR_PERSON while the bot is paused by another incident.
    """

    dry_run: bool
    halted: bool
    open_incidents: int
    storm_limit: int
    spent: int = 0
    budget: int = 1
    latched: bool = False
    held: Permission = Permission.ALLOWED
    venue: Permission = Permission.ALLOWED
    files_valid: bool = True


def permit(step: Step, facts: GuardFacts) -> Permission:
    """Judge one step.

    A step that changes nothing is always allowed: evidence is never forbidden; nor is a
    proof, which at worst contains again. A halt stops every other change. A storm stops
    repair and resume, never containment. A latch, another incident's pause, a ban,
    maintenance and corruption stop what lets the bot trade; a dry run does not ask, since
    the steps that would have cleared them were not taken either.
    """
    if not step.changes:
        return Permission.ALLOWED
    if step.proves:
        return Permission.PLAN_ONLY if facts.dry_run else Permission.ALLOWED
    if facts.halted:
        return Permission.HALTED
    if facts.open_incidents > facts.storm_limit and step.phase >= Phase.FIX:
        return Permission.STORM
    if step.budget is not None and facts.spent >= facts.budget:
        return Permission.OVER_BUDGET
    if facts.dry_run:
        return Permission.PLAN_ONLY
    return _permit_exposure(facts) if step.exposure else Permission.ALLOWED


def _permit_exposure(facts: GuardFacts) -> Permission:
    if facts.latched:
        return Permission.LATCHED
    if facts.held is not Permission.ALLOWED:
        return facts.held
    if facts.venue is not Permission.ALLOWED:
        return facts.venue
    return Permission.ALLOWED if facts.files_valid else Permission.CORRUPT


class Guard:
    """Gather the facts for a step and judge it."""

    def __init__(self, incidents: Incidents, steps: StepLog, states: BotStates) -> None:
        self._incidents = incidents
        self._steps = steps
        self._states = states

    def judge(self, step: Step, ctx: StepContext) -> Permission:
        """Whether the step may act now, from facts read now."""
        return permit(step, self._facts(step, ctx))

    def _facts(self, step: Step, ctx: StepContext) -> GuardFacts:
        bot, settings = ctx.bot, ctx.settings
        still_open = self._incidents.in_state(State.QUEUED, State.RUNNING, State.WAITING)
        budgets = {
            BudgetKind.RESTART: settings.restart_budget,
            BudgetKind.CLOCK: settings.clock_budget,
        }
        budget = budgets[step.budget] if step.budget else None
        reading = ctx.world.kill_switch(bot) if step.exposure else None
        return GuardFacts(
            dry_run=settings.dry_run,
            halted=self._states.get(bot.name).state is BotStateName.HALTED,
            open_incidents=sum(incident.bot == bot.name for incident in still_open),
            storm_limit=settings.storm_scenarios,
            spent=0
            if step.budget is None or budget is None
            else self._steps.spent(bot.name, step.budget, budget.window_seconds),
            budget=1 if budget is None else budget.actions,
            latched=reading is not None and reading.engaged,
            held=Permission.ALLOWED if reading is None else self._held(reading, ctx.incident.id),
            venue=_venue(ctx) if step.exposure else Permission.ALLOWED,
            files_valid=not step.exposure or _files_valid(ctx),
        )

    def _held(self, reading: KillSwitchReading, incident_id: str) -> Permission:
        """Only the run that set a pause may lift it; after its end, only a person."""
        if not reading.paused or reading.pause_incident == incident_id:
            return Permission.ALLOWED
        other = self._incidents.get(reading.pause_incident or "")
        is_open = other is not None and other.state is not State.CLOSED
        return Permission.HELD if is_open else Permission.HELD_FOR_PERSON


def _venue(ctx: StepContext) -> Permission:
    try:
        status = ctx.world.venue_status(ctx.bot)
    except SourceError as error:
        if error.reason in (Reason.BANNED, Reason.RATE_LIMITED):
            return Permission.BANNED
        if error.reason is Reason.MAINTENANCE:
            return Permission.MAINTENANCE
        return Permission.VENUE_UNKNOWN
    return Permission.MAINTENANCE if status.maintenance else Permission.ALLOWED


def _files_valid(ctx: StepContext) -> bool:
    try:
        ctx.world.positions_file(ctx.bot)
    except SourceError:
        return False
    return True
