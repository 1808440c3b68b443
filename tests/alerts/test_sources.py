"""When a source cannot be read, exactly one alert says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.collectors.sources import REASONS
from tests.alerts.conftest import Tool
from tests.alerts.rulefiles import ALERTS, RULES

# All rules over many minutes, on a busy machine: promtool itself may take longest.
pytestmark = pytest.mark.timeout(600)

# Value of the label source → the alert that fires when it cannot be read.
PARTNERS: Mapping[str, str] = {
    "ntp": "TradingBotClockSourceDown",
    "exchange": "TradingBotClockSourceDown",
    "reference": "TradingBotClockSourceDown",
    "account": "TradingBotOrdersUnknown",
    "bot_files": "TradingBotSourceDown",
    "process": "TradingBotProcessUnknown",
    "heartbeat": "TradingBotHeartbeatStale",
    "network": "TradingBotNetworkUnknown",
    "market_data": "TradingBotMarketDataUnknown",
    "rules": "TradingBotRulesUnknown",
    "key": "TradingBotKeyUnknown",
    "logs": "TradingBotSourceDown",
    "data_files": "TradingBotDataUnknown",
    "memory": "TradingBotMemoryUnknown",
    "disk": "TradingBotDataUnknown",
    "bot_metrics": "TradingBotSourceDown",
}

# What a bot must have for the rules that ask "is there a value I may believe?".
_VALUES = {
    "tradingbot_info": '{bot="%s",instance="h:1",mode="live"}',
    "tradingbot_process_up": '{bot="%s",instance="h:1"}',
    "tradingbot_exchange_reachable": '{bot="%s",instance="h:1"}',
}
_ONLY_OF_ALPHA = (
    'count by (alertname) (ALERTS{alertstate="firing",bot="alpha"})'
    ' unless on (alertname) ALERTS{alertstate="firing",bot="beta"}'
)


def _case(source: str, alert: str) -> dict[str, Any]:
    """Two bots that differ in one thing: alpha's source is down."""
    series = [
        {"series": metric + labels % bot, "values": "1x200"}
        for bot in ("alpha", "beta")
        for metric, labels in _VALUES.items()
    ]
    series += [
        {
            "series": f'tradingbot_source_up{{bot="{bot}",instance="h:1",source="{source}"}}',
            "values": values,
        }
        for bot, values in (("alpha", "0x200"), ("beta", "1x200"))
    ]
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1}]
    return {
        "name": source,
        "interval": "5s",
        "input_series": series,
        "promql_expr_test": [{"expr": _ONLY_OF_ALPHA, "eval_time": "15m", "exp_samples": expected}],
    }


def test_every_source_has_one_partner(promtool: Tool, tmp_path: Path) -> None:
    """With all rules loaded, a source that is down makes its partner fire and no other alert."""
    content = {
        "rule_files": [str(path) for path in sorted((ALERTS / "rules").glob("*.yml"))],
        "evaluation_interval": "5s",
        "tests": [_case(source, alert) for source, alert in PARTNERS.items()],
    }
    file = tmp_path / "sources.yml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_list_is_complete() -> None:
    """Every value that the label can have is in the list, and every partner is a rule."""
    assert set(PARTNERS) == set(REASONS)
    assert set(PARTNERS.values()) <= {rule.alert for rule in RULES}


def test_the_last_resort_takes_new_sources() -> None:
    """A source that nobody has written a rule for falls to the watchers' own."""
    rule = next(rule for rule in RULES if rule.alert == "TradingBotSourceDown")
    assert "source!~" in rule.expr
