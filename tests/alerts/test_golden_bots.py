"""The golden page through all rules: a bot that is well is left alone, one that is not is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.alerts.conftest import Tool
from tests.alerts.rulefiles import ALERTS, REPO
from tests.collectors.snapshots import NOW

# All rules over many minutes, on a busy machine: promtool itself may take longest.
pytestmark = pytest.mark.timeout(600)
_PAGE = REPO / "tests/golden/metrics.prom"
_MINUTES = 16  # longer than any `for` of a rule about a fault
_FIRING = 'count by (alertname, bot) (ALERTS{alertstate="firing",alertname!="Watchdog"})'

# The first bot is well, but its page shows every metric there is: the exchange asks for silence.
_ALPHA = ("TradingBotExchangeBan", "TradingBotRateLimited")
# Of the second one little is known: its exchange does not answer, its process is gone.
_BETA = (
    "TradingBotBackupMissing",
    "TradingBotClockOffsetUnknown",
    "TradingBotClockSourceDown",
    "TradingBotFileInvalid",
    "TradingBotKillSwitchEngaged",
    "TradingBotMaintenanceUnknown",
    "TradingBotNetworkUnknown",
    "TradingBotPositionsNotCompared",
    "TradingBotProcessDown",
)


def _series() -> Iterator[dict[str, str]]:
    """Each sample for a while; what is a time goes on, so that its age stays the same."""
    steps = _MINUTES * 4
    for family in text_string_to_metric_families(_PAGE.read_text(encoding="utf-8")):
        for sample in family.samples:
            labels = {**sample.labels, "instance": "h:1", "job": "tradewarden-exporter"}
            text = ",".join(f'{name}="{value}"' for name, value in labels.items())
            is_time = family.name.endswith(("_timestamp_seconds", "_start_time_seconds"))
            value = f"{sample.value - NOW:g}+15x{steps}" if is_time else f"{sample.value:g}x{steps}"
            yield {"series": f"{sample.name}{{{text}}}", "values": value}


def test_only_what_is_wrong_is_named(promtool: Tool, tmp_path: Path) -> None:
    """What the exporter says of a bot that is well makes no rule fire."""
    expected = [
        {"labels": f'{{alertname="{alert}",bot="{bot}"}}', "value": 1}
        for bot, alerts in (("alpha", _ALPHA), ("beta", _BETA))
        for alert in alerts
    ]
    up = [
        {"series": f'up{{job="tradewarden-{name}",instance="h:1"}}', "values": "1x100"}
        for name in ("exporter", "remediation")
    ]
    case: dict[str, Any] = {
        "interval": "15s",
        "input_series": [*up, *_series()],
        "promql_expr_test": [
            {"expr": _FIRING, "eval_time": f"{_MINUTES}m", "exp_samples": expected}
        ],
    }
    content = {
        "rule_files": [str(path) for path in sorted((ALERTS / "rules").glob("*.yml"))],
        "evaluation_interval": "15s",
        "tests": [case],
    }
    file = tmp_path / "golden.yml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
