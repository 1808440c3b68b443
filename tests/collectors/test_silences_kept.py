"""Over a restart the exporter knows whom it must not ask, and so does the doctor beside it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.errors import Reason
from exporter.sources.exchange import host_of
from tests.collectors.conftest import Program, Watched, wait_for
from tests.collectors.polling import Start, alpha, polling
from tests.sim.serve import Response


@pytest.fixture
def start(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a poller for the configuration as it is then."""
    for name, value in watched.env.items():
        monkeypatch.setenv(name, value)
    watched.plain["exporter"]["ntp_servers"] = []
    with polling(watched) as starter:
        yield starter


@pytest.fixture
def file(watched: Watched) -> Path:
    """Where silences are kept."""
    return Path(watched.plain["exporter"]["data_dir"]) / "silences.json"


def _silence(watched: Watched, file: Path) -> str:
    """Keep, by hand, that the exchange wants none for ten minutes."""
    host = host_of(watched.simulator.ready["exchange"])
    until = time.time() + 600
    row = {"host": host, "key": "", "until": until, "seconds": 600, "reason": "banned"}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"silences": [row]}))
    return file.read_text()


def test_a_restarted_exporter_asks_nobody_who_has_banned_it(
    watched: Watched, start: Start, file: Path
) -> None:
    """The first poller hears the ban; the second, in a new process' place, has it from disk."""
    world = watched.simulator.world
    ban = Response(418, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "600"})
    world.intercepts["test"] = lambda _: ban
    first = start()
    assert alpha(first).quiet_until is not None
    first.stop(30)
    assert file.exists()
    world.intercepts.clear()
    before = world.requests.total()
    second = start()
    assert world.requests.total() == before
    known = alpha(second)
    assert known.quiet_until == pytest.approx(time.time() + 600, abs=90)
    assert set(known.health["account"].failures) == {Reason.BANNED}


def test_the_doctor_keeps_silence_and_its_hands_off(watched: Watched, file: Path) -> None:
    """It asks no exchange that wants silence, and changes nothing of what is kept."""
    watched.plain["exporter"]["ntp_servers"] = []
    watched.save()
    kept = _silence(watched, file)
    before = watched.simulator.world.requests.total()
    watched.run("doctor")
    assert watched.simulator.world.requests.total() == before
    assert file.read_text() == kept


def test_once_keeps_silence_and_its_hands_off(watched: Watched, file: Path) -> None:
    """It knows what the server has heard, and asks nobody."""
    watched.plain["exporter"]["ntp_servers"] = []
    watched.save()
    kept = _silence(watched, file)
    before = watched.simulator.world.requests.total()
    result = watched.run("once")
    assert "tradingbot_exchange_quiet_until_timestamp_seconds" in result.stdout
    assert watched.simulator.world.requests.total() == before
    assert file.read_text() == kept


def test_once_writes_nothing_of_a_ban_that_it_hears_itself(watched: Watched, file: Path) -> None:
    """Or it would overwrite what the server beside it has heard meanwhile."""
    ban = Response(418, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "600"})
    watched.simulator.world.intercepts["test"] = lambda _: ban
    watched.plain["exporter"]["ntp_servers"] = []
    watched.save()
    result = watched.run("once")
    assert "tradingbot_exchange_quiet_until_timestamp_seconds{" in result.stdout
    assert not file.exists()


def test_the_server_keeps_what_it_hears(watched: Watched, file: Path) -> None:
    """The program itself, not only its poller."""
    ban = Response(418, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "600"})
    watched.simulator.world.intercepts["test"] = lambda _: ban
    watched.plain["exporter"]["ntp_servers"] = []
    watched.save()
    program = Program(watched)
    try:
        wait_for("the ban to be kept", file.exists)
    finally:
        program.stop()


def test_the_doctor_and_the_judge_of_files_write_nothing(watched: Watched, file: Path) -> None:
    """Not even when the doctor hears of a ban itself."""
    ban = Response(418, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "600"})
    watched.simulator.world.intercepts["test"] = lambda _: ban
    watched.plain["exporter"]["ntp_servers"] = []
    watched.save()
    watched.run("doctor")
    assert watched.run("serve", "--config.check").returncode == 0
    assert not file.exists()
