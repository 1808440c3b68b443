"""Inhibition in a real Alertmanager: what hides what, and above all what hides nothing."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.alerts.conftest import find
from tests.alerts.rulefiles import ALERTS, RULES, read_yaml

pytestmark = pytest.mark.stack

Labels = dict[str, str]
_DEADLINE = 60.0


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An Alertmanager with the shipped configuration, its receivers led to a closed port."""
    folder = tmp_path_factory.mktemp("alertmanager")
    text = (ALERTS / "alertmanager.yml").read_text(encoding="utf-8")
    config = folder / "alertmanager.yml"
    config.write_text(text.replace(":9841/", ":1/").replace(":9843/", ":1/"), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                find("alertmanager"),
                f"--config.file={config}",
                f"--storage.path={folder}",
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        url = _url(process, folder / "log")
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            _wait_ready(client, process, folder / "log")
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def _url(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where it really listens, by its own log."""
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r'msg="Listening on" address=(\S+)\n', log.read_text(encoding="utf-8"))
        if found is not None:
            return f"http://{found[1]}"
        time.sleep(0.05)
    pytest.fail(log.read_text(encoding="utf-8"))


def _wait_ready(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end and process.poll() is None:
        try:
            if client.get("/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(log.read_text(encoding="utf-8"))


def _hidden(client: httpx.Client, case: str, alerts: list[Labels]) -> list[str]:
    """Post alerts under a bot of the case's own; return the names of those inhibited.

    Alertmanager's inhibitor takes alerts up in their order, and beside the pipeline. So when it
    is seen to hold back one of another bot that was posted behind them, it has had them all.
    """
    last = f"last-{case}"
    named = [_name(alert, case) for alert in alerts]
    posted = [*named, _name(_CRITICAL, last), _name(_WARNING, last)]
    client.post("/api/v2/alerts", json=[{"labels": each} for each in posted]).raise_for_status()
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end:
        certain = _inhibited(_listed(client, last))
        listed = _listed(client, case)
        # An alert's state is known once its group has been through the pipeline.
        states = {each["status"]["state"] for each in listed}
        if certain and len(listed) == len(named) and "unprocessed" not in states:
            return _inhibited(listed)
        time.sleep(0.05)
    pytest.fail(f"alerts of {case} were never processed: {listed}")


def _name(alert: Labels, case: str) -> Labels:
    return {name: value.replace("BOT", case) for name, value in alert.items()} | {"case": case}


def _listed(client: httpx.Client, case: str) -> list[dict[str, Any]]:
    response = client.get("/api/v2/alerts", params={"filter": f'case="{case}"'})
    found: list[dict[str, Any]] = response.json()
    return found


def _inhibited(listed: list[dict[str, Any]]) -> list[str]:
    return sorted(each["labels"]["alertname"] for each in listed if each["status"]["inhibitedBy"])


def _alert(name: str, severity: str, scenario: str, **more: str) -> Labels:
    return {"alertname": name, "severity": severity, "scenario": scenario, **more}


_CRITICAL = _alert(
    "TradingBotClockDriftCritical", "critical", "clock_drift", bot="BOT", instance="BOT:1"
)
_WARNING = _alert(
    "TradingBotClockDriftWarning", "warning", "clock_drift", bot="BOT", instance="BOT:1"
)
_MAINTENANCE = _alert(
    "TradingBotExchangeMaintenance", "critical", "exchange_maintenance", bot="BOT"
)
_WINDOW = _alert("TradingBotMaintenanceWindow", "info", "exchange_maintenance", bot="BOT")
_UNREACHABLE = _alert(
    "TradingBotExchangeUnreachable", "critical", "network_disconnection", bot="BOT"
)

_BAN = _alert("TradingBotExchangeBan", "critical", "network_disconnection", bot="BOT")
_NO_KEY = _alert("TradingBotKeyInvalid", "critical", "api_key", bot="BOT", key="exporter")
_NO_POSITIONS = _alert("TradingBotPositionsUnknown", "critical", "position_mismatch", bot="BOT")
_NO_OFFSET = _alert("TradingBotClockOffsetUnknown", "critical", "clock_drift", bot="BOT")

_CASES: dict[str, tuple[list[Labels], list[str]]] = {
    "worse-hides-milder": ([_CRITICAL, _WARNING], ["TradingBotClockDriftWarning"]),
    "not-of-another-bot": ([_CRITICAL, _WARNING | {"bot": "BOT2"}], []),
    "not-of-another-scenario": ([_CRITICAL, _WARNING | {"scenario": "kill_switch"}], []),
    "not-without-a-bot": (
        [
            _alert("TradewardenRemediationDown", "critical", "meta"),
            _alert("TradewardenCollectorFailing", "warning", "meta"),
        ],
        [],
    ),
    "escalations-hide-nothing": (
        [_alert("TradewardenIncidentEscalated", "critical", "clock_drift", bot="BOT"), _WARNING],
        [],
    ),
    "maintenance-hides-network": (
        [_MAINTENANCE, _UNREACHABLE],
        ["TradingBotExchangeUnreachable"],
    ),
    "maintenance-hides-no-other-bots-network": (
        [_MAINTENANCE, _UNREACHABLE | {"bot": "BOT2"}],
        [],
    ),
    "network-hides-no-maintenance": ([_UNREACHABLE, _WINDOW], []),
    "a-window-hides-no-network": ([_WINDOW, _UNREACHABLE], []),
    "maintenance-drowns-no-kill-switch": (
        [
            _MAINTENANCE,
            _UNREACHABLE,
            _alert("TradingBotKillSwitchEngaged", "critical", "kill_switch", bot="BOT"),
        ],
        ["TradingBotExchangeUnreachable"],
    ),
    "unreachable-explains-what-nobody-knows": (
        [
            _UNREACHABLE,
            _NO_POSITIONS,
            _NO_OFFSET,
            _alert("TradingBotMarketDataStale", "critical", "network_disconnection", bot="BOT"),
        ],
        [
            "TradingBotClockOffsetUnknown",
            "TradingBotMarketDataStale",
            "TradingBotPositionsUnknown",
        ],
    ),
    "a-ban-explains-what-nobody-knows": (
        [
            _BAN,
            _NO_POSITIONS,
            _NO_OFFSET,
            # Streams have no part in it.
            _alert("TradingBotMarketDataStale", "critical", "network_disconnection", bot="BOT"),
        ],
        ["TradingBotClockOffsetUnknown", "TradingBotPositionsUnknown"],
    ),
    "a-bad-key-explains-what-cannot-be-read-with-it": (
        [_NO_KEY, _NO_POSITIONS, _NO_OFFSET, _CRITICAL],
        ["TradingBotClockOffsetUnknown", "TradingBotPositionsUnknown"],
    ),
    "a-bad-key-of-remediation-explains-nothing": (
        [_NO_KEY | {"key": "remediation"}, _NO_POSITIONS, _NO_OFFSET],
        [],
    ),
    "a-bad-key-explains-nothing-of-another-bot": (
        [_NO_KEY, _NO_POSITIONS | {"bot": "BOT2"}],
        [],
    ),
    "unreachable-hides-nothing-that-is-known": (
        [
            _UNREACHABLE,
            _CRITICAL,
            _alert("TradingBotPositionMismatch", "critical", "position_mismatch", bot="BOT"),
            _alert("TradingBotKeyInvalid", "critical", "api_key", bot="BOT"),
            _alert("TradingBotProcessUnknown", "critical", "process_crash", bot="BOT"),
        ],
        [],
    ),
    "silent-exporter-hides-its-bots": (
        [_alert("TradewardenExporterDown", "critical", "meta", instance="BOT:1"), _CRITICAL],
        ["TradingBotClockDriftCritical"],
    ),
    "silent-exporter-hides-no-other-bots": (
        [
            _alert("TradewardenExporterDown", "critical", "meta", instance="BOT:1"),
            _CRITICAL | {"instance": "BOT:2"},
        ],
        [],
    ),
    "missing-exporter-hides-no-escalation": (
        [
            _alert("TradewardenExporterDown", "critical", "meta"),
            _alert("TradewardenIncidentEscalated", "critical", "clock_drift", bot="BOT"),
        ],
        [],
    ),
}


@pytest.mark.parametrize("case", _CASES)
def test_inhibition(alertmanager: httpx.Client, case: str) -> None:
    """Exactly the alerts that another one explains are held back."""
    alerts, expected = _CASES[case]
    assert _hidden(alertmanager, case, alerts) == expected


def test_alerts_named_in_the_rules_exist() -> None:
    """An inhibition by name names alerts that there are, each alternative one."""
    matchers = [
        matcher
        for each in read_yaml(ALERTS / "alertmanager.yml")["inhibit_rules"]
        for matcher in (*each["source_matchers"], *each["target_matchers"])
    ]
    named = re.findall(r'^alertname=~?"(.*)"$', "\n".join(matchers), re.MULTILINE)
    names = [name for pattern in named for name in _alternatives(pattern)]
    assert len(names) > len(named)
    alerts = {rule.alert for rule in RULES}
    assert not [name for name in names if not any(re.fullmatch(name, each) for each in alerts)]


def _alternatives(pattern: str) -> Iterator[str]:
    """``A|B(x|y)`` as ``A``, ``Bx``, ``By``."""
    for part in re.split(r"\|(?![^(]*\))", pattern):
        before, _, rest = part.partition("(")
        inner, _, after = rest.partition(")")
        yield from (f"{before}{each}{after}" for each in inner.split("|"))
