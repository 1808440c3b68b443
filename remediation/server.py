"""The receiver's web application: its routes put together, its errors, its headers."""

import ipaddress
import logging
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from exporter.config import Bot
from exporter.exposition import render
from remediation.api import ApiParts, api
from remediation.auth import operator_of
from remediation.errors import JournalError, PayloadError
from remediation.metrics import SelfMetrics
from remediation.receiver import EngineView
from remediation.resume_gate import GateAnswer, ask_gate
from remediation.services import Services
from remediation.views import views
from remediation.webhook import BODY_LIMIT, RETRY_AFTER_SECONDS, Rejections, webhook

_LOG = logging.getLogger(__name__)
_OPEN_PATHS = frozenset({"/metrics", "/-/healthy", "/-/ready"})


def create_app(
    services: Services,
    engine: EngineView,
    *,
    gate: Callable[[Bot], GateAnswer] | None = None,
) -> Flask:
    """Put the application together around services and engine.

    Args:
        services: stores and configuration.
        engine: woken when there is something to do.
        gate: proves a bot fit before it is re-armed; the doctor unless given.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.json.sort_keys = False  # type: ignore[attr-defined] # only the default provider has it
    rejections = Rejections()
    _guard_reading(app, services)
    app.register_blueprint(webhook(services, engine, rejections))
    app.register_blueprint(api(ApiParts(services, engine, gate or _doctors_gate(services))))
    app.register_blueprint(views(services))
    _add_own_routes(app, services, engine, rejections)
    _add_errors(app)
    _add_headers(app)
    return app


def _doctors_gate(services: Services) -> Callable[[Bot], GateAnswer]:
    def ask(bot: Bot) -> GateAnswer:
        return ask_gate(
            services.hands.command,
            bot,
            services.config_path,
            deadline=services.config.remediation.command_seconds,
            step_id=f"rearm-{secrets.token_hex(8)}",
        )

    return ask


def _guard_reading(app: Flask, services: Services) -> None:
    @app.before_request
    def reading_needs_loopback_or_token() -> None:
        """Reading is open on this host; from elsewhere it takes an operator's token.

        Changes ask for their token themselves. A host name that is not ours means a
        page elsewhere is using this host's browser to read.
        """
        if request.method not in ("GET", "HEAD") or request.path in _OPEN_PATHS:
            return
        settings = services.config.remediation
        if _is_loopback(request.remote_addr) and _is_our_name(
            request.headers.get("Host", ""), settings.external_url
        ):
            return
        operator_of(request.headers.get("Authorization"), settings.operators)


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _is_our_name(host: str, external_url: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", urlsplit(external_url).hostname):
        return True
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _add_own_routes(
    app: Flask, services: Services, engine: EngineView, rejections: Rejections
) -> None:
    source = SelfMetrics(services, engine, rejections)

    @app.get("/metrics")
    def metrics() -> Response:
        accept = request.headers.get("Accept", "")
        body, content_type = render(source.collect(), accept)
        return Response(body, content_type=content_type)

    @app.get("/-/healthy")
    def healthy() -> Response:
        return Response("healthy\n", mimetype="text/plain")

    @app.get("/-/ready")
    def ready() -> Response:
        if engine.ready:
            return Response("ready\n", mimetype="text/plain")
        return Response("starting or stopping\n", status=503, mimetype="text/plain")


def _add_errors(app: Flask) -> None:
    """Every error is ``{"error": reason}``; no answer holds a traceback."""

    @app.errorhandler(PayloadError)
    def refused(error: PayloadError) -> tuple[Response, int]:
        answer = jsonify(error=str(error))
        if error.status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if error.status == 503:
            answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return answer, error.status

    @app.errorhandler(JournalError)
    def not_kept(error: JournalError) -> tuple[Response, int]:
        _LOG.error("journal failed path=%s error=%s", request.path, error)
        answer = jsonify(error="the journal cannot be used now; nothing was kept, send again")
        answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return answer, 503

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[Response, int]:
        answer = jsonify(error=f"{error.name}: {error.description}")
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                answer.headers[name] = value
        return answer, error.code or 500

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> tuple[Response, int]:
        _LOG.error("request failed method=%s path=%s", request.method, request.path, exc_info=error)
        return jsonify(error="internal error; the receiver's log has the details"), 500


def _add_headers(app: Flask) -> None:
    @app.after_request
    def harden(response: Response) -> Response:
        style = f"'nonce-{g.style_nonce}'" if "style_nonce" in g else "'none'"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none';"
            " frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response
