"""Clients of Alertmanager's API v2 and Prometheus' API v1: ask, and call a person."""

import logging
from collections.abc import Sequence
from typing import Any

import httpx

from exporter.errors import TradewardenError
from remediation.alert import Alert, parse_alert
from remediation.errors import PayloadError
from remediation.escalation import Escalation

_LOG = logging.getLogger(__name__)
_TIMEOUT = httpx.Timeout(5.0)
_SIZE_LIMIT = 32 << 20


class AlertingError(TradewardenError):
    """Prometheus or every Alertmanager could not be asked; the answer is unknown."""


class Alerting:
    """Talk to the one Prometheus and the Alertmanagers of this installation."""

    def __init__(self, prometheus_url: str, alertmanager_urls: Sequence[str]) -> None:
        self._prometheus = prometheus_url.rstrip("/")
        self._alertmanagers = tuple(url.rstrip("/") for url in alertmanager_urls)
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def active_alerts(self) -> tuple[Alert, ...]:
        """Remediable alerts that are active, unsilenced and uninhibited, of all Alertmanagers.

        Raises:
            AlertingError: none of them answered.
        """
        found: dict[str, Alert] = {}
        problems = []
        for url in self._alertmanagers:
            try:
                listed = self._get(
                    f"{url}/api/v2/alerts",
                    {
                        "active": "true",
                        "silenced": "false",
                        "inhibited": "false",
                        "filter": 'remediate="true"',
                    },
                )
            except AlertingError as error:
                problems.append(str(error))
                continue
            for item in listed if isinstance(listed, list) else ():
                try:
                    alert = parse_alert(item)
                except PayloadError as error:
                    # One unreadable alert must not hide the others.
                    _LOG.warning("alert ignored url=%s reason=%s", url, error)
                    continue
                found[alert.identity] = alert
        if len(problems) == len(self._alertmanagers):
            raise AlertingError("; ".join(problems))
        return tuple(found.values())

    def still_fires(self, bot: str, scenario: str) -> bool:
        """Whether Prometheus has any remediable alert of the bot and scenario, pending included.

        Raises:
            AlertingError: Prometheus could not say.
        """
        answer = self._get(f"{self._prometheus}/api/v1/alerts", {})
        try:
            labels = [item["labels"] for item in answer["data"]["alerts"]]
            return any(
                item.get("bot") == bot
                and item.get("scenario") == scenario
                and item.get("remediate") == "true"
                for item in labels
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise AlertingError(f"Prometheus' list of alerts is unreadable: {error!r}") from error

    def holds(self, query: str) -> bool:
        """Whether an instant query returns anything, as a comparison that is true does.

        Raises:
            AlertingError: Prometheus could not say.
        """
        answer = self._get(f"{self._prometheus}/api/v1/query", {"query": query})
        try:
            return len(answer["data"]["result"]) > 0
        except (KeyError, TypeError) as error:
            raise AlertingError(f"Prometheus' answer is unreadable: {error!r}") from error

    def page(self, escalations: Sequence[Escalation], external_url: str) -> None:
        """Post open escalations as alerts to every Alertmanager.

        They carry no times: Alertmanager starts them now and ends them after its
        ``resolve_timeout`` (5 min as shipped), so that a wrong clock here, which is when
        such calls are made, cannot make them end before they begin. They never carry
        ``remediate``: a call to a person starts no playbook.

        Raises:
            AlertingError: no Alertmanager took them.
        """
        body = [
            {
                "labels": {
                    "alertname": str(item.kind),
                    "severity": "critical",
                    "bot": item.bot,
                    "scenario": item.scenario,
                    "incident": item.incident or "none",
                },
                "annotations": {
                    "summary": item.summary,
                    "description": f"{item.summary} Look: {external_url}/"
                    + (f"incidents/{item.incident}" if item.incident else ""),
                },
                "generatorURL": external_url,
            }
            for item in escalations
        ]
        problems = []
        for url in self._alertmanagers:
            try:
                self._http.post(f"{url}/api/v2/alerts", json=body).raise_for_status()
            except httpx.HTTPError as error:
                problems.append(f"{url}: {error}")
        if len(problems) == len(self._alertmanagers):
            raise AlertingError("; ".join(problems))

    def page_directly(self, url: str, escalations: Sequence[Escalation]) -> None:
        """Post the summaries to the second pager, used only when the main path is silent.

        Raises:
            AlertingError: it did not take them.
        """
        body = {
            "alerts": [{"bot": e.bot, "kind": e.kind, "summary": e.summary} for e in escalations]
        }
        try:
            self._http.post(url, json=body).raise_for_status()
        except httpx.HTTPError as error:
            raise AlertingError(f"{url}: {error}") from error

    def _get(self, url: str, params: dict[str, str]) -> Any:
        try:
            with self._http.stream("GET", url, params=params) as response:
                response.raise_for_status()
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > _SIZE_LIMIT:
                        raise AlertingError(f"{url} answers more than {_SIZE_LIMIT} bytes")
            return httpx.Response(200, content=body).json()
        except (httpx.HTTPError, ValueError) as error:
            raise AlertingError(f"{url}: {error}") from error
