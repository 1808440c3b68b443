"""Pages for people: what is open, what waits for whom, and one incident in full.

Rendered here, escaped by the template engine, without scripts. They only read:
whoever decides does it with his token, through the command line or the API.
"""

import secrets

from flask import Blueprint, g, render_template

from remediation.dossier import (
    approval_json,
    bot_json,
    brief,
    full,
    open_call_json,
    read_dossier,
)
from remediation.errors import PayloadError
from remediation.incident import State
from remediation.services import Services
from remediation.timeline import clock_time, timeline

_RECENT = 25


def views(services: Services) -> Blueprint:
    """The routes ``/`` and ``/incidents/<id>``."""
    routes = Blueprint("views", __name__)

    @routes.before_request
    def make_nonce() -> None:
        g.style_nonce = secrets.token_urlsafe(16)

    @routes.app_template_filter("clock")
    def clock(wall: float) -> str:
        return clock_time(wall)

    @routes.app_template_filter("seconds")
    def seconds(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f} s"  # noqa: RUF001 - a dash for people

    @routes.get("/")
    def index() -> str:
        found = services.incidents.in_state()
        still_open = [i for i in found if i.state is not State.CLOSED]
        closed = [i for i in found if i.state is State.CLOSED]
        return render_template(
            "index.html",
            dry_run=services.config.remediation.dry_run,
            open=[brief(incident) for incident in reversed(still_open)],
            closed=[brief(incident) for incident in closed[: -_RECENT - 1 : -1]],
            approvals=[approval_json(approval) for approval in services.approvals.pending()],
            calls=[open_call_json(call) for call in services.escalations.open()],
            bots=[bot_json(services, bot) for bot in services.config.bots],
            config_path=services.config_path,
        )

    @routes.get("/incidents/<incident_id>")
    def incident(incident_id: str) -> str:
        dossier = read_dossier(services, incident_id)
        if dossier is None:
            raise PayloadError(404, f"no incident {incident_id:.80}")
        return render_template(
            "incident.html",
            incident=full(dossier),
            timeline=timeline(dossier.records),
            config_path=services.config_path,
        )

    return routes
