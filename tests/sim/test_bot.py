"""The simulated bot as a real process."""

import re
import signal

import pytest

from tests.sim.conftest import DEADLINE, LiveBot, until

_FLAG = "state/kill_switch.flag"


def _filled(bot: LiveBot, times: int = 1) -> bool:
    return bot.log.count(" INFO Filled ") >= times


def test_it_trades_and_its_file_agrees_with_the_exchange(bot: LiveBot) -> None:
    """A position that is never flat, the same on both sides; TERM ends it properly."""
    process = bot.start()
    until(lambda: _filled(bot, 3), "three trades")
    assert (bot.root / "state/bot.pid").read_text() == f"{process.pid}\n"
    assert f"INFO Starting TradingBot2 (pid {process.pid}, mode live)" in bot.log
    assert bot.latch["tripped"] is False
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=DEADLINE) == 0
    assert bot.log.splitlines()[-1].endswith("INFO Shutdown complete")
    assert not (bot.root / "state/bot.pid").exists()
    held = bot.simulator.world.usdm.positions["BTCUSDT"].quantity
    assert bot.quantity == str(held)
    assert held > 0
    assert bot.simulator.world.usdm.orders.open() == []


def test_the_heartbeat_moves_each_step(bot: LiveBot) -> None:
    """The file's time changes while nothing else need happen."""
    bot.start()
    heartbeat = bot.root / "state/heartbeat"
    seen = until(lambda: heartbeat.exists() and heartbeat.stat().st_mtime_ns, "a heartbeat")
    until(lambda: heartbeat.stat().st_mtime_ns > seen, "the next heartbeat")


def test_the_flag_halts_it_alive_and_its_removal_lets_it_go_on(bot: LiveBot) -> None:
    """No orders while the flag is there, no trip, heartbeat goes on, trading resumes."""
    process = bot.start()
    until(lambda: _filled(bot), "a trade")
    (bot.root / _FLAG).touch()
    until(lambda: "not accepting signals" in bot.log, "the halt")
    orders, heartbeat = bot.orders, (bot.root / "state/heartbeat").stat().st_mtime_ns
    until(
        lambda: (bot.root / "state/heartbeat").stat().st_mtime_ns > heartbeat + 1_500_000_000,
        "six steps",
    )
    assert bot.orders == orders
    assert bot.latch["tripped"] is False
    assert process.poll() is None
    (bot.root / _FLAG).unlink()
    until(lambda: bot.orders > orders, "trading again")


def test_a_killed_bot_says_nothing_and_the_next_one_reconciles(bot: LiveBot) -> None:
    """No last word, a stale pidfile; a restart takes the exchange's position for true."""
    process = bot.start()
    until(lambda: _filled(bot, 2), "two trades")
    process.kill()
    process.wait(timeout=DEADLINE)
    assert "Shutdown complete" not in bot.log
    assert (bot.root / "state/bot.pid").exists()
    (bot.root / "state/positions.json").write_text('{"BTCUSDT": {"qty": "9", "avg_price": "1"}}')
    bot.start()
    until(lambda: "Reconciled BTCUSDT: local 9," in bot.log, "reconciliation")
    until(lambda: "INFO Cancelled order tb2-" in bot.log, "the leftover entry order's end")
    until(lambda: _filled(bot, 3), "trading again")


def test_a_second_bot_in_the_same_root_is_refused(bot: LiveBot) -> None:
    """Exit 3 and a log line, live or dry; the first goes on."""
    first = bot.start()
    until(lambda: _filled(bot), "a trade")
    for options in ((), ("--dry-run",)):
        assert bot.start(*options).wait(timeout=DEADLINE) == 3
    assert bot.log.count("Refusing to start: another bot runs in this root") == 2
    assert first.poll() is None


@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=["live", "dry-run"])
@pytest.mark.parametrize(
    ("path", "content", "wording"),
    [
        (_FLAG, "", "state/kill_switch.flag exists"),
        ("state/kill_switch_state.json", '{"tripped": true, "reason": "x"}', "is tripped: x"),
        ("state/kill_switch_state.json", '{"tripped": fal', "is unreadable"),
        ("state/kill_switch_state.json", "[]", "is unreadable"),
    ],
    ids=["flag", "tripped", "truncated", "wrong type"],
)
def test_it_does_not_start_while_its_kill_switch_is_engaged(
    bot: LiveBot, options: tuple[str, ...], path: str, content: str, wording: str
) -> None:
    """Exit 2, the reason in the log, no order and the file untouched."""
    (bot.root / path).write_text(content)
    assert bot.start(*options).wait(timeout=DEADLINE) == 2
    assert "Refusing to start: " in bot.log
    assert wording in bot.log
    assert (bot.root / path).read_text() == content
    assert bot.simulator.world.requests.total() == 0


def test_a_dry_run_sends_no_order_and_changes_no_position(bot: LiveBot) -> None:
    """The same loop, signed reads, and nothing that changes the account."""
    process = bot.start("--dry-run")
    until(lambda: bot.log.count("Dry run: would BUY") >= 2, "two decisions")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=DEADLINE) == 0
    assert f"(pid {process.pid}, mode dry-run)" in bot.log
    assert bot.log.splitlines()[-1].endswith("Shutdown complete")
    assert bot.quantity is None
    methods = {endpoint.split()[0] for _, endpoint in bot.simulator.world.requests}
    assert methods == {"GET"}


def test_a_clock_beyond_the_kill_threshold_trips_it_until_restart(bot: LiveBot) -> None:
    """Latch and flag are written; removing the flag alone does not make it trade."""
    process = bot.start()
    until(lambda: _filled(bot), "a trade")
    bot.simulator.world.clocks.local = 65.0
    until(lambda: "Kill switch triggered: clock drift +6" in bot.log, "the trip")
    until((bot.root / _FLAG).exists, "the flag")
    assert bot.latch["tripped"] is True
    assert bot.latch["reason"].startswith("clock drift +6")
    bot.simulator.world.clocks.local = 0.0
    orders, counted = bot.orders, bot.simulator.world.requests["bot", "GET /fapi/v1/time"]
    (bot.root / _FLAG).unlink()
    until(
        lambda: bot.simulator.world.requests["bot", "GET /fapi/v1/time"] >= counted + 2,
        "two more clock checks",
    )
    assert bot.orders == orders
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=DEADLINE) == 0
    assert bot.start().wait(timeout=DEADLINE) == 2


def test_a_clock_between_the_thresholds_fails_orders_without_a_trip(bot: LiveBot) -> None:
    """The exchange's own refusals are logged, and trading goes on when the clock is right."""
    bot.start()
    until(lambda: _filled(bot), "a trade")
    bot.simulator.world.clocks.local = 3.0
    until(lambda: bot.log.count("1000ms ahead of the server's time. (code -1021)") >= 2, "-1021")
    until(lambda: "exceeds warn threshold 500 ms" in bot.log, "the warning")
    bot.simulator.world.clocks.local = -2.5
    until(lambda: re.search(r"Clock drift -2\d{3} ms", bot.log), "the other side")
    bot.simulator.world.clocks.local = 0.0
    filled = bot.log.count("Filled")
    until(lambda: _filled(bot, filled + 1), "trading again")
    assert bot.latch["tripped"] is False


def test_an_unreachable_exchange_is_survived(bot: LiveBot) -> None:
    """Connection refused is logged, the heartbeat goes on, nothing trips."""
    bot.simulator.exchange.shut()  # the port stays ours
    process = bot.start()
    until(lambda: bot.log.count("ERROR Connection refused: http://127.0.0.1:") >= 3, "errors")
    assert process.poll() is None
    assert (bot.root / "state/heartbeat").exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=DEADLINE) == 0
    assert bot.log.splitlines()[-1].endswith("Shutdown complete")
