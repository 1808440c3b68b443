"""Each scenario's faults: the check that finds it, alone, and what it says to do."""

import os
import time

import pytest

from exporter.doctor.verdicts import Status
from tests.doctor.conftest import Ward
from tests.sim.faults.api_key import ApiKey
from tests.sim.faults.base import Fault
from tests.sim.faults.clock_drift import ClockDrift
from tests.sim.faults.data_corruption import DataCorruption
from tests.sim.faults.exchange_maintenance import ExchangeMaintenance
from tests.sim.faults.kill_switch import KillSwitch
from tests.sim.faults.network_disconnection import NetworkDisconnection
from tests.sim.faults.partial_fills import PartialFills
from tests.sim.faults.position_mismatch import PositionMismatch
from tests.sources.bots import write

_FILTERS, _TABLE = "data/binance_filters.json", "data/features.parquet"
_DAY = 86400.0


def test_a_bot_that_is_well_passes_everything(ward: Ward) -> None:
    """Nothing is left out but what the host or the venue does not tell."""
    checks = ward.checks()
    missing = {name for name, c in checks.items() if c.status is Status.NOT_OFFERED}
    assert {name: c.detail for name, c in checks.items() if not c.ok and name not in missing} == {}
    assert missing <= {
        "time service",
        *(f"{role} key expiry" for role in ("bot", "exporter", "remediation")),
    }
    assert all(not check.advice for check in checks.values())


_ONE_CHECK: list[tuple[Fault, str, str, str]] = [
    (NetworkDisconnection(kind="stream_silent"), "market data", "nothing from", "runbook 1"),
    (ClockDrift(offset_seconds=3.5), "clock", "exchange +3.", "runbook 2 step 1"),
    (ClockDrift(where="ntp"), "clock", "they disagree", "leave the clock alone"),
    (KillSwitch(cause="manual"), "kill switch", "kill_switch.flag", "runbook 3 step 1"),
    (PartialFills(), "partial fills", "0.004 of 0.01 filled, placed 6", "runbook 4 step 2"),
    (ExchangeMaintenance(kind="status"), "no maintenance", "maintenance", "runbook 5 step 1"),
    (DataCorruption(kind="nan_parquet"), "data values", f"{_TABLE}: 37.5%", "runbook 7 step 3"),
    (PositionMismatch(), "positions", "the bot says 0, the exchange says 0.005", "runbook 9"),
    (ApiKey(kind="withdraw_enabled"), "bot key cannot withdraw", "it may", "runbook 8 step 4"),
    (ApiKey(kind="ip_unrestricted"), "bot key addresses", "from anywhere", "runbook 8 step 4"),
    (ApiKey(kind="old"), "bot key age", "400 days old, limit 30 days", "runbook 8, prevention"),
    (ApiKey(kind="rejected"), "bot key valid", "-2015", "runbook 8 step 3"),
]


@pytest.mark.parametrize(
    ("fault", "name", "detail", "advice"), _ONE_CHECK, ids=[one[1] for one in _ONE_CHECK]
)
def test_a_fault_fails_its_own_check_and_no_other(
    ward: Ward, fault: Fault, name: str, detail: str, advice: str
) -> None:
    """It is named, with the runbook's next step; it passes again when the fault is gone."""
    ward.bot["data_checks"] = {}
    ward.save()
    undo = ward.inject(fault)
    bad = ward.bad(fault.scenario)
    assert set(bad) == {name}
    assert bad[name].status is Status.FAIL
    assert bad[name].scenario == fault.scenario
    assert detail in bad[name].detail
    assert advice in bad[name].advice
    undo()
    assert fault.scenario == "api_key" or name not in ward.bad(fault.scenario)


def test_old_filters_with_other_steps(ward: Ward) -> None:
    """Once as a rule of the exchange, once as a file."""
    ward.bot["commands"]["refresh_filters"] = ["fetch filters", "--now"]
    ward.save()
    ward.inject(DataCorruption(kind="stale_filters"))
    bad = ward.bad("exchange_maintenance", "data_corruption")
    assert set(bad) == {"filters up to date", "file ages"}
    assert "1 symbol of" in bad["filters up to date"].detail
    assert "40 days old, limit 30 days" in bad["file ages"].detail
    assert "`'fetch filters' --now`" in bad["filters up to date"].advice


def test_damaged_filters_are_one_failure(ward: Ward) -> None:
    """Whether they are up to date cannot be told before."""
    ward.inject(DataCorruption(kind="truncated_json"))
    bad = ward.bad("exchange_maintenance", "data_corruption")
    assert set(bad) == {"data files"}
    assert f"{_FILTERS} is not JSON" in bad["data files"].detail
    assert str(ward.root / "backup") in bad["data files"].advice


def test_a_table_that_is_not_the_approved_one(ward: Ward) -> None:
    """Whole, and another than the manifest says."""
    ward.inject(DataCorruption(kind="shrunk"))
    assert set(ward.bad("data_corruption")) == {"checksums"}


def test_a_backup_that_is_old_or_damaged_or_gone(ward: Ward) -> None:
    """Each of them in words."""
    folder = ward.root / "backup"
    old = time.time() - 30 * _DAY
    for file in (*folder.rglob("*"), folder):
        os.utime(file, (old, old))
    assert "30 days old, limit 7 days" in ward.bad("data_corruption")["newest backup"].detail
    write(folder, "data/binance_filters.json", "{")
    os.utime(folder / "data/binance_filters.json", (old, old))
    assert "binance_filters.json" in ward.bad("data_corruption")["newest backup"].detail
    for file in (folder / "data").iterdir():
        file.unlink()
    (folder / "data").rmdir()
    assert ward.bad("data_corruption")["newest backup"].detail == "backup/ holds no backup"
    folder.rmdir()
    assert ward.checks("data_corruption")["newest backup"].status is Status.NOT_OFFERED
    ward.bot["paths"] = {**ward.bot.get("paths", {}), "backups": "elsewhere/"}
    ward.save()
    assert ward.bad("data_corruption")["newest backup"].detail == "elsewhere/ holds no backup"


def test_a_disk_that_is_nearly_full(ward: Ward) -> None:
    """By the configured share."""
    ward.bot["disk"] = {"min_free_ratio": 1.0}
    ward.save()
    bad = ward.bad("data_corruption")["disk room"]
    assert "of the disk is free, limit 100%" in bad.detail


def test_a_process_that_has_gone_and_a_heart_that_stands_still(ward: Ward) -> None:
    """Its unit's journal is the next step where it has one, else its log."""
    (ward.root / "state/bot.pid").unlink()
    old = time.time() - 300
    os.utime(ward.root / "state/heartbeat", (old, old))
    bad = ward.bad("process_crash")
    assert set(bad) == {"process", "heartbeat"}
    assert bad["process"].detail.startswith("no live process, ")
    assert f"`tail -100 {ward.root}/logs/*.log`" in bad["process"].advice
    assert bad["heartbeat"].detail == "5 min ago, limit 2 min"
    assert ward.checks("memory_exhaustion")["bot's memory"].status is Status.NOT_OFFERED


def test_memory_near_its_limit(ward: Ward) -> None:
    """By the configured limit, since no other confines this process more closely."""
    ward.bot["memory"] = {"limit_bytes": 4 << 20}
    ward.save()
    bad = ward.bad("memory_exhaustion")
    assert set(bad) == {"bot's memory"}
    assert "of 4.0 MiB (config) are used" in bad["bot's memory"].detail
