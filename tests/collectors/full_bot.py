"""A bot of which everything is known: each declared metric has a sample."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from exporter.readings import (
    BackupReading,
    BotMetricsReading,
    ClockDaemonReading,
    ComparedPosition,
    Comparison,
    DataFileReading,
    DataReading,
    Difference,
    DiskReading,
    Fee,
    FileKind,
    HostReading,
    KeyReading,
    KeyRestrictions,
    LogReading,
    MemoryReading,
    NetworkFault,
    NetworkReading,
    PositionKey,
    PositionState,
    RateLimit,
    Stage,
    StageResult,
    StreamReading,
    SymbolRules,
)
from exporter.snapshot import BotSnapshot
from tests.collectors.snapshots import GOOD, NOW, healthy, order
from tests.sources.bots import make_bot

HOST = HostReading(
    memory_bytes=16 << 30,
    available_bytes=9 << 30,
    swap_bytes=2 << 30,
    swap_free_bytes=2 << 30,
    oom_kills=0,
    pressure={("memory", "some"): 0.01, ("memory", "full"): 0.0},
)
DAEMONS = (
    ClockDaemonReading(
        "chrony",
        synchronized=True,
        offset_seconds=0.0004,
        error_bound_seconds=0.012,
        source="time.example",
    ),
)

_SOURCES = (
    *("ntp", "exchange", "reference", "account", "bot_files", "process", "heartbeat", "network"),
    *("market_data", "rules", "key", "logs", "data_files", "memory", "disk", "bot_metrics"),
)


def full() -> BotSnapshot:
    """Return a bot with every optional part configured and known."""
    calm = healthy()
    bot = make_bot(
        Path("/opt/tradingbot2"),
        venue={
            "kind": "binance_usdm",
            "base_url": "http://127.0.0.1:9",
            "symbols": ["BTCUSDT"],
            "account": "second",
            "client_order_prefix": "tb2-",
        },
        data_checks={"max_age_seconds": 86_400.0},
    )
    partial = replace(
        order("regular", "PARTIALLY_FILLED"),
        executed=Decimal("0.004"),
        price=Decimal(60_000),
        created=NOW - 600,
    )
    assert calm.account is not None
    return replace(
        calm,
        settings=replace(calm.settings, ttl_steps=1, bar_seconds=14_400.0),
        health=dict.fromkeys(_SOURCES, GOOD),
        account=replace(calm.account, open_orders=(*calm.account.open_orders, partial)),
        restarts=2,
        oom_kills=1,
        disks=(
            DiskReading(
                *("state", "/opt/tradingbot2/state", 100 << 30, 40 << 30, 0.9), writable=True
            ),
        ),
        memory=MemoryReading(
            resident_bytes=300 << 20,
            unique_bytes=280 << 20,
            swap_bytes=0,
            limit_bytes=1 << 30,
            limit_kind="cgroup_v2",
            used_bytes=310 << 20,
            oom_kills=0,
            pressure={"some": 0.02, "full": 0.0},
        ),
        bot_metrics=BotMetricsReading(NOW - 1, {"btcusdt": NOW - 1}),
        logs=LogReading(
            events={"connection_refused": 3},
            lines=1200,
            bytes=90_000,
            files=2,
            offsets_durable=True,
            last_growth=NOW - 4,
        ),
        data=DataReading(
            files=(
                DataFileReading(
                    file="data/features.parquet",
                    kind=FileKind.PARQUET,
                    valid=True,
                    reason=None,
                    detail="",
                    size_bytes=120_000,
                    modified=NOW - 900,
                    rows=5000,
                    nan_ratio=0.001,
                    checksum_ok=True,
                    max_age_seconds=86_400.0,
                ),
            ),
            skipped=0,
            backup=BackupReading("backup/1", NOW - 86_400, valid=True, detail=""),
            filters="data/binance_filters.json",
        ),
        network=NetworkReading(
            fault=NetworkFault.NONE,
            stages=tuple(StageResult(stage, ok=True, seconds=0.01) for stage in Stage),
            others_reachable=True,
            gateway=True,
            detail="",
        ),
        streams=(
            StreamReading(
                "btcusdt@markPrice",
                NOW - 1,
                connected=True,
                reconnects=1,
                closing=False,
                detail="",
            ),
        ),
        maintenance=replace(calm.maintenance, next_start=NOW + 86_400)
        if calm.maintenance
        else None,
        rules=(
            SymbolRules(
                *("BTCUSDT", "TRADING", "BTC", "USDT"),
                *map(Decimal, ("0.10", "0.001", "0.001", "100")),
            ),
        ),
        filters_outdated=0,
        fees=(Fee("BTCUSDT", Decimal("0.0002"), Decimal("0.0004")),),
        rate_limits=(RateLimit("weight", "ip", 60.0, 120, 2400),),
        quiet_until=NOW + 30,
        keys=(
            KeyReading(
                role="exporter",
                present=True,
                valid=True,
                reason=None,
                detail="",
                restrictions=KeyRestrictions(
                    can_trade=False,
                    can_withdraw=False,
                    ip_restricted=True,
                    created=NOW - 864_000,
                    expiry=NOW + 8_640_000,
                ),
            ),
        ),
        comparison=Comparison(
            positions=(
                ComparedPosition(
                    PositionKey("usdm", "BTCUSDT", "BOTH"),
                    Decimal("0.010"),
                    Decimal("0.010"),
                    Decimal(600),
                    PositionState.MATCH,
                    Difference.NONE,
                ),
            ),
            reason="",
            bot_age_seconds=0.2,
            exchange_age_seconds=0.4,
            judged=NOW - 3,
        ),
        bot=bot,
    )
