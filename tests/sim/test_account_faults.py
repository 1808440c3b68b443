"""Partial fills and position mismatches at every venue: injected, visible, ended, gone."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.sim import holdings
from tests.sim.conftest import Caller, LiveBot, until
from tests.sim.holdings import Venue
from tests.sim.injecting import end, inject
from tests.sim.simulator import Simulator

_VENUES: tuple[Venue, ...] = ("binance_usdm", "binance_spot", "alpaca")
_SYMBOL = {"binance_usdm": "BTCUSDT", "binance_spot": "BTCUSDT", "alpaca": "AAPL"}
_OTHER = {"binance_usdm": "ETHUSDT", "binance_spot": "ETHUSDT", "alpaca": "SPY"}


def _open_orders(venue: Venue, caller: Caller, broker: httpx.Client) -> list[dict[str, Any]]:
    """The resting orders: status, ids, quantities, and when it was made, in milliseconds ago."""
    if venue == "alpaca":
        return [
            {
                "status": order["status"].upper(),
                "client": order["client_order_id"],
                "whole": Decimal(order["qty"]),
                "filled": Decimal(order["filled_qty"]),
            }
            for order in broker.get("/v2/orders").json()
        ]
    path = "/fapi/v1/openOrders" if venue == "binance_usdm" else "/api/v3/openOrders"
    return [
        {
            "status": order["status"],
            "client": order["clientOrderId"],
            "whole": Decimal(order["origQty"]),
            "filled": Decimal(order["executedQty"]),
            "age": caller.simulator.world.clocks.exchange_ms() - order["time"],
        }
        for order in caller.call("GET", path).json()
    ]


@pytest.mark.parametrize("venue", _VENUES)
def test_a_partly_filled_order_rests_until_the_fault_ends(
    caller: Caller, broker: httpx.Client, control: httpx.Client, venue: Venue
) -> None:
    """An old order of the bot, its fill in the history, the position untouched."""
    world = caller.simulator.world
    before = holdings.quantity(world, venue, _SYMBOL[venue])
    inject(control, "partial_fills", venue=venue, ratio=0.3, age_seconds=600)
    (order,) = _open_orders(venue, caller, broker)
    assert (order["status"], order["filled"]) == ("PARTIALLY_FILLED", order["whole"] * 3 / 10)
    assert order["client"].startswith("tb2-")
    assert order.get("age", 600_000) == pytest.approx(600_000, abs=60_000)
    assert holdings.quantity(world, venue, _SYMBOL[venue]) == before
    end(control, "partial_fills")
    assert _open_orders(venue, caller, broker) == []
    assert world.spot.balances["USDT"].locked == 0


@pytest.mark.parametrize("venue", _VENUES)
def test_a_fill_that_the_bot_missed_moves_the_position(
    simulator: Simulator, control: httpx.Client, venue: Venue
) -> None:
    """The filled part is held on top, and given back when the fault ends."""
    world, symbol = simulator.world, _SYMBOL[venue]
    before = holdings.quantity(world, venue, symbol)
    inject(control, "partial_fills", venue=venue, ratio=0.5, missed=True)
    assert holdings.quantity(world, venue, symbol) > before
    end(control, "partial_fills")
    assert holdings.quantity(world, venue, symbol) == pytest.approx(before, abs=Decimal("0.001"))


def test_a_cancelled_remainder_is_nobody_s_concern(caller: Caller, control: httpx.Client) -> None:
    """Ending the fault after somebody has cancelled the order changes nothing."""
    inject(control, "partial_fills")
    (order,) = caller.call("GET", "/fapi/v1/openOrders").json()
    which = {"symbol": "BTCUSDT", "orderId": str(order["orderId"])}
    cancelled = caller.call("DELETE", "/fapi/v1/order", **which).json()
    assert (cancelled["status"], cancelled["executedQty"]) == ("CANCELED", "0.004")
    end(control, "partial_fills")
    assert caller.call("GET", "/fapi/v1/order", **which).json() == cancelled


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        (venue, kind)
        for venue in _VENUES
        for kind in ("size", "missing_local", "missing_exchange", "side", "unmanaged")
        if (venue, kind) != ("binance_spot", "side")  # a balance has no side
    ],
)
def test_the_account_differs_and_agrees_again(
    simulator: Simulator, control: httpx.Client, venue: Venue, kind: str
) -> None:
    """Each kind of difference, by trades that are in the history and not the bot's."""
    world = simulator.world
    symbol = _OTHER[venue] if kind in {"missing_local", "unmanaged"} else _SYMBOL[venue]
    held = Decimal("0.2") if venue != "alpaca" else Decimal(20)
    holdings.put(world, venue, _SYMBOL[venue], held)
    before = holdings.quantity(world, venue, symbol)
    inject(control, "position_mismatch", venue=venue, kind=kind)
    after = holdings.quantity(world, venue, symbol)
    dust = abs(held) / 100
    expected = {"missing_exchange": Decimal(0), "side": -before}.get(kind)
    if expected is None:
        assert after > before
    else:
        assert abs(after - expected) <= dust
    end(control, "position_mismatch")
    assert abs(holdings.quantity(world, venue, symbol) - before) <= dust


def test_what_the_bot_has_taken_over_stays(
    simulator: Simulator, bot: LiveBot, control: httpx.Client
) -> None:
    """Once the file agrees with the exchange, ending the fault trades nothing back."""
    inject(control, "position_mismatch", quantity="0.02")
    held = holdings.quantity(simulator.world, "binance_usdm", "BTCUSDT")
    rows = {"BTCUSDT": {"qty": str(held), "avg_price": "60000"}}
    (bot.root / "state/positions.json").write_text(json.dumps(rows))
    end(control, "position_mismatch")
    assert holdings.quantity(simulator.world, "binance_usdm", "BTCUSDT") == held


def test_a_running_bot_is_left_behind_and_reconciles_at_its_next_start(
    bot: LiveBot, control: httpx.Client
) -> None:
    """Its file keeps what it knows while it trades on; a restart takes the exchange's."""
    books = bot.simulator.world.usdm
    bot.start()
    until(lambda: bot.log.count("Filled") >= 2, "two trades")
    inject(control, "position_mismatch", quantity="0.05")
    traded = bot.log.count("Filled")
    until(lambda: bot.log.count("Filled") >= traded + 2, "trading on")
    control.post("/faults", json={"scenario": "process_crash"}).raise_for_status()
    assert books.positions["BTCUSDT"].quantity - Decimal(bot.quantity or 0) == Decimal("0.05")
    bot.start()
    until(lambda: "taking the exchange's" in bot.log, "reconciliation")


def test_a_leg_of_hedge_mode_differs(simulator: Simulator, control: httpx.Client) -> None:
    """Only the named leg moves, a short one downwards."""
    books = simulator.world.usdm
    books.dual = True
    inject(control, "position_mismatch", side="SHORT", quantity="0.03")
    assert books.legs["BTCUSDT", "SHORT"].quantity == Decimal("-0.03")
    assert books.legs["BTCUSDT", "LONG"].quantity == 0
    end(control, "position_mismatch")
    assert books.legs["BTCUSDT", "SHORT"].quantity == 0


@pytest.mark.parametrize(
    ("fault", "wording"),
    [
        ({"scenario": "position_mismatch", "kind": "side"}, "holds no BTCUSDT"),
        (
            {"scenario": "position_mismatch", "venue": "binance_spot", "kind": "side"},
            "could be side",
        ),
        (
            {"scenario": "position_mismatch", "venue": "binance_spot", "quantity": "99"},
            "binance_spot refuses: Account has insufficient balance",
        ),
        ({"scenario": "position_mismatch", "symbol": "NOPE"}, "BTCUSDT, ETHUSDT"),
        ({"scenario": "position_mismatch", "quantity": "-1"}, "regex"),
        ({"scenario": "partial_fills", "venue": "alpaca", "symbol": "BTCUSDT"}, "AAPL, SPY"),
        ({"scenario": "partial_fills", "ratio": 1}, "< 1"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    control: httpx.Client, fault: dict[str, Any], wording: str
) -> None:
    """400 with the reason, and nothing injected."""
    response = control.post("/faults", json=fault)
    assert response.status_code == 400
    assert wording in response.json()["error"]
    assert control.get("/state").json()["faults"] == {}
