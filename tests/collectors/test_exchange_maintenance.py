"""Maintenance, rules, fees and limits of the exchange."""

from decimal import Decimal
from pathlib import Path

import pytest

from exporter.collectors import exchange_maintenance
from exporter.readings import Cause, Fee, MaintenanceReading, RateLimit, SymbolRules
from tests.collectors.snapshots import NOW, healthy, samples
from tests.sources.bots import make_bot


def _maintenance(*causes: Cause, next_start: float | None = None) -> MaintenanceReading:
    return MaintenanceReading(
        active=bool(causes),
        causes=frozenset(causes),
        message="",
        scheduled=Cause.WINDOW in causes,
        next_start=next_start,
    )


def _rule(symbol: str, status: str = "TRADING") -> SymbolRules:
    zero = Decimal(0)
    return SymbolRules(symbol, status, "BTC", "USDT", zero, zero, zero, zero)


def _bot(*symbols: str) -> dict[str, object]:
    venue = {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9", "symbols": list(symbols)}
    return {"bot": make_bot(Path("/opt/bot"), venue=venue)}


def test_maintenance_and_its_causes() -> None:
    """Every cause is there, at 0 or 1."""
    reading = _maintenance(Cause.ERRORS, Cause.WINDOW, next_start=NOW + 60)
    found = samples(exchange_maintenance, healthy(maintenance=reading))
    assert found["exchange_maintenance"] == 1
    name = "exchange_maintenance_cause"
    causes = {c: found[f'{name}{{cause="{c.value}"}}'] for c in Cause}
    assert {c for c, value in causes.items() if value} == {Cause.ERRORS, Cause.WINDOW}
    assert found["exchange_maintenance_scheduled"] == 1
    assert found["exchange_maintenance_next_start_timestamp_seconds"] == NOW + 60


def test_no_maintenance_is_zero() -> None:
    """And no window to come is absent."""
    found = samples(exchange_maintenance, healthy(maintenance=_maintenance()))
    assert found["exchange_maintenance"] == 0
    assert found["exchange_maintenance_scheduled"] == 0
    assert "exchange_maintenance_next_start_timestamp_seconds" not in found


def test_unknown_is_absent() -> None:
    """Nothing known, nothing said: above all not 0."""
    assert samples(exchange_maintenance, healthy(maintenance=None)) == {}


@pytest.mark.parametrize(("status", "expected"), [("TRADING", 1), ("active", 1), ("BREAK", 0)])
def test_whether_a_symbol_trades(status: str, expected: float) -> None:
    """Of the symbols that the bot trades and of no others."""
    item = healthy(**_bot("BTCUSDT"), rules=(_rule("BTCUSDT", status), _rule("XRPUSDT", "HALT")))
    found = {k: v for k, v in samples(exchange_maintenance, item).items() if "symbol_t" in k}
    assert found == {'exchange_symbol_tradable{symbol="BTCUSDT"}': expected}


def test_a_symbol_that_is_gone_does_not_trade() -> None:
    """It was delisted, or is misspelt."""
    item = healthy(**_bot("LUNAUSDT"), rules=(_rule("BTCUSDT"),))
    found = samples(exchange_maintenance, item)
    assert found['exchange_symbol_tradable{symbol="LUNAUSDT"}'] == 0


def test_filters_and_fees() -> None:
    """Both sides of a fee; zero outdated filters is a statement of its own."""
    fee = Fee("BTCUSDT", maker=Decimal("0.0002"), taker=Decimal("0.0005"))
    found = samples(exchange_maintenance, healthy(filters_outdated=0, fees=(fee,)))
    assert found["exchange_filters_outdated"] == 0
    name = "exchange_fee_ratio"
    assert found[f'{name}{{liquidity="maker",symbol="BTCUSDT"}}'] == 0.0002
    assert found[f'{name}{{liquidity="taker",symbol="BTCUSDT"}}'] == 0.0005


def test_limits_of_several_intervals_are_one_series() -> None:
    """The one that is nearest to being used up."""
    item = healthy(
        rate_limits=(
            RateLimit("weight", "ip", 60, 120, 2400),
            RateLimit("orders", "account", 10, 2, 300),
            RateLimit("orders", "account", 86400, 90_000, 100_000),
        )
    )
    found = samples(exchange_maintenance, item)
    assert found['exchange_rate_limit_used{kind="weight",scope="ip"}'] == 120
    assert found['exchange_rate_limit_limit{kind="weight",scope="ip"}'] == 2400
    assert found['exchange_rate_limit_used{kind="orders",scope="account"}'] == 90_000
    assert found['exchange_rate_limit_limit{kind="orders",scope="account"}'] == 100_000


def test_silence_shows_only_while_it_lasts() -> None:
    """The time at which it ends."""
    assert "exchange_quiet_until_timestamp_seconds" not in samples(exchange_maintenance)
    found = samples(exchange_maintenance, healthy(quiet_until=NOW + 120))
    assert found["exchange_quiet_until_timestamp_seconds"] == NOW + 120
