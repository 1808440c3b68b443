"""The poller against the simulator: what vanishes, what stays, what is remembered."""

from collections.abc import Callable, Iterator

import pytest

from exporter import config_file
from exporter.errors import Reason
from exporter.poller import Poller
from exporter.snapshot import BotSnapshot
from tests.collectors.conftest import Watched, wait_for
from tests.sources.bots import write

Start = Callable[..., Poller]


@pytest.fixture
def start(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a poller for the configuration as it is then."""
    for name, value in watched.env.items():
        monkeypatch.setenv(name, value)
    running: list[Poller] = []

    def run(previous: Poller | None = None) -> Poller:
        watched.save()
        poller = Poller(config_file.load(watched.file), previous)
        running.append(poller)
        poller.start()
        assert poller.wait_first_round(20)
        return poller

    yield run
    for poller in running:
        poller.stop(5)


def _alpha(poller: Poller) -> BotSnapshot:
    return poller.snapshot().bots[0]


def test_after_one_round_everything_is_known(watched: Watched, start: Start) -> None:
    """Each source has been asked and each value is there."""
    watched.plain["exporter"]["clock_references"] = [
        {"kind": "binance_usdm", "base_url": watched.simulator.ready["reference"]}
    ]
    poller = start()
    assert poller.ready
    alpha = _alpha(poller)
    assert set(alpha.health) == {
        *("ntp", "exchange", "reference", "account", "bot_files", "process", "heartbeat")
    }
    assert all(health.up for health in alpha.health.values()), alpha.health
    assert set(alpha.clocks) == {"ntp", "exchange"}
    assert alpha.account is not None
    assert alpha.status is not None
    assert alpha.positions is not None
    assert alpha.process is not None
    assert alpha.kill_switch is not None
    assert not alpha.kill_switch.engaged


def test_a_lost_exchange_takes_its_values_and_leaves_its_health(
    watched: Watched, start: Start
) -> None:
    """The last offset does not stand for ever; local readings go on."""
    poller = start()
    watched.simulator.exchange.stop()
    wait_for("the offset to vanish", lambda: "exchange" not in _alpha(poller).clocks)
    wait_for("the account to vanish", lambda: _alpha(poller).account is None)
    alpha = _alpha(poller)
    assert not alpha.health["exchange"].up
    assert alpha.health["exchange"].last_success is not None
    assert alpha.health["exchange"].failures
    assert "ntp" in alpha.clocks
    assert alpha.kill_switch is not None


def test_a_state_file_that_disappears_engages(watched: Watched, start: Start) -> None:
    """Also across a reload, which must not forget that the file existed."""
    poller = start()
    state = watched.root / "state/kill_switch_state.json"
    state.unlink()

    def engaged(which: Poller) -> bool:
        reading = _alpha(which).kill_switch
        return reading is not None and reading.engaged

    wait_for("the loss to be seen", lambda: engaged(poller))
    assert engaged(start(poller))


def test_without_a_state_file_from_the_start_it_is_calm(watched: Watched, start: Start) -> None:
    """A bot that has never run has written nothing yet."""
    (watched.root / "state/kill_switch_state.json").unlink()
    (watched.root / "state/positions.json").unlink()
    alpha = _alpha(start())
    assert alpha.kill_switch is not None
    assert not alpha.kill_switch.engaged
    assert "state/positions.json" not in alpha.file_valid
    assert alpha.health["bot_files"].up


def test_a_damaged_positions_file_is_invalid_and_not_flat(watched: Watched, start: Start) -> None:
    """Its value goes at once; there is no old one to fall back on."""
    poller = start()
    write(watched.root, "state/positions.json", '{"BTCUSDT": ')
    wait_for("the damage", lambda: not _alpha(poller).file_valid["state/positions.json"])
    assert _alpha(poller).positions is None
    wait_for("the health", lambda: not _alpha(poller).health["bot_files"].up)
    assert Reason.INVALID in _alpha(poller).health["bot_files"].failures


def test_a_missing_key_leaves_the_unsigned_part(
    watched: Watched, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the account comes as soon as the key is there."""
    watched.bot["venue"]["credentials"]["exporter"]["key"] = "TW_TEST_LATE"
    poller = start()
    alpha = _alpha(poller)
    assert alpha.health["exchange"].up
    assert alpha.health["account"].failures == {Reason.NO_CREDENTIALS: 1}
    monkeypatch.setenv("TW_TEST_LATE", watched.env["TW_TEST_KEY"])
    wait_for("the account", lambda: _alpha(poller).account is not None)


def test_without_credentials_there_is_no_account_to_fail(watched: Watched, start: Start) -> None:
    """What is not configured is absent, not down."""
    del watched.bot["venue"]["credentials"]
    watched.plain["exporter"]["ntp_servers"] = []
    alpha = _alpha(start())
    assert "account" not in alpha.health
    assert "ntp" not in alpha.health
    assert alpha.health["exchange"].up


def test_an_alpaca_bot_is_watched_without_its_exchange(watched: Watched, start: Start) -> None:
    """The venue's client comes later; files and process are watched now."""
    watched.bot["venue"] = {"kind": "alpaca", "base_url": watched.simulator.ready["exchange"]}
    alpha = _alpha(start())
    assert alpha.health["exchange"].failures == {Reason.UNSUPPORTED: 1}
    assert alpha.health["bot_files"].up
