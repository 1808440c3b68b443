"""What a crash of the receiver left behind, settled before anything new begins."""

import logging
from collections.abc import Callable

from remediation.actuators import live_pids
from remediation.actuators.orphans import kill_marked
from remediation.bot_state import BotStateName
from remediation.ending import close
from remediation.errors import ActionError, JournalError
from remediation.incident import Incident, Outcome, State
from remediation.services import Services

_LOG = logging.getLogger(__name__)


def settle_interrupted(services: Services, closed: Callable[[str], None]) -> None:
    """Close cut-off runs as interrupted, put untouched ones back into the queue.

    1. A step with an intent and no result may have acted: its processes are killed,
       its incident is INTERRUPTED and a person is called. It is never run again.
    2. A running incident without such a step was between two steps: it goes on.
    3. A wait that needs no person is over: its end was counted from another boot if
       the host was restarted.

    Args:
        services: what the receiver is made of.
        closed: called with the id of each incident that was closed.
    """
    for step in services.steps.half_done():
        killed = kill_marked(
            {step.id}, services.steps.spawns(step.id), spared=live_pids(services.config)
        )
        incident = services.incidents.get(step.incident)
        if incident is None:
            raise JournalError(f"step {step.id} belongs to no incident")
        services.journal.record(
            "step_interrupted", incident.id, step=step.name, id=step.id, killed=killed
        )
        if incident.state is State.RUNNING:
            _contain(services, incident, step.name)
            close(
                services,
                incident,
                State.RUNNING,
                Outcome.INTERRUPTED,
                f"the receiver died during step {step.name}; whether it acted is not known",
            )
            closed(incident.id)
        _LOG.warning(
            "run interrupted incident=%s step=%s killed=%s", incident.id, step.name, killed
        )
    for incident in services.incidents.in_state(State.RUNNING):
        services.incidents.requeue(incident.id, State.RUNNING, "the receiver was restarted")
    for incident in services.incidents.in_state(State.WAITING):
        if incident.retry_at is not None:
            services.incidents.requeue(incident.id, State.WAITING, "the receiver was restarted")


def _contain(services: Services, incident: Incident, step_name: str) -> None:
    """Put the pause back where a step was cut off that lets the bot trade.

    Whether it acted is not known; a bot that has been started without its proof must
    not trade unseen.
    """
    bot = services.config.bot(incident.bot)
    playbook = services.playbooks.get(incident.scenario)
    step = next((s for s in playbook.steps if s.name == step_name), None) if playbook else None
    if bot is None or step is None or services.config.remediation.dry_run:
        return
    # A proof that was cut off leaves a bot that trades unproved.
    if not step.exposure and not (step.proves and step.changes):
        return
    services.journal.record("contain_again", incident.id, step=step_name)
    try:
        detail = services.hands.bot.pause(bot, incident.id)
    except ActionError as error:
        detail = f"not paused: {error}"
    else:
        services.states.follow(bot.name, BotStateName.PAUSED, incident=incident.id, reason=detail)
    services.journal.record("contained_again", incident.id, step=step_name, detail=detail)
