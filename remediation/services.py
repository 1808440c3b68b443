"""Everything one receiver is made of, built once from the configuration."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Config
from remediation.actuators import Actuators, build_actuators
from remediation.alerting import Alerting
from remediation.approval import Approvals
from remediation.bot_state import BotStates
from remediation.escalation import Escalations
from remediation.inbox import Inbox
from remediation.incidents import Incidents
from remediation.journal import Journal
from remediation.playbooks import PLAYBOOKS
from remediation.playbooks.base import Playbook
from remediation.redact import known_secrets, redact
from remediation.step_log import StepLog
from remediation.world import World


@dataclass(frozen=True)
class Services:
    """The stores, the eyes and the hands; what is passed where others need them."""

    config: Config
    config_path: Path
    journal: Journal
    incidents: Incidents
    steps: StepLog
    approvals: Approvals
    escalations: Escalations
    states: BotStates
    inbox: Inbox
    playbooks: Mapping[str, Playbook]
    world: World
    hands: Actuators
    alerting: Alerting

    def close(self) -> None:
        """Close connections and give the journal up."""
        self.alerting.close()
        self.world.close()
        self.journal.close()


def build_services(
    config: Config,
    *,
    config_path: Path,
    journal: Journal | None = None,
    playbooks: Mapping[str, Playbook] = PLAYBOOKS,
) -> Services:
    """Open the journal and build the rest around it.

    Raises:
        JournalError: the journal cannot be opened or belongs to another receiver.
    """
    journal = journal or Journal(Path(config.remediation.data_dir))
    steps = StepLog(journal, functools.partial(redact, secrets=known_secrets(config)))
    return Services(
        config=config,
        config_path=config_path.resolve(),
        journal=journal,
        incidents=Incidents(journal),
        steps=steps,
        approvals=Approvals(journal),
        escalations=Escalations(journal),
        states=BotStates(journal),
        inbox=Inbox(config, journal, playbooks),
        playbooks=playbooks,
        world=World(config),
        hands=build_actuators(config, steps.spawned),
        alerting=Alerting(config.prometheus_url, config.alertmanager_urls),
    )
