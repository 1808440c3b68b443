"""``/api/v1``: what an operator's program may read, and the few things it may change."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, request

from exporter.config import Bot
from remediation.api_changes import change_routes
from remediation.dossier import (
    approval_json,
    bot_json,
    brief,
    full,
    open_call_json,
    read_dossier,
)
from remediation.errors import PayloadError
from remediation.incident import Incident, State
from remediation.receiver import EngineView
from remediation.report import markdown
from remediation.resume_gate import GateAnswer
from remediation.services import Services

_OPEN = (State.QUEUED, State.RUNNING, State.WAITING)
_LIST_LIMIT = 200


@dataclass(frozen=True)
class ApiParts:
    """What the routes work with. ``gate`` proves a bot fit to trade again."""

    services: Services
    engine: EngineView
    gate: Callable[[Bot], GateAnswer]


def api(parts: ApiParts) -> Blueprint:
    """All routes under ``/api/v1``."""
    routes = Blueprint("api", __name__, url_prefix="/api/v1")
    _incident_routes(routes, parts.services)
    _state_routes(routes, parts.services)
    change_routes(routes, parts.services, parts.engine, parts.gate)
    return routes


def select_incidents(services: Services, state: str) -> tuple[Incident, ...]:
    """The newest incidents: all, the open ones, or those in one state.

    Raises:
        PayloadError: 400 unknown state.
    """
    if state == "":
        found = services.incidents.in_state()
    elif state == "open":
        found = services.incidents.in_state(*_OPEN)
    elif state in tuple(State):
        found = services.incidents.in_state(State(state))
    else:
        accepted = ", ".join(("open", *State))
        raise PayloadError(400, f"state is {state!r:.40}; accepted: {accepted}")
    return found[: -_LIST_LIMIT - 1 : -1]


def _incident_routes(routes: Blueprint, services: Services) -> None:
    @routes.get("/incidents")
    def list_incidents() -> Response:
        found = select_incidents(services, request.args.get("state", ""))
        return jsonify(incidents=[brief(incident) for incident in found])

    @routes.get("/incidents/<incident_id>")
    def show_incident(incident_id: str) -> Response:
        dossier = read_dossier(services, incident_id)
        if dossier is None:
            raise PayloadError(404, f"no incident {incident_id:.80}")
        return jsonify(full(dossier))

    @routes.get("/incidents/<incident_id>/report")
    def show_report(incident_id: str) -> Response:
        dossier = read_dossier(services, incident_id)
        if dossier is None:
            raise PayloadError(404, f"no incident {incident_id:.80}")
        return Response(markdown(dossier), mimetype="text/markdown")


def _state_routes(routes: Blueprint, services: Services) -> None:
    @routes.get("/approvals")
    def list_approvals() -> Response:
        return jsonify(approvals=[approval_json(a) for a in services.approvals.pending()])

    @routes.get("/escalations")
    def list_escalations() -> Response:
        return jsonify(escalations=[open_call_json(c) for c in services.escalations.open()])

    @routes.get("/bots")
    def list_bots() -> Response:
        return jsonify(bots=[bot_json(services, bot) for bot in services.config.bots])
