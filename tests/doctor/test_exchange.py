"""An exchange that cannot be asked, or does not serve, and what that keeps from being checked."""

import time
from pathlib import Path

import pytest

from exporter.doctor.verdicts import Status
from tests.doctor.conftest import Ward
from tests.sim.faults.exchange_maintenance import ExchangeMaintenance
from tests.sim.faults.network_disconnection import NetworkDisconnection
from tests.sim.simulator import Simulator


@pytest.mark.parametrize(
    ("kind", "blame", "advice"),
    [
        ("refused", "its end refuses the connection, and a second host answers", "status page"),
        ("hang", "it does not answer, and a second host answers", "status page"),
        ("forbidden", "a firewall is in the way", "runbook 1 step 3"),
        ("restricted", "it does not serve this location", "through which proxy"),
    ],
)
def test_an_exchange_out_of_reach_is_blamed_once(
    ward: Ward, kind: str, blame: str, advice: str
) -> None:
    """What cannot be checked because of it says so instead of advice of its own."""
    if kind == "hang":
        # Everything that is asked takes this long, and all of it together has a deadline.
        ward.plain["exporter"]["timeout_seconds"] = 1.0
        ward.save()
    if kind == "hang":
        ward.plain["exporter"]["timeout_seconds"] = 2.0
        ward.save()
    ward.inject(NetworkDisconnection(kind=kind))  # type: ignore[arg-type]
    checks = ward.checks()
    reachable = checks["exchange reachable"]
    assert reachable.status is Status.FAIL
    assert blame in reachable.detail
    assert advice in reachable.advice
    for name in ("clock", "no maintenance", "account readable", "positions", "bot key valid"):
        assert checks[name].status is Status.UNKNOWN, name
        assert checks[name].first == "exchange reachable"
        assert checks[name].advice == "first put right: exchange reachable"


def test_this_hosts_own_fault_is_told_from_the_exchanges(ward: Ward) -> None:
    """Nobody answers: it is here."""
    ward.inject(NetworkDisconnection(kind="refused", scope="internet"))
    reachable = ward.checks("network_disconnection")["exchange reachable"]
    assert "this host reaches nobody" in reachable.detail
    assert "network adapter" in reachable.advice


def test_a_ban_is_named_and_not_made_longer(ward: Ward) -> None:
    """After the exchange has asked for silence nothing more is sent."""
    world = ward.simulator.world
    ward.inject(NetworkDisconnection(kind="banned"))
    checks = ward.checks()
    assert checks["rate limit"].status is Status.FAIL
    assert "wants no requests" in checks["rate limit"].detail
    assert checks["positions"].status is Status.UNKNOWN
    before = world.requests.total()
    assert ward.checks("position_mismatch")["positions"].status is Status.UNKNOWN
    assert world.requests.total() - before <= 5


def test_a_nearly_used_limit_fails(tmp_path: Path) -> None:
    """Whoever has used it: what is left belongs to the bot."""
    now = time.time()
    with Simulator(wall=lambda: now) as frozen:
        world = frozen.world
        spent = round(0.95 * world.limits.allowed["usdm"])
        world.limits.spend("usdm", "ip", spent, world.clocks.exchange_ms())
        limit = Ward(tmp_path, frozen).checks("network_disconnection")["rate limit"]
    assert limit.status is Status.FAIL
    assert limit.detail.endswith(" weight in 60 s are used")


def test_a_halted_symbol_is_maintenance_and_named(ward: Ward) -> None:
    """As its metric has it."""
    ward.inject(ExchangeMaintenance(kind="symbol_break"))
    bad = ward.bad("exchange_maintenance")
    assert set(bad) == {"no maintenance", "symbols tradable"}
    assert bad["symbols tradable"].detail == "BTCUSDT is BREAK"


def test_an_announced_window_that_is_on(ward: Ward) -> None:
    """It is not the time to resume."""
    ward.bot["venue"]["maintenance_windows"] = ["2020-01-01T00:00Z/2099-01-01T02:00Z"]
    ward.save()
    assert set(ward.bad("exchange_maintenance")) == {"announced window"}
