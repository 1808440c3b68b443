"""Fresh readings through the exporter's own sources."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from exporter.config import (
    Bot,
    ClockReference,
    Config,
    CredentialRoles,
    Credentials,
    ExporterSettings,
    Process,
    Venue,
)
from exporter.errors import Reason, SourceError
from remediation.world import World
from tests.sim.serve import Response
from tests.sim.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


@pytest.fixture
def traded(bot: Bot, simulator: Simulator, root: Path) -> Bot:
    """The small bot with an account at the simulator."""
    ready = simulator.ready
    (root / "keys").write_text(
        f"K={ready['remediation_key']}\nS={ready['remediation_secret']}\n", encoding="utf-8"
    )
    keys = Credentials(env_file=str(root / "keys"), key="K", secret="S")
    venue = Venue(
        kind="binance_usdm",
        base_url=ready["exchange"],
        credentials=CredentialRoles(remediation=keys),
    )
    return msgspec.structs.replace(bot, venue=venue)


@pytest.fixture
def world(traded: Bot, simulator: Simulator) -> Iterator[World]:
    """What the receiver sees."""
    ready = simulator.ready
    settings = ExporterSettings(
        timeout_seconds=30.0,
        ntp_servers=tuple(ready["ntp"]),
        clock_references=(ClockReference(kind="binance_usdm", base_url=ready["reference"]),),
    )
    seen = World(Config(bots=(traded,), exporter=settings))
    yield seen
    seen.close()


def test_three_kinds_of_clock_agree(world: World, traded: Bot) -> None:
    """NTP, the exchange, and a second exchange, each asked anew."""
    readings = [world.ntp_clock(), world.exchange_clock(traded), *world.reference_clocks()]
    assert len(readings) == 3
    assert all(abs(reading.offset_seconds) < 0.5 for reading in readings)


def test_the_account_and_the_venue_answer(world: World, traded: Bot) -> None:
    """Signed with the remediation key; the venue is not in maintenance."""
    assert world.account(traded).open_orders == ()
    assert not world.venue_status(traded).maintenance


def test_nothing_is_remembered_when_the_exchange_goes(world: World, simulator: Simulator) -> None:
    """A reading that worked a moment ago is not served again."""
    world.reference_clocks()
    simulator.stop()
    with pytest.raises(SourceError):
        world.reference_clocks()


def test_a_limit_that_is_nearly_used_up_stops_no_repair(
    world: World, traded: Bot, simulator: Simulator
) -> None:
    """The exporter leaves the rest to the bot; who decides about the bot has to know."""
    outer = simulator.world
    world.account(traded)
    weight = round(0.99 * outer.limits.allowed["usdm"])
    outer.limits.spend("usdm", "ip", weight, outer.clocks.exchange_ms())
    for _ in range(3):
        world.account(traded)


def test_a_ban_that_one_client_hears_silences_all(traded: Bot, simulator: Simulator) -> None:
    """Another bot at the same exchange, and the clock that compares with it."""
    url = traded.venue.base_url
    other = msgspec.structs.replace(traded, name="other")
    settings = ExporterSettings(
        timeout_seconds=30.0,
        clock_references=(ClockReference(kind="binance_usdm", base_url=url),),
        data_dir=None,
    )
    world = World(Config(bots=(traded, other), exporter=settings))
    ban = Response(418, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "600"})
    simulator.world.intercepts["test"] = lambda _: ban
    with pytest.raises(SourceError):
        world.account(traded)
    simulator.world.intercepts.clear()
    before = simulator.world.requests.total()
    for ask in (lambda: world.account(other), world.reference_clocks):
        with pytest.raises(SourceError) as caught:
            ask()
        assert caught.value.reason is Reason.BANNED
    assert simulator.world.requests.total() == before
    world.close()


@pytest.mark.parametrize("readable", [True, False])
def test_what_the_exporter_was_asked_is_known_and_left_alone(
    traded: Bot, simulator: Simulator, tmp_path: Path, readable: bool
) -> None:
    """Its record is read, if it can be, and never written."""
    host = traded.venue.base_url.removeprefix("http://")
    until = time.time() + 600
    row = {"host": host, "key": "", "until": until, "seconds": 600, "reason": "banned"}
    file = tmp_path / "kept" / "silences.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"silences": [row]}) if readable else "{")
    kept = file.read_text()
    settings = ExporterSettings(timeout_seconds=30.0, data_dir=str(file.parent))
    world = World(Config(bots=(traded,), exporter=settings))
    if readable:
        with pytest.raises(SourceError) as caught:
            world.account(traded)
        assert caught.value.reason is Reason.BANNED
        assert simulator.world.requests.total() == 0
    else:
        assert world.account(traded).open_orders == ()
        ban = Response(418, {"code": -1003, "msg": "Too many."}, {"Retry-After": "600"})
        simulator.world.intercepts["test"] = lambda _: ban
        with pytest.raises(SourceError):
            world.account(traded)
    world.close()
    assert file.read_text() == kept
    assert list(file.parent.iterdir()) == [file]


def test_without_a_key_there_is_no_account(bot: Bot) -> None:
    """The bot's own key is not borrowed."""
    with pytest.raises(SourceError) as caught:
        World(Config(bots=(bot,))).account(bot)
    assert caught.value.reason is Reason.NO_CREDENTIALS


def test_a_state_file_that_existed_must_not_vanish(bot: Bot, state: Path) -> None:
    """Never seen: not engaged. Seen and gone: engaged."""
    world = World(Config(bots=(bot,)))
    assert not world.kill_switch(bot).engaged
    state.write_text('{"tripped": false}')
    assert not world.kill_switch(bot).engaged
    state.unlink()
    assert world.kill_switch(bot).engaged


def test_files_and_process_are_read(world: World, traded: Bot, root: Path) -> None:
    """Positions, heartbeat, process and settings of the bot as it is now."""
    (root / "state/positions.json").write_text('{"BTCUSDT": {"qty": "0.010"}}')
    (root / "state/heartbeat").touch()
    assert str(world.positions_file(traded).positions["BTCUSDT"]) == "0.010"
    assert world.heartbeat(traded) == (root / "state/heartbeat").stat().st_mtime
    assert not world.process(traded).up
    assert world.settings(traded).clock_kill_seconds == 2.0


def test_evidence_never_raises(world: World, traded: Bot, root: Path, tmp_path: Path) -> None:
    """Every kind gives lines, or a line that says why not."""
    (root / "logs/bot.log").write_text("INFO fine\nERROR broken\n")
    assert world.error_lines(traded) == ("ERROR broken",)
    assert world.log_tail(traded, 1) == ("ERROR broken",)
    assert isinstance(world.kernel_lines(), tuple)
    assert isinstance(world.core_files(traded), tuple)
    assert world.unit_journal(traded) == ("no systemd unit is configured",)


def test_a_journal_that_cannot_be_read_says_so(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is the evidence."""
    monkeypatch.setenv("PATH", str(tmp_path))
    bot = msgspec.structs.replace(bot, process=Process(systemd_unit="tiny.service"))
    (line,) = World(Config(bots=(bot,))).unit_journal(bot)
    assert "no journalctl" in line
