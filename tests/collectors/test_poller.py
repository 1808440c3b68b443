"""The poller against the simulator: what vanishes, what stays, what is read at once."""

import threading
import time
from collections.abc import Iterator

import pytest

from exporter.errors import Reason
from exporter.worker import Worker
from tests.collectors.conftest import Watched, wait_for
from tests.collectors.polling import Start, alpha, polling
from tests.sim.holdings import SYMBOL
from tests.sim.serve import Response
from tests.sources.bots import write


@pytest.fixture
def start(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a poller for the configuration as it is then."""
    for name, value in watched.env.items():
        monkeypatch.setenv(name, value)
    with polling(watched) as starter:
        yield starter


def test_after_one_round_everything_is_known(watched: Watched, start: Start) -> None:
    """Each source has been asked and each value is there."""
    watched.plain["exporter"]["clock_references"] = [
        {"kind": "binance_usdm", "base_url": watched.simulator.ready["reference"]}
    ]
    watched.bot["venue"]["symbols"] = ["BTCUSDT"]
    watched.bot["venue"]["stream_url"] = watched.simulator.ready["stream_usdm"]
    poller = start()
    assert poller.ready
    known = alpha(poller)
    assert set(known.health) == {
        *("ntp", "exchange", "reference", "account", "bot_files", "process", "heartbeat"),
        *("network", "market_data", "rules", "key", "logs", "data_files", "memory", "disk"),
    }
    assert all(health.up for health in known.health.values()), known.health
    assert set(known.clocks) == {"ntp", "exchange"}
    assert None not in (
        *(known.kill_switch, known.process, known.heartbeat, known.positions, known.account),
        *(known.logs, known.data, known.network, known.maintenance, known.rules, known.fees),
        known.comparison,
    )
    assert known.disks
    assert known.keys
    assert known.streams
    assert known.rate_limits
    assert known.kill_switch is not None
    assert not known.kill_switch.engaged
    assert poller.snapshot().host is not None


def test_a_lost_exchange_takes_its_values_and_leaves_its_health(
    watched: Watched, start: Start
) -> None:
    """The last offset does not stand for ever; local readings go on."""
    # Values grow old as fast as answers may be slow; time servers go on, and are believed longer.
    watched.plain["exporter"] |= {"timeout_seconds": 1.0, "ntp_poll_seconds": 5.0}
    poller = start()
    watched.simulator.exchange.shut()
    wait_for("the offset to vanish", lambda: "exchange" not in alpha(poller).clocks)
    known = alpha(poller)
    lost = ("exchange", "account", "key")

    def down() -> bool:
        return not any(alpha(poller).health[source].up for source in lost)

    wait_for("all of it to be down", down)
    for source in lost:
        assert known.health[source].last_success is not None
        assert alpha(poller).health[source].failures
    assert "ntp" in known.clocks

    def unreachable() -> bool:
        network = alpha(poller).network
        return network is not None and not network.reachable

    wait_for("the network's fault", unreachable)
    poller.refresh(30)
    assert alpha(poller).kill_switch is not None
    assert alpha(poller).health["bot_files"].up


def test_after_an_outage_everything_is_asked_at_once(watched: Watched, start: Start) -> None:
    """Not when the next round of each is due: that may be in a quarter of an hour."""
    watched.plain["exporter"] |= {
        "ntp_servers": [],
        "account_poll_seconds": 900.0,
        "rules_poll_seconds": 900.0,
    }
    watched.simulator.exchange.shut()
    poller = start()
    lost = ("account", "rules", "exchange")
    assert not any(alpha(poller).health[source].up for source in lost)
    watched.simulator.exchange.open()

    def known() -> bool:
        return all(alpha(poller).health[source].up for source in lost)

    wait_for("account and rules", known)
    assert alpha(poller).comparison is not None


def test_symbols_that_cannot_be_asked_for_in_a_round_show_as_rules(
    watched: Watched, start: Start
) -> None:
    """Their states vanish at once, and the hourly reading of all rules would say nothing."""
    watched.plain["exporter"]["ntp_servers"] = []
    watched.bot["venue"]["symbols"] = ["BTCUSDT"]
    poller = start()
    assert alpha(poller).health["rules"].up
    broken = Response(400, {"code": -1100, "msg": "Illegal characters."})
    world = watched.simulator.world
    world.intercepts["test"] = lambda r: broken if r.path.endswith("exchangeInfo") else None
    wait_for("the rules to be down", lambda: not alpha(poller).health["rules"].up)
    known = alpha(poller)
    assert known.health["rules"].failures[Reason.REJECTED] > 0
    assert known.health["exchange"].up
    world.intercepts.clear()
    wait_for("the rules to be up", lambda: alpha(poller).health["rules"].up)


def test_without_a_state_file_from_the_start_it_is_calm(watched: Watched, start: Start) -> None:
    """A bot that has never run has written nothing yet."""
    (watched.root / "state/kill_switch_state.json").unlink()
    (watched.root / "state/positions.json").unlink()
    known = alpha(start())
    assert known.kill_switch is not None
    assert not known.kill_switch.engaged
    assert "state/positions.json" not in known.file_valid
    assert known.health["bot_files"].up


def test_files_are_read_when_a_scrape_wants_them(watched: Watched, start: Start) -> None:
    """Not when the next round is due: that may be in a quarter of an hour."""
    watched.plain["exporter"] |= {"poll_seconds": 900.0, "ntp_servers": []}
    poller = start()
    time.sleep(0.15)  # what was read just now serves a scrape, too
    write(watched.root, "state/positions.json", '{"BTCUSDT": ')
    write(watched.root, "state/kill_switch.flag", "")
    write(watched.root, "logs/bot.log", "one\ntwo\n")
    poller.refresh(30)
    known = alpha(poller)
    assert known.kill_switch is not None
    assert known.kill_switch.engaged
    assert known.positions is None
    assert not known.file_valid["state/positions.json"]
    assert not known.health["bot_files"].up
    assert Reason.INVALID in known.health["bot_files"].failures
    assert known.logs is not None
    assert known.logs.lines == 2


def test_what_hangs_is_shown_as_it_was(watched: Watched, start: Start) -> None:
    """A scrape takes its own time and no more, and what does not hang is of now."""
    watched.plain["exporter"] |= {"poll_seconds": 900.0, "ntp_servers": []}
    poller = start()
    freed = threading.Event()

    def hang() -> None:
        freed.wait(90)

    stuck = Worker("stuck", 60, hang)
    poller._local = (stuck, *poller._local)
    stuck.start()
    time.sleep(0.15)
    write(watched.root, "state/kill_switch.flag", "")
    began = time.monotonic()
    poller.refresh(5)
    assert 4.9 < time.monotonic() - began < 60
    reading = alpha(poller).kill_switch
    assert reading is not None
    assert reading.engaged
    freed.set()
    began = time.monotonic()
    poller.refresh(90)
    assert time.monotonic() - began < 60


def test_a_missing_key_leaves_the_unsigned_part(
    watched: Watched, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the account comes as soon as the key is there."""
    watched.bot["venue"]["credentials"]["exporter"]["key"] = "TW_TEST_LATE"
    poller = start()
    known = alpha(poller)
    assert known.health["exchange"].up
    assert set(known.health["account"].failures) == {Reason.NO_CREDENTIALS}
    assert known.account is None
    monkeypatch.setenv("TW_TEST_LATE", watched.env["TW_TEST_KEY"])
    wait_for("the account", lambda: alpha(poller).account is not None)


def test_without_credentials_there_is_no_account_to_fail(watched: Watched, start: Start) -> None:
    """What is not configured is absent, not down."""
    del watched.bot["venue"]["credentials"]
    watched.plain["exporter"]["ntp_servers"] = []
    known = alpha(start())
    assert known.health.keys().isdisjoint({"account", "key", "ntp", "reference", "market_data"})
    assert known.health["exchange"].up


def test_an_alpaca_bot_is_watched_like_any_other(watched: Watched, start: Start) -> None:
    """Its clock, too, is told only to a key."""
    ready = watched.simulator.ready
    watched.bot["venue"] |= {
        "kind": "alpaca",
        "base_url": ready["alpaca"],
        "data_base_url": ready["alpaca_data"],
        "symbols": [SYMBOL["alpaca"]],
    }
    del watched.bot["venue"]["sapi_base_url"]
    watched.env |= {
        "TW_TEST_KEY": ready["alpaca_exporter_key"],
        "TW_TEST_SECRET": ready["alpaca_exporter_secret"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in watched.env.items():
            patch.setenv(name, value)
        known = alpha(start())
    assert all(health.up for health in known.health.values()), known.health
    assert known.market_hours is not None
    assert known.streams
