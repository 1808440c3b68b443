"""A receiver on a free port with a real journal; only the engine is a stand-in."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from exporter.config import Config
from exporter.config_file import load
from remediation.listener import Listener
from remediation.server import create_app
from remediation.services import Services, build_services

WEBHOOK_TOKEN = "webhook-token-of-the-tests"
ALICE_TOKEN = "alices-token-of-the-tests"
BOB_TOKEN = "bobs-token-of-the-tests"
WEBHOOK = "/webhook/alertmanager"

_CONFIG = """
prometheus_url: http://127.0.0.1:1
alertmanager_urls: [http://127.0.0.1:1]
bots:
  - name: alpha
    mode: paper
    root: {root}
    venue: {{kind: binance_usdm, base_url: "http://127.0.0.1:1", account: main}}
    process: {{pidfile: state/bot.pid}}
    heartbeat: {{file: state/heartbeat}}
  - name: beta
    mode: live
    root: {root}
    venue: {{kind: binance_spot, base_url: "http://127.0.0.1:1", account: other}}
    process: {{pidfile: state/beta.pid}}
    heartbeat: {{file: state/beta.heartbeat}}
exporter: {{ntp_servers: [], timeout_seconds: 0.5}}
remediation:
  dry_run: false
  data_dir: {data}
  webhook_token_file: {tokens}/webhook.token
  operators:
    - {{name: alice, token_file: {tokens}/alice.token}}
    - {{name: bob, token_file: {tokens}/bob.token}}
  {extra}
"""

_starts = itertools.count(1)


def write_config(directory: Path, extra: str = "") -> Path:
    """Write a configuration with its tokens, and return its path."""
    for name, token in (("webhook", WEBHOOK_TOKEN), ("alice", ALICE_TOKEN), ("bob", BOB_TOKEN)):
        (directory / f"{name}.token").write_text(f"{token}\n")
    (directory / "bot").mkdir(exist_ok=True)
    path = directory / "tradewarden.yml"
    path.write_text(
        _CONFIG.format(
            root=directory / "bot", data=directory / "data", tokens=directory, extra=extra
        )
    )
    return path


def labels(**changed: str) -> dict[str, str]:
    """The labels of a remediable alert of alpha."""
    return {
        "alertname": "TradingBotClockDriftCritical",
        "bot": "alpha",
        "mode": "paper",
        "scenario": "clock_drift",
        "severity": "critical",
        "remediate": "true",
        "instance": "127.0.0.1:9840",
        **changed,
    }


def alert_json(*, status: str = "firing", fingerprint: str | None = None, **changed: str) -> Any:
    """One alert as Alertmanager's webhook carries it; each call is another alert."""
    number = next(_starts)
    return {
        "status": status,
        "labels": labels(**changed),
        "annotations": {"summary": "drifts", "verify_within": "1m30s"},
        "startsAt": f"2026-11-24T05:{number // 60 % 60:02}:{number % 60:02}.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": fingerprint or f"{number:016x}",
    }


def payload(*alerts: Any, **changed: Any) -> dict[str, Any]:
    """A whole webhook body, as version 0.34 sends it."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="x"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "remediation",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "notification_reason": "first notification",
        "alerts": list(alerts),
        **changed,
    }


@dataclass
class StubEngine:
    """Counts what the web side asks of the engine."""

    ready: bool = True
    last_reconcile_success: float | None = None
    wakes: int = 0
    reconciles: int = 0

    def wake(self) -> None:
        """Count one."""
        self.wakes += 1

    def request_reconcile(self) -> None:
        """Count one."""
        self.reconciles += 1


@dataclass
class Receiver:
    """The served application and what stands behind it."""

    config_path: Path
    services: Services
    engine: StubEngine
    url: str
    http: httpx.Client = field(repr=False)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.services.config

    def deliver(self, body: Any, token: str | None = WEBHOOK_TOKEN) -> httpx.Response:
        """Send a webhook body as Alertmanager would."""
        return self.http.post(WEBHOOK, json=body, headers=bearer(token))

    def deliver_bytes(self, body: Any, content_type: str = "application/json") -> httpx.Response:
        """Send any bytes, or an iterator of them as a chunked body."""
        headers = {**bearer(WEBHOOK_TOKEN), "Content-Type": content_type}
        return self.http.post(WEBHOOK, content=body, headers=headers)

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        """Read from the API."""
        return self.http.get(f"/api/v1{path}", headers=bearer(token))

    def post(
        self, path: str, body: Mapping[str, Any], token: str | None = ALICE_TOKEN
    ) -> httpx.Response:
        """Change something through the API."""
        return self.http.post(f"/api/v1{path}", json=body, headers=bearer(token))

    def open_incident(self, **changed: str) -> str:
        """Let an alert open an incident; returns its id."""
        (decided,) = self.deliver(payload(alert_json(**changed))).json()["decisions"]
        assert decided["decision"] == "accepted", decided
        return str(decided["incident"])


def bearer(token: str | None) -> dict[str, str]:
    """The header that carries a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def start(directory: Path, extra: str = "", **app: Any) -> tuple[Receiver, Listener]:
    """Serve a receiver from a directory; the caller stops both."""
    path = write_config(directory, extra)
    services = build_services(load(path), config_path=path)
    engine = StubEngine()
    listener = Listener(create_app(services, engine, **app), "127.0.0.1:0")
    listener.start()
    http = httpx.Client(base_url=listener.address, timeout=60, trust_env=False)
    return Receiver(path, services, engine, listener.address, http), listener


def stop(receiver: Receiver, listener: Listener) -> None:
    """Take a receiver down in order."""
    receiver.http.close()
    listener.stop(5.0)
    receiver.services.close()
