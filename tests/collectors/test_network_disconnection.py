"""Reachability, its fault, and the age of market data."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import network_disconnection
from exporter.config import Bot
from exporter.errors import Reason
from exporter.readings import (
    BotMetricsReading,
    MarketHours,
    NetworkFault,
    NetworkReading,
    Stage,
    StageResult,
    StreamReading,
    SymbolRules,
)
from exporter.snapshot import ENDPOINTS, BotSnapshot, Health, Latency
from tests.collectors.snapshots import GOOD, NOW, healthy, samples
from tests.sources.bots import make_bot

_STAGES = (
    StageResult(Stage.DNS, ok=True, seconds=0.002),
    StageResult(Stage.TCP, ok=False, seconds=2.5, detail="tcp: timed out"),
)
_FAILED = Health(up=False, last_attempt=NOW - 1, last_success=None)


def _reading(fault: NetworkFault, **changes: Any) -> NetworkReading:
    reading = NetworkReading(
        fault=fault, stages=_STAGES, others_reachable=True, gateway=True, detail=""
    )
    return replace(reading, **changes)


def _found(network: NetworkReading | None, health: Health | None = GOOD) -> dict[str, float]:
    known = {} if health is None else {"network": health}
    return samples(network_disconnection, healthy(network=network, health=known))


def _bot(**venue: Any) -> Bot:
    return make_bot(
        Path("/opt/bot"),
        venue={"kind": "binance_usdm", "base_url": "http://127.0.0.1:9", **venue},
    )


@pytest.mark.parametrize("fault", NetworkFault)
def test_one_fault_is_current(fault: NetworkFault) -> None:
    """Only the fault "none" is reachable."""
    found = _found(_reading(fault))
    assert found["exchange_reachable"] == float(fault is NetworkFault.NONE)
    current = [name for name, value in found.items() if "network_fault" in name and value]
    assert current == [f'network_fault{{fault="{fault.value}"}}']
    assert sum("network_fault" in name for name in found) == len(NetworkFault)


def test_unreachable_until_proved_otherwise() -> None:
    """A probe that failed as such says 0; before the first one nothing is said."""
    assert _found(None, _FAILED)["exchange_reachable"] == 0
    never = Health(up=False, last_attempt=None, last_success=None)
    for health in (never, None):
        assert "exchange_reachable" not in _found(None, health)
    assert not [name for name in _found(None, _FAILED) if "network_" in name]


def test_only_steps_that_worked_have_a_duration() -> None:
    """How long it took to fail is no speed."""
    found = _found(_reading(NetworkFault.TIMEOUT))
    durations = {name: v for name, v in found.items() if "stage" in name}
    assert durations == {'network_stage_duration_seconds{stage="dns"}': 0.002}


def test_what_is_unknown_is_absent() -> None:
    """No second host, no routing table."""
    found = _found(_reading(NetworkFault.NONE, others_reachable=None, gateway=None))
    assert "network_others_reachable" not in found
    assert "network_gateway_up" not in found
    found = _found(_reading(NetworkFault.LOCAL, others_reachable=False, gateway=False))
    assert (found["network_others_reachable"], found["network_gateway_up"]) == (0, 0)


def test_durations_are_a_cumulative_histogram() -> None:
    """Each bucket contains the smaller ones, and +Inf is the count."""
    found = samples(network_disconnection)
    prefix = 'exchange_request_duration_seconds_bucket{endpoint="ping"'
    assert found[f'{prefix},le="0.01"}}'] == 1
    assert found[f'{prefix},le="0.025"}}'] == 3
    assert found[f'{prefix},le="5.0"}}'] == 3
    assert found[f'{prefix},le="+Inf"}}'] == 4
    assert found['exchange_request_duration_seconds_sum{endpoint="ping"}'] == 3.5


def _endpoints(found: dict[str, float]) -> set[str]:
    return {e for e in ENDPOINTS if any(f'endpoint="{e}"' in name for name in found)}


def test_failures_begin_at_zero_where_they_can_happen() -> None:
    """Endpoints that this bot has no use for have no series."""
    name = "exchange_request_failures_total"
    found = samples(network_disconnection, healthy(bot=_bot()))
    assert found[f'{name}{{endpoint="ping",reason="timeout"}}'] == 2
    assert found[f'{name}{{endpoint="time",reason="dns"}}'] == 0
    assert _endpoints(found) == {"ping", "time", "status"}
    keys = {"exporter": {"key": "K", "secret": "S"}}
    found = samples(network_disconnection, healthy(bot=_bot(symbols=["BTCUSDT"], credentials=keys)))
    assert found[f'{name}{{endpoint="account",reason="key_rejected"}}'] == 0
    assert found[f'{name}{{endpoint="rules",reason="timeout"}}'] == 0
    assert f'{name}{{endpoint="rules",reason="key_rejected"}}' not in found
    assert "market_data" not in _endpoints(found)


def test_whatever_was_asked_is_shown() -> None:
    """Even if the configuration did not call for it."""
    item = healthy(
        bot=_bot(),
        latency=dict.fromkeys(ENDPOINTS, Latency()) | {"rules": Latency((1,) * 10, 1.0)},
        request_failures={("fees", Reason.TIMEOUT): 1},
    )
    assert _endpoints(samples(network_disconnection, item)) == {
        "ping",
        "time",
        "status",
        "rules",
        "fees",
    }


def _streams() -> tuple[StreamReading, ...]:
    first = StreamReading(
        stream="btcusdt@markPrice",
        last_message=NOW - 2,
        connected=True,
        reconnects=3,
        closing=False,
        detail="",
    )
    return first, replace(first, stream="ethusdt@markPrice", last_message=None)


def test_market_data_by_observer() -> None:
    """Ours and the bot's own; before the first message there is no time."""
    item = healthy(
        streams=_streams(), bot_metrics=BotMetricsReading(None, {"btcusdt@kline": NOW - 9})
    )
    found = {k: v for k, v in samples(network_disconnection, item).items() if "market_data" in k}
    name = "market_data_last_message_timestamp_seconds"
    assert found == {
        f'{name}{{observer="probe",stream="btcusdt@markPrice"}}': NOW - 2,
        f'{name}{{observer="bot",stream="btcusdt@kline"}}': NOW - 9,
        "market_data_max_age_threshold_seconds": 60,
        'market_data_stream_reconnects_total{stream="btcusdt@markPrice"}': 3,
        'market_data_stream_reconnects_total{stream="ethusdt@markPrice"}': 3,
    }


def test_the_threshold_never_vanishes() -> None:
    """Whatever else is unknown."""
    bot = make_bot(Path("/opt/bot"), market_data={"max_age_seconds": 5})
    found = samples(network_disconnection, healthy(bot=bot, health={}))
    assert found["market_data_max_age_threshold_seconds"] == 5


@pytest.mark.parametrize(
    ("kind", "hours", "expected"),
    [
        ("binance_spot", None, 1),
        ("binance_usdm", None, 1),
        ("alpaca", None, None),
        ("alpaca", MarketHours(is_open=True, next_open=0, next_close=0), 1),
        ("alpaca", MarketHours(is_open=False, next_open=0, next_close=0), 0),
    ],
)
def test_whether_the_market_is_open(
    kind: str, hours: MarketHours | None, expected: float | None
) -> None:
    """Always where it never closes; unknown where it could not be asked."""
    item: BotSnapshot = healthy(bot=_bot(kind=kind), market_hours=hours)
    assert samples(network_disconnection, item).get("market_open") == expected


_COIN = SymbolRules("BTCUSD", "active", "BTC", "USD", *map(Decimal, ("0.01", "0.1", "0.1", "0")))
_SHARE = SymbolRules("AAPL", "active", "AAPL", "USD", *map(Decimal, ("0.01", "1", "1", "0")))
_CLOSED = MarketHours(is_open=False, next_open=0, next_close=0)


@pytest.mark.parametrize(
    ("symbols", "rules", "hours", "is_open"),
    [
        (["BTCUSD"], (_COIN,), None, 1),
        (["BTCUSD"], (_COIN,), _CLOSED, 1),
        (["BTCUSD"], None, None, None),
        (["BTCUSD", "AAPL"], (_COIN, _SHARE), _CLOSED, 0),
        (["BTCUSD", "AAPL"], (_COIN,), _CLOSED, 0),
        (["AAPL"], (_SHARE,), None, None),
    ],
)
def test_coins_alone_never_close(
    symbols: list[str],
    rules: tuple[SymbolRules, ...] | None,
    hours: MarketHours | None,
    is_open: float | None,
) -> None:
    """Whatever the hours of the shares are; with shares beside them those count."""
    bot = _bot(kind="alpaca", symbols=symbols)
    found = samples(network_disconnection, healthy(bot=bot, market_hours=hours, rules=rules))
    assert found.get("market_open") == is_open


def test_what_a_symbol_is_outlives_its_rules() -> None:
    """A share does not become a coin because the exchange does not answer at night."""
    streams = tuple(
        StreamReading(name, NOW, connected=True, reconnects=0, closing=False, detail="")
        for name in ("BTCUSD@lastTrade", "AAPL@lastTrade", "MSFT@lastTrade")
    )
    item = healthy(
        bot=_bot(kind="alpaca", symbols=["BTCUSD"]),
        rules=None,
        coins={"BTCUSD": True, "AAPL": False},
        streams=streams,
        market_hours=_CLOSED,
    )
    found = samples(network_disconnection, item)
    assert {name: value for name, value in found.items() if "never_closes" in name} == {
        'market_never_closes{stream="AAPL@lastTrade"}': 0,
        'market_never_closes{stream="BTCUSD@lastTrade"}': 1,
    }
    assert found["market_open"] == 1, "nothing that the bot trades ever closes"


def test_each_stream_says_whether_its_market_closes() -> None:
    """By our name for it and by the bot's; one whose rules are not known says nothing."""
    streams = tuple(
        StreamReading(name, NOW, connected=True, reconnects=0, closing=False, detail="")
        for name in ("BTCUSD@lastTrade", "AAPL@lastTrade", "MSFT@lastTrade")
    )
    item = healthy(
        bot=_bot(kind="alpaca", symbols=["BTCUSD", "AAPL", "MSFT"]),
        rules=(_COIN, _SHARE),
        streams=streams,
        bot_metrics=BotMetricsReading(None, {"BTC/USD": NOW}),
    )
    found = samples(network_disconnection, item)
    assert {name: value for name, value in found.items() if "never_closes" in name} == {
        'market_never_closes{stream="AAPL@lastTrade"}': 0,
        'market_never_closes{stream="BTC/USD"}': 1,
        'market_never_closes{stream="BTCUSD@lastTrade"}': 1,
    }
    everywhere = samples(network_disconnection, healthy(bot=_bot(), streams=streams[:1]))
    assert everywhere['market_never_closes{stream="BTCUSD@lastTrade"}'] == 1
