"""Keys, orders and positions, at each kind of venue."""

import json
from pathlib import Path

import pytest

from exporter.doctor.verdicts import Status
from tests.doctor.conftest import Ward
from tests.sim.faults.api_key import ApiKey
from tests.sim.faults.partial_fills import PartialFills
from tests.sim.holdings import quantity
from tests.sources.bots import write


def test_keys_that_expire_are_shared_or_are_missing(ward: Ward) -> None:
    """Role by role; a refused key leaves what it may do unasked."""
    ward.inject(ApiKey(kind="expiring"))
    ward.bot["venue"]["credentials"]["remediation"] = dict(
        ward.bot["venue"]["credentials"]["exporter"]
    )
    ward.save()
    bad = ward.bad("api_key")
    assert set(bad) == {"bot key expiry", "exporter key not shared", "remediation key not shared"}
    assert "it expires in 24 h" in bad["bot key expiry"].detail
    write(ward.root, ".env", "BINANCE_API_KEY=\n")
    checks = ward.checks("api_key")
    assert checks["bot key present"].status is Status.FAIL
    assert checks["bot key valid"].status is Status.NOT_OFFERED
    assert checks["bot key age"].status is Status.NOT_OFFERED


def test_a_refused_exporter_key_is_one_cause(ward: Ward) -> None:
    """What needs the account waits for it."""
    ward.inject(ApiKey(kind="rejected", role="exporter"))
    checks = ward.checks("partial_fills", "api_key", "position_mismatch")
    assert checks["account readable"].status is Status.FAIL
    for name in ("partial fills", "foreign orders", "account may trade", "positions"):
        assert (checks[name].status, checks[name].first) == (Status.UNKNOWN, "account readable")


def test_an_account_that_may_not_trade(ward: Ward) -> None:
    """The exchange's own word."""
    ward.simulator.world.may_trade = False
    assert "account may trade" in ward.bad("api_key")


def test_orders_of_somebody_else(ward: Ward) -> None:
    """They are named; the bot's own are not."""
    ward.bot["venue"]["client_order_prefix"] = "other-"
    ward.save()
    ward.inject(PartialFills())
    bad = ward.bad("api_key", "partial_fills")
    assert set(bad) == {"foreign orders"}
    assert "BTCUSDT BUY order" in bad["foreign orders"].detail


@pytest.mark.parametrize("content", [None, "{"])
def test_the_bots_own_file_unread_is_its_own_cause(ward: Ward, content: str | None) -> None:
    """The account can be read, so nothing else is blamed."""
    file = Path(ward.root / "state/positions.json")
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    bad = ward.bad("api_key", "position_mismatch")
    assert set(bad) == {"positions"}
    assert bad["positions"].status is Status.UNKNOWN
    assert "the bot's positions cannot be read" in bad["positions"].detail


def test_a_spot_account_that_is_well(ward: Ward) -> None:
    """Balances instead of positions; everything else is the same."""
    ward.bot["venue"]["kind"] = "binance_spot"
    ward.bot["venue"]["stream_url"] = ward.simulator.ready["stream"]
    ward.bot["tolerances"]["spot_baselines"] = {"BTC": "0"}
    ward.save()
    held = quantity(ward.simulator.world, "binance_spot", "BTCUSDT")
    write(ward.root, "state/positions.json", json.dumps({"BTCUSDT": str(held)}))
    assert ward.bad("network_disconnection", "clock_drift", "api_key", "position_mismatch") == {}


def test_a_broker_that_is_well_and_one_whose_trades_are_old(ward: Ward) -> None:
    """It is asked for trades, says nothing of keys, and may be closed."""
    ready = ward.simulator.ready
    for role in ("bot", "exporter"):
        for part in ("key", "secret"):
            write(ward.root, f"{role}.{part}", ready[f"alpaca_{role}_{part}"])
    files = {
        role: {f"{part}_file": str(ward.root / f"{role}.{part}") for part in ("key", "secret")}
        for role in ("bot", "exporter")
    }
    ward.bot["venue"] = {
        "kind": "alpaca",
        "base_url": ready["alpaca"],
        "data_base_url": ready["alpaca_data"],
        "symbols": ["AAPL"],
        "credentials": files,
    }
    ward.save()
    stems = ("network_disconnection", "clock_drift", "api_key", "position_mismatch")
    checks = ward.checks(*stems)
    assert {n: c for n, c in checks.items() if c.status in (Status.FAIL, Status.UNKNOWN)} == {}
    assert checks["bot key cannot withdraw"].status is Status.NOT_OFFERED
    ward.bot["market_data"] = {"max_age_seconds": 1e-6}
    ward.save()
    bad = ward.bad("network_disconnection")
    assert set(bad) == {"market data"}
    assert "AAPL@lastTrade" in bad["market data"].detail
    world = ward.simulator.world
    world.alpaca.set_market(is_open=False, now=world.clocks.exchange_ms())
    closed = ward.checks("network_disconnection")["market data"]
    assert closed.ok
    assert "the market is closed" in closed.detail
    ward.bot["venue"]["symbols"] = ["AAPL", "BTCUSD"]
    ward.save()
    beside = ward.bad("network_disconnection")["market data"].detail
    assert "BTCUSD@lastTrade" in beside
    assert "AAPL" not in beside
    ward.bot["venue"]["symbols"] = ["BTCUSD"]
    ward.bot["market_data"] = {"max_age_seconds": 600}
    ward.save()
    coins = ward.checks("network_disconnection")["market data"]
    assert (coins.ok, coins.detail) == (True, "each symbol has traded within 10 min")
