"""Where Alertmanager delivers: authenticate, bound, parse, store, answer 202."""

import logging
import threading
from collections import Counter

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from remediation.alert import Alert, parse_payload
from remediation.auth import require_webhook
from remediation.errors import JournalError, PayloadError
from remediation.inbox import Inbox
from remediation.receiver import EngineView
from remediation.services import Services
from remediation.strict_json import decode

_LOG = logging.getLogger(__name__)
BODY_LIMIT = 2 << 20
RETRY_AFTER_SECONDS = "5"


class Rejections:
    """How often the webhook answered with which error. Every code starts at zero."""

    CODES = (400, 401, 413, 415, 500, 503)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter(dict.fromkeys(self.CODES, 0))

    def count(self, code: int) -> None:
        """Count one."""
        with self._lock:
            self._counts[code if code in self.CODES else 500] += 1

    def counts(self) -> dict[int, int]:
        """All codes with their counts."""
        with self._lock:
            return dict(self._counts)


def webhook(services: Services, engine: EngineView, rejections: Rejections) -> Blueprint:
    """The route ``POST /webhook/alertmanager``."""
    routes = Blueprint("webhook", __name__)

    @routes.post("/webhook/alertmanager")
    def receive() -> tuple[Response, int]:
        # 1. The token comes first: who may not deliver learns nothing else.
        try:
            require_webhook(request.headers.get("Authorization"), services.config.remediation)
        except PayloadError as error:
            rejections.count(error.status)
            raise
        # 2. A message of a known sender that cannot be read may hold an alert that
        #    Alertmanager will not send again: count it and ask for the list.
        try:
            alerts, truncated = _read()
        except PayloadError as error:
            rejections.count(error.status)
            engine.request_reconcile()
            _LOG.warning("message refused status=%s reason=%s", error.status, error)
            raise
        if truncated:
            _LOG.warning("alertmanager left alerts out count=%s", truncated)
            engine.request_reconcile()
        # 3. On the disk, then the answer.
        answer = _offer(services.inbox, alerts, rejections)
        engine.wake()
        return answer, 202

    return routes


def _read() -> tuple[tuple[Alert, ...], int]:
    if request.mimetype != "application/json":
        raise PayloadError(415, "Content-Type is not application/json")
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise PayloadError(413, f"more than {BODY_LIMIT} bytes") from error
    return parse_payload(decode(body))


def _offer(inbox: Inbox, alerts: tuple[Alert, ...], rejections: Rejections) -> Response:
    try:
        decided = inbox.offer(alerts, "alertmanager")
    except JournalError:
        rejections.count(503)
        raise
    return jsonify(
        decisions=[
            {
                "fingerprint": item.fingerprint,
                "decision": item.decision,
                "detail": item.detail,
                "incident": item.incident,
            }
            for item in decided
        ]
    )
