"""How a run ends, and what is told to whom."""

import logging

from exporter.config import Bot
from remediation.bot_state import BotStateName
from remediation.escalation import EscalationKind
from remediation.incident import Incident, Outcome, Severity, State
from remediation.playbooks.base import Status, StepContext
from remediation.services import Services
from remediation.step_log import outcome_of
from remediation.world import World

_LOG = logging.getLogger(__name__)


def close(
    services: Services,
    incident: Incident,
    before: State,
    outcome: Outcome,
    reason: str,
    *,
    severity: Severity | None = None,
) -> bool:
    """End an incident and call a person if its outcome asks for one.

    False if it was not in ``before`` any more, or, where ``severity`` is given, worse.
    """
    bot = services.config.bot(incident.bot)
    held = bot is not None and _holds(services.world, bot, incident)
    if bot is not None and held:
        flag = bot.paths.pause_flag or bot.paths.kill_switch_flag
        reason += f"; the bot stays paused: remove {flag} to let it trade again"
    with services.journal.transaction():
        if not services.incidents.close(incident.id, before, outcome, reason, severity):
            return False
        noted = services.states.get(incident.bot)
        if noted.incident == incident.id and noted.state is BotStateName.PAUSED and not held:
            # A person has taken our mark away meanwhile.
            why = "our pause is gone"
            services.states.follow(
                incident.bot, BotStateName.ACTIVE, incident=incident.id, reason=why
            )
        services.approvals.void_pending(incident.id, f"the incident ended {outcome}")
        services.escalations.end(
            incident=incident.id,
            kind=EscalationKind.APPROVAL,
            actor="tradewarden",
            reason=f"the incident ended {outcome}",
        )
        if outcome.pages:
            services.escalations.call(
                EscalationKind.OUTCOME,
                incident=incident.id,
                bot=incident.bot,
                scenario=incident.scenario,
                summary=f"{incident.bot}: {incident.scenario} ended {outcome}: {reason}",
            )
    _LOG.info("incident closed incident=%s outcome=%s reason=%s", incident.id, outcome, reason)
    return True


def _holds(world: World, bot: Bot, incident: Incident) -> bool:
    """Whether the incident's own mark is on the bot now."""
    return world.kill_switch(bot).pause_incident == incident.id


def ending(ctx: StepContext) -> tuple[Outcome, str] | None:
    """How the run ends if one of its steps has ended it."""
    for name, result in ctx.results.items():
        if result.status in (Status.STOP, Status.FAILED, Status.REFUSED):
            return outcome_of(result), f"{name}: {result.summary}"
    return None


def conclusion(ctx: StepContext) -> tuple[Outcome, str]:
    """How a run ends whose every step is settled."""
    if _holds(ctx.world, ctx.bot, ctx.incident):
        return Outcome.ESCALATED, "the cause is gone, but nothing has resumed the bot"
    if any(result.status is Status.WOULD for result in ctx.results.values()):
        return Outcome.DRY_RUN, "dry-run: nothing was changed"
    return Outcome.RECOVERED, "the source reads healthy and Prometheus no longer fires"
