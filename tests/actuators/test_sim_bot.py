"""The hands on the simulated trading bot: a real process that trades and trips."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from exporter.config import Bot, Venue
from exporter.readings import ExitKind
from exporter.sources.bot import read_kill_switch
from exporter.sources.host import read_process
from remediation.actuators.bot import BotActuator
from remediation.actuators.process import ProcessActuator
from remediation.errors import ActionError, ActionReason
from tests.actuators.conftest import (
    STEP,
    OnceReached,
    beating,
    live_command,
    tree,
    until,
    with_commands,
)
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator

ARGUMENTS = ("--config", "configs/config_live.yaml")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


@pytest.fixture
def trader(bot: Bot, root: Path, simulator: Simulator) -> Bot:
    """The simulated bot, installed and registered, in the place of the small one."""
    install_bot(root, simulator.ready)
    with httpx.Client(base_url=simulator.control.url, timeout=20) as control:
        control.post("/bot", json={"name": "alpha", "root": str(root)}).raise_for_status()
    venue = Venue(kind="binance_usdm", base_url=simulator.ready["exchange"])
    return with_commands(
        msgspec.structs.replace(bot, venue=venue),
        start=live_command(*ARGUMENTS),
        start_dry_run=(sys.executable, "script_live.py", *ARGUMENTS, "--dry-run"),
    )


@pytest.fixture
def patient(process: ProcessActuator) -> ProcessActuator:
    """More time: the simulated bot imports more than the small one."""
    process._command_seconds = process._stop_seconds = 60.0
    return process


def _orders(simulator: Simulator) -> int:
    return simulator.world.usdm.orders.total


def _log(root: Path) -> str:
    return (root / "logs/bot.log").read_text(encoding="utf-8")


def test_pause_halts_trading_and_lift_lets_it_go_on(
    patient: ProcessActuator,
    hands: BotActuator,
    trader: Bot,
    root: Path,
    simulator: Simulator,
) -> None:
    """The same process throughout; no order while paused; a clean stop at the end."""
    patient.start(trader, f"{STEP}-1")
    (pid,) = read_process(trader).pids
    until(lambda: _orders(simulator) > 1, "orders")
    hands.pause(trader, "inc-1")
    until(lambda: "not accepting signals" in _log(root), "the halt")
    paused_at = _orders(simulator)
    heartbeat = root / "state/heartbeat"
    seen = heartbeat.stat().st_mtime_ns
    until(lambda: heartbeat.stat().st_mtime_ns > seen + 1_500_000_000, "six steps")
    assert _orders(simulator) == paused_at
    hands.lift(trader, "inc-1")
    until(lambda: _orders(simulator) > paused_at, "orders again")
    assert read_process(trader).pids == (pid,)
    patient.stop(trader, f"{STEP}-2")
    assert read_process(trader).last_exit is ExitKind.CLEAN


def test_a_tripped_bot_is_released_tried_dry_and_started(
    *,
    patient: ProcessActuator,
    hands: BotActuator,
    trader: Bot,
    root: Path,
    simulator: Simulator,
    tmp_path: Path,
) -> None:
    """Trip, stop, refused start, release, twin, lift, start: the runbook's section 3."""
    patient.start(trader, f"{STEP}-1")
    until(lambda: _orders(simulator) > 1, "orders")
    with httpx.Client(base_url=simulator.control.url, timeout=20) as control:
        control.post("/faults", json={"scenario": "kill_switch"}).raise_for_status()
    until(lambda: read_kill_switch(trader).tripped, "the trip")
    patient.stop(trader, f"{STEP}-2")
    with pytest.raises(ActionError) as caught:
        patient.start(trader, f"{STEP}-3")
    assert caught.value.reason is ActionReason.FORBIDDEN
    counters = json.loads((root / "state/kill_switch_state.json").read_text())["counters"]
    digest = read_kill_switch(trader).digest
    hands.release_latch(trader, "inc-1", digest, tmp_path / "backups")
    assert json.loads((root / "state/kill_switch_state.json").read_text())["counters"] == counters
    before = tree(root / "state")
    orders = _orders(simulator)
    twins = tmp_path / "twins"
    stopping = OnceReached(lambda: beating(twins), "the twin's heartbeat")
    twin = patient.dry_run(trader, f"{STEP}-4", twins, 3.0, stopping)
    assert twin.ok, f"{twin.detail} {twin.log_tail}"
    assert any("mode dry-run" in line for line in twin.log_tail)
    assert _orders(simulator) == orders
    assert tree(root / "state") == before
    hands.lift(trader, "inc-1")
    patient.start(trader, f"{STEP}-5")
    until(lambda: _orders(simulator) > orders, "orders of the restarted bot")
    patient.stop(trader, f"{STEP}-6")
