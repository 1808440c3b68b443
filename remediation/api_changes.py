"""The routes of ``/api/v1`` that change something: each names its operator and his reason."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from exporter.config import Bot
from remediation.admission import Decision
from remediation.alert import Alert
from remediation.approval import ApprovalState
from remediation.auth import operator_of
from remediation.bot_state import BotStateName
from remediation.dossier import approval_json
from remediation.errors import PayloadError
from remediation.escalation import EscalationKind
from remediation.incident import State
from remediation.receiver import EngineView
from remediation.resume_gate import GateAnswer
from remediation.services import Services
from remediation.strict_json import decode

_REASON_LIMIT = 2000


def change_routes(
    routes: Blueprint, services: Services, engine: EngineView, gate: Callable[[Bot], GateAnswer]
) -> None:
    """Add the changing routes. What is answered 2xx is in the journal."""
    _approval_routes(routes, services, engine)
    _call_routes(routes, services, engine)
    _bot_routes(routes, services, engine, gate)

    @routes.post("/incidents")
    def start_by_hand() -> tuple[Response, int]:
        actor, body = _operator(services), _body()
        bot, scenario, reason = (
            _bot(services, _text(body, "bot")),
            _text(body, "scenario"),
            _why(body),
        )
        if scenario not in services.playbooks:
            known = ", ".join(sorted(services.playbooks))
            raise PayloadError(404, f"no playbook {scenario:.80}; there are: {known}")
        alert = manual_alert(bot, scenario, reason, services.journal.now().wall)
        (decided,) = services.inbox.offer((alert,), f"{actor} by hand: {reason}")
        engine.wake()
        opened = decided.decision in (Decision.ACCEPTED, Decision.JOINED)
        answer = jsonify(
            decision=decided.decision, detail=decided.detail, incident=decided.incident
        )
        return answer, 202 if opened else 409


def manual_alert(bot: Bot, scenario: str, reason: str, wall: float) -> Alert:
    """An alert that a person raises; its identity is its own, so it is never a duplicate."""
    return Alert(
        fingerprint=secrets.token_hex(8),
        status="firing",
        starts_at_ms=int(wall * 1000),
        labels={
            "alertname": "Manual",
            "severity": "critical",
            "bot": bot.name,
            "mode": bot.mode,
            "scenario": scenario,
            "remediate": "true",
        },
        annotations={"summary": reason},
    )


def _approval_routes(routes: Blueprint, services: Services, engine: EngineView) -> None:
    def answer(approval_id: str, state: ApprovalState, digest: str) -> Response:
        actor, reason = _operator(services), _why(_body())
        with services.journal.transaction():
            approval = services.approvals.answer(
                approval_id, state, digest=digest, actor=actor, reason=reason
            )
            services.escalations.end(
                incident=approval.incident,
                kind=EscalationKind.APPROVAL,
                actor=actor,
                reason=f"{state}: {reason}",
            )
            services.incidents.requeue(
                approval.incident, State.WAITING, f"approval {approval.id} {state} by {actor}"
            )
        engine.wake()
        return jsonify(approval_json(approval))

    @routes.post("/approvals/<approval_id>/approve")
    def approve(approval_id: str) -> Response:
        _operator(services)
        return answer(approval_id, ApprovalState.APPROVED, _text(_body(), "digest"))

    @routes.post("/approvals/<approval_id>/deny")
    def deny(approval_id: str) -> Response:
        return answer(approval_id, ApprovalState.DENIED, "")


def _call_routes(routes: Blueprint, services: Services, engine: EngineView) -> None:
    @routes.post("/incidents/<incident_id>/ack")
    def acknowledge(incident_id: str) -> Response:
        actor, reason = _operator(services), _why(_body())
        if services.incidents.get(incident_id) is None:
            raise PayloadError(404, f"no incident {incident_id:.80}")
        ended = services.escalations.end(incident=incident_id, actor=actor, reason=reason)
        engine.wake()
        return jsonify(incident=incident_id, ended=ended)

    @routes.post("/escalations/<escalation_id>/ack")
    def acknowledge_one(escalation_id: str) -> Response:
        actor, reason = _operator(services), _why(_body())
        if not services.escalations.end_one(escalation_id, actor=actor, reason=reason):
            raise PayloadError(404, f"no open escalation {escalation_id:.40}")
        engine.wake()
        return jsonify(id=escalation_id, ended=1)


def _bot_routes(
    routes: Blueprint, services: Services, engine: EngineView, gate: Callable[[Bot], GateAnswer]
) -> None:
    @routes.post("/bots/<name>/halt")
    def halt(name: str) -> Response:
        actor, reason, bot = _operator(services), _why(_body()), _bot(services, name)
        services.states.set(bot.name, BotStateName.HALTED, actor=actor, reason=reason)
        engine.wake()
        return jsonify(bot=bot.name, state=BotStateName.HALTED)

    @routes.post("/bots/<name>/rearm")
    def rearm(name: str) -> tuple[Response, int]:
        actor, reason, bot = _operator(services), _why(_body()), _bot(services, name)
        if any(run.bot == bot.name for run in services.incidents.in_state(State.RUNNING)):
            raise PayloadError(409, f"a run works on {bot.name} now; re-arm when it has ended")
        proof = gate(bot)
        if proof.problems:
            refusal = f"not re-armed, the resume gate fails: {'; '.join(proof.problems)}"
            return jsonify(error=refusal, failing=list(proof.problems)), 409
        with services.journal.transaction():
            services.states.rearm(bot.name, actor=actor, reason=reason)
            services.inbox.unblock(bot.name)
            for call in services.escalations.open():
                if call.bot == bot.name and call.kind is EscalationKind.BLOCKED:
                    services.escalations.end_one(call.id, actor=actor, reason=f"re-armed: {reason}")
        engine.request_reconcile()
        return jsonify(bot=bot.name, state=BotStateName.ACTIVE, checks=len(proof.checks)), 200


def _operator(services: Services) -> str:
    operators = services.config.remediation.operators
    return operator_of(request.headers.get("Authorization"), operators)


def _body() -> Mapping[str, Any]:
    if request.mimetype != "application/json":
        raise PayloadError(415, "Content-Type is not application/json")
    body = decode(request.get_data())
    if not isinstance(body, dict):
        raise PayloadError(400, "the body is not a JSON object")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PayloadError(400, f"{name} is missing or not a text")
    return value.strip()


def _why(body: Mapping[str, Any]) -> str:
    reason = _text(body, "reason")
    if len(reason) > _REASON_LIMIT:
        raise PayloadError(400, f"reason is longer than {_REASON_LIMIT} characters")
    return reason


def _bot(services: Services, name: str) -> Bot:
    bot = services.config.bot(name)
    if bot is None:
        known = ", ".join(item.name for item in services.config.bots)
        raise PayloadError(404, f"no bot {name:.80}; there are: {known}")
    return bot
