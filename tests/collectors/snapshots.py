"""Literal snapshots: what the collectors are given in tests and for the golden file."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from exporter.errors import Reason
from exporter.exposition import render_text
from exporter.readings import (
    AccountReading,
    ClockReading,
    ExitKind,
    KillSwitchReading,
    MaintenanceReading,
    OpenOrder,
    Position,
    PositionsFileReading,
    ProcessReading,
)
from exporter.snapshot import BotSnapshot, Health, Latency, Snapshot
from exporter.sources.bot import configured_settings
from tests.sources.bots import make_bot

NOW = 1_795_500_000.0

CALM = KillSwitchReading(
    engaged=False,
    paused=False,
    flag_present=False,
    tripped=False,
    pause_incident=None,
    reason="not engaged",
    digest="d",
    flag_valid=True,
    state_valid=True,
)
RUNNING = ProcessReading(
    up=True,
    pids=(4711,),
    dry_run_pids=(),
    start_time=NOW - 3600,
    last_exit=ExitKind.RUNNING,
    detail="pid 4711",
)
GOOD = Health(up=True, last_attempt=NOW - 1, last_success=NOW - 1)


def order(kind: str, status: str) -> OpenOrder:
    """Return a resting order."""
    return OpenOrder(
        market="usdm",
        symbol="BTCUSDT",
        order_id="1",
        client_order_id="tb2-1",
        status=status,
        kind=kind,
        side="BUY",
        quantity=Decimal("0.010"),
        executed=Decimal(0),
        reduce_only=kind == "algo",
    )


def healthy(**changes: Any) -> BotSnapshot:
    """Return a bot that is well in every way, except for ``changes``."""
    bot = make_bot(Path("/opt/tradingbot2"))
    item = BotSnapshot(
        bot=bot,
        polled=True,
        settings=configured_settings(bot),
        health=dict.fromkeys(
            ("ntp", "exchange", "reference", "account", "bot_files", "process", "heartbeat"), GOOD
        ),
        clocks={
            "ntp": ClockReading("ntp", 0.012, 0.004, ("a", "b", "c")),
            "exchange": ClockReading("exchange", 0.015, 0.02, ("exchange",)),
        },
        kill_switch=CALM,
        process=RUNNING,
        heartbeat=NOW - 2,
        positions=PositionsFileReading({"BTCUSDT": Decimal("0.010")}, NOW - 5),
        file_valid={"state/kill_switch.flag": True, "state/kill_switch_state.json": True},
        account=AccountReading(
            positions=(Position("usdm", "BTCUSDT", "BOTH", Decimal("0.010")),),
            open_orders=(order("regular", "NEW"), order("algo", "NEW")),
            trading_blocked="",
        ),
        maintenance=MaintenanceReading(
            active=False, causes=frozenset(), message="normal", scheduled=False, next_start=None
        ),
        latency={"ping": Latency((1, 2, 0, 0, 0, 0, 0, 0, 0, 1), 3.5)},
        request_failures={("ping", Reason.TIMEOUT): 2},
        unclean_exits=1,
    )
    return replace(item, **changes)


def samples(collector: Any, *bots: BotSnapshot) -> dict[str, float]:
    """Return what a collector exports, as in the text format without the bot's name."""
    families: list[Metric] = list(collector.collect(Snapshot(bots or (healthy(),))))
    lines = [line for line in render_text(families).splitlines() if not line.startswith("#")]
    found = {}
    for line in lines:
        name, value = line.rsplit(" ", 1)
        name = name.replace('bot="alpha",', "").replace('{bot="alpha"}', "")
        found[name.removeprefix("tradingbot_")] = float(value)
    return found
