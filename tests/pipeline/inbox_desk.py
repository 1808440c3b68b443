"""An inbox with its journal and a clock to turn."""

from dataclasses import dataclass

from exporter.config import Config
from remediation.admission import Decision
from remediation.alert import Alert, parse_alert
from remediation.bot_state import BotStates
from remediation.escalation import Escalations
from remediation.inbox import Inbox
from remediation.incident import Outcome, State
from remediation.incidents import Incidents
from remediation.journal import Journal
from tests.pipeline.receiver import alert_json
from tests.pipeline.rehearsal import Clock


@dataclass
class Desk:
    """An inbox and the stores behind it."""

    clock: Clock
    config: Config
    journal: Journal
    inbox: Inbox
    incidents: Incidents
    states: BotStates
    escalations: Escalations

    def offer(self, alert: Alert | None = None, **changed: str) -> Decision:
        """Offer one alert."""
        (decided,) = self.inbox.offer((alert or parse_alert(alert_json(**changed)),), "test")
        return decided.decision

    def run(self, outcome: Outcome, **changed: str) -> None:
        """Let an alert open an incident that ends at once."""
        alert = parse_alert(alert_json(**changed))
        (decided,) = self.inbox.offer((alert,), "test")
        assert decided.incident is not None, decided
        self.close(decided.incident, outcome)

    def close(self, incident_id: str, outcome: Outcome) -> None:
        """Claim and close an incident."""
        incident = self.incidents.get(incident_id)
        assert incident is not None
        assert self.incidents.claim(incident)
        assert self.incidents.close(incident_id, State.RUNNING, outcome, "test")
