"""What a running bot says in its log while the world goes wrong, counted line by line."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sim.conftest import LiveBot, until
from tests.sim.holdings import Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand

_BOT: Venue = "binance_usdm"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One bot."""
    with stand(tmp_path_factory.mktemp("logs"), _BOT) as made:
        yield made


@pytest.fixture
def bot(ground: Ground) -> Iterator[LiveBot]:
    """A bot that has traded, with its kill switch released if an earlier one has pulled it."""
    found = ground.bots[_BOT]
    for name in ("kill_switch.flag", "kill_switch_state.json"):
        (found.root / "state" / name).unlink(missing_ok=True)
    filled = found.log.count("Filled")
    found.start()
    until(lambda: found.log.count("Filled") > filled, "a trade")
    yield found
    found.stop_all()


@pytest.mark.parametrize(
    ("scenario", "params", "phrase", "lines", "event", "alert"),
    [
        (
            "network_disconnection",
            {"kind": "refused"},
            "Connection refused",
            6,
            "connection_refused",
            "TradingBotConnectionErrorsLogged",
        ),
        (
            "exchange_maintenance",
            {"kind": "503"},
            "HTTP 503 Service Unavailable",
            4,
            "http_503",
            "TradingBotServiceUnavailableLogged",
        ),
        (
            "clock_drift",
            {"offset_seconds": 3.0},
            "(code -1021)",
            1,
            "recv_window",
            "TradingBotTimingErrorsLogged",
        ),
        (
            "api_key",
            {"kind": "signature"},
            "Signature verification failed",
            1,
            "signature_failed",
            "TradingBotKeyErrorsLogged",
        ),
        (
            "api_key",
            {"kind": "key_format"},
            "Invalid API key",
            1,
            "invalid_api_key",
            "TradingBotKeyErrorsLogged",
        ),
    ],
)
def test_symptoms_are_counted(
    ground: Ground,
    bot: LiveBot,
    *,
    scenario: str,
    params: dict[str, Any],
    phrase: str,
    lines: int,
    event: str,
    alert: str,
) -> None:
    """The moment is that at which the lines stand in the log; none of them counts twice.

    An increase is over when its five minutes are, so that it goes is Prometheus' affair.
    """
    others = rules.alerts(scenario).keys() - {alert}
    before = ground.after(time.time(), "logs")
    rules.judge(before, before, scenario, (), others)
    said = bot.log.count(phrase)
    with ground.broken(scenario, **params):
        until(lambda: bot.log.count(phrase) >= said + lines, phrase)
        during = ground.after(time.time(), "logs")
        rules.judge(during, before, scenario, {alert}, others)
    bot.stop_all()
    after = ground.after(time.time(), "logs")
    name = "log_events_total"
    counted = after.number(name, event=event) - before.number(name, event=event)
    assert counted == bot.log.count(phrase) - said
    assert after.number("log_lines_total") == bot.log.count("\n")
