"""One alert as Alertmanager sends it (webhook v4) or lists it (API v2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from remediation.errors import PayloadError

_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LABELS_LIMIT = 64
_TEXT_LIMIT = 4096
ALERTS_LIMIT = 10_000


@dataclass(frozen=True)
class Alert:
    """What the receiver needs of one alert.

    ``starts_at_ms`` is truncated to milliseconds: Alertmanager's webhook carries
    nanoseconds and its API milliseconds, and both must give one identity.
    """

    fingerprint: str
    status: str
    starts_at_ms: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def identity(self) -> str:
        """Fingerprint, start and playbook: delivered once, however often it arrives."""
        return f"{self.fingerprint}/{self.starts_at_ms}/{self.label('scenario')}"

    def label(self, name: str) -> str:
        """A label's value, empty if absent."""
        return self.labels.get(name, "")

    def verify_within(self, default: float) -> float:
        """Seconds within which Prometheus should stop firing once the fault is gone."""
        text = self.annotations.get("verify_within", "")
        parts = _DURATION.findall(text)
        if not parts or "".join(n + u for n, u in parts) != text:
            return default
        return sum(float(n) * _UNIT_SECONDS[u] for n, u in parts)


def parse_payload(payload: Any) -> tuple[tuple[Alert, ...], int]:
    """Read a webhook body: its alerts and how many Alertmanager left out.

    Unknown fields are ignored (new versions add some); absent ones get their
    documented defaults.

    Raises:
        PayloadError: 400, naming the field.
    """
    if not isinstance(payload, dict):
        raise PayloadError(400, "the body is not a JSON object")
    if (version := payload.get("version", "4")) != "4":
        raise PayloadError(400, f"version is {version!r:.20}; this receiver speaks version 4")
    items = payload.get("alerts")
    if not isinstance(items, list):
        raise PayloadError(400, "alerts is not a list")
    if len(items) > ALERTS_LIMIT:
        raise PayloadError(413, f"more than {ALERTS_LIMIT} alerts in one message")
    truncated = payload.get("truncatedAlerts", 0)
    if not isinstance(truncated, int) or truncated < 0:
        raise PayloadError(400, "truncatedAlerts is not a count")
    return tuple(parse_alert(item, f"alerts[{i}]") for i, item in enumerate(items)), truncated


def parse_alert(item: Any, where: str = "alert") -> Alert:
    """Read one alert of a webhook body or of ``GET /api/v2/alerts``.

    Raises:
        PayloadError: 400, naming the field.
    """
    if not isinstance(item, dict):
        raise PayloadError(400, f"{where} is not an object")
    status = item.get("status", "firing")
    if isinstance(status, dict):  # API v2: {"state": "active", ...}
        status = "firing"
    if status not in ("firing", "resolved"):
        raise PayloadError(400, f"{where}.status is neither firing nor resolved")
    fingerprint = item.get("fingerprint")
    if not isinstance(fingerprint, str) or not re.fullmatch(r"[0-9a-f]{1,32}", fingerprint):
        raise PayloadError(400, f"{where}.fingerprint is missing or not hexadecimal")
    return Alert(
        fingerprint=fingerprint,
        status=status,
        starts_at_ms=_parse_time(item.get("startsAt"), f"{where}.startsAt"),
        labels=_parse_texts(item.get("labels"), f"{where}.labels"),
        annotations=_parse_texts(item.get("annotations", {}), f"{where}.annotations"),
    )


def _parse_texts(value: Any, where: str) -> Mapping[str, str]:
    if not isinstance(value, dict) or len(value) > _LABELS_LIMIT:
        raise PayloadError(400, f"{where} is not an object of at most {_LABELS_LIMIT} texts")
    for name, text in value.items():
        if not isinstance(text, str) or len(text) > _TEXT_LIMIT:
            raise PayloadError(400, f"{where}.{name:.60} is not a text of at most {_TEXT_LIMIT}")
    return value


def _parse_time(value: Any, where: str) -> int:
    match = _TIME.match(value) if isinstance(value, str) else None
    if match is None:
        raise PayloadError(400, f"{where} is not an RFC 3339 time")
    stem, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(stem + ("+00:00" if zone == "Z" else zone))
    except ValueError as error:
        raise PayloadError(400, f"{where} is not an RFC 3339 time") from error
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since_epoch // timedelta(seconds=1) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
