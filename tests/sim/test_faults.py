"""Every fault against a live bot: injected, ended, reset."""

import httpx
import pytest

from tests.sim.conftest import DEADLINE, LiveBot, until
from tests.sim.injecting import inject

_FLAG = "state/kill_switch.flag"
_STATE = "state/kill_switch_state.json"


@pytest.fixture
def trading(bot: LiveBot) -> LiveBot:
    """A bot that has traded."""
    bot.start()
    until(lambda: "Filled" in bot.log, "a trade")
    return bot


def test_kill_switch_errors_trip_the_bot_by_its_own_limit(
    trading: LiveBot, control: httpx.Client
) -> None:
    """Five refused orders in a row; the latch outlives the fault."""
    inject(control, "kill_switch")
    until(lambda: "Kill switch triggered: 5 consecutive errors" in trading.log, "the trip")
    until((trading.root / _FLAG).exists, "the flag")
    assert trading.log.count("(code -2010)") == 5
    assert trading.latch["counters"] == {"consecutive_errors": 5, "errors_total": 5}
    assert control.delete("/faults/kill_switch").json()["ended"]
    assert trading.latch["tripped"] is True
    assert trading.simulator.world.intercepts == {}


def test_fewer_errors_than_the_limit_do_not_trip(trading: LiveBot, control: httpx.Client) -> None:
    """A success in between starts the count anew."""
    inject(control, "kill_switch", count=4)
    until(lambda: trading.log.count("(code -2010)") == 4, "four refusals")
    orders = trading.orders
    until(lambda: trading.orders > orders, "trading again")
    until(lambda: trading.latch["counters"]["consecutive_errors"] == 0, "the count")
    assert trading.latch["tripped"] is False


def test_kill_switch_manual_halts_and_ends_without_a_trip(
    trading: LiveBot, control: httpx.Client
) -> None:
    """A touched, empty flag; ending the fault removes it and trading goes on."""
    inject(control, "kill_switch", cause="manual")
    assert (trading.root / _FLAG).read_bytes() == b""
    until(lambda: "not accepting signals" in trading.log, "the halt")
    orders = trading.orders
    control.post("/reset")
    until(lambda: trading.orders > orders, "trading again")
    assert not (trading.root / _FLAG).exists()


def test_ending_a_fault_leaves_what_somebody_else_has_written(
    trading: LiveBot, control: httpx.Client
) -> None:
    """A flag that changed since is not the fault's to remove."""
    inject(control, "kill_switch", cause="manual")
    (trading.root / _FLAG).write_text("stay")
    control.delete("/faults/kill_switch")
    assert (trading.root / _FLAG).read_text() == "stay"


def test_kill_switch_state_unreadable_is_restored(trading: LiveBot, control: httpx.Client) -> None:
    """The truncated file makes a start impossible; ending the fault restores the original."""
    original = (trading.root / _STATE).read_bytes()
    inject(control, "kill_switch", cause="state_unreadable")
    with pytest.raises(ValueError, match="Expecting value"):
        _ = trading.latch
    control.delete("/faults/kill_switch")
    assert (trading.root / _STATE).read_bytes() == original


def test_process_crash_kills_between_steps(trading: LiveBot, control: httpx.Client) -> None:
    """The process is gone without a word and its files agree with the exchange."""
    inject(control, "process_crash")
    assert trading.process.wait(timeout=DEADLINE) == -9
    assert "Shutdown complete" not in trading.log
    assert control.get("/state").json()["bots"]["alpha"]["alive"] is False
    held = trading.simulator.world.usdm.positions["BTCUSDT"].quantity
    assert trading.quantity == str(held)
    refused = control.post("/faults", json={"scenario": "process_crash"})
    assert refused.status_code == 400
    assert "no live bot" in refused.json()["error"]


def test_process_crash_term_is_a_clean_stop(trading: LiveBot, control: httpx.Client) -> None:
    """The bot says its last word and exits 0."""
    inject(control, "process_crash", signal="TERM")
    assert trading.process.wait(timeout=DEADLINE) == 0
    assert trading.log.splitlines()[-1].endswith("Shutdown complete")


def test_process_crash_orphan_rests_until_the_fault_ends(
    trading: LiveBot, control: httpx.Client
) -> None:
    """An order with the bot's prefix that no file of the bot mentions."""
    inject(control, "process_crash", orphan=True)
    names = [o["clientOrderId"] for o in control.get("/state").json()["account"]["open_orders"]]
    (orphan,) = [name for name in names if name.startswith("web_orphan")]
    assert orphan not in trading.log
    control.post("/reset")
    names = [o["clientOrderId"] for o in control.get("/state").json()["account"]["open_orders"]]
    assert orphan not in names


def test_clock_drift_makes_the_bot_s_orders_fail_until_repaired(
    trading: LiveBot, control: httpx.Client
) -> None:
    """-1021 while it lasts; the clock's repair ends it."""
    inject(control, "clock_drift", offset_seconds=3.0, where="local")
    until(lambda: "(code -1021)" in trading.log, "-1021")
    control.post("/clock", json={"action": "step"}).raise_for_status()
    orders = trading.orders
    until(lambda: trading.orders > orders, "trading again")
    assert control.get("/state").json()["faults"] == {}


def test_a_pidfile_that_names_another_process_is_never_signalled(
    bot: LiveBot, control: httpx.Client
) -> None:
    """Only a process that runs this root's script counts as its bot."""
    (bot.root / "state/bot.pid").write_text("1\n")
    assert control.post("/faults", json={"scenario": "process_crash"}).status_code == 400
