"""What hangs inside the host itself: scrapes are answered in time all the same."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from exporter.errors import Reason
from exporter.scrape import TIMEOUT_HEADER
from tests.hostile.answers import hang
from tests.hostile.ground import Ground, Scrape, check_log
from tests.hostile.server import Front
from tests.sim.simulator import Simulator
from tests.sources.bots import write
from tests.web.served import PATIENCE_SECONDS

# Several waits that a busy machine may draw out.
pytestmark = pytest.mark.timeout(400)
_HANGS = "hangs"
# A service manager and a time service that may stop to answer.
_STUB = """\
#!/bin/sh
[ -e {flag} ] && exec sleep 60
case "$1" in
--property*|show) printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\n' ;;
esac
printf 'NTPSynchronized=yes\\n'
"""
_DEADLINE_SECONDS = 6.0  # the share of it for reading is less than a hang is waited for
_PATIENCE_SECONDS = 60.0
_APART_SECONDS = 0.2  # so that a round that has just ended is not the next scrape's, too


class Host:
    """An exporter on a host whose service manager can be made to hang."""

    def __init__(self, directory: Path) -> None:
        self.flag = directory / _HANGS
        for name in ("systemctl", "timedatectl"):
            stub = write(directory, f"bin/{name}", _STUB.format(flag=self.flag))
            stub.chmod(0o755)
        self.roots = {name: directory / name for name in ("unit", "pidfile")}
        bots = []
        for name, root in self.roots.items():
            write(root, "state/kill_switch_state.json", '{"tripped": false}')
            write(root, "state/heartbeat", "")
            process = {"systemd_unit": "bot"} if name == "unit" else {"pidfile": "state/bot.pid"}
            bots.append(
                {
                    "name": name,
                    "mode": "paper",
                    "root": str(root),
                    "venue": {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"},
                    "process": process,
                    "heartbeat": {"file": "state/heartbeat"},
                }
            )
        settings = {"ntp_servers": [], "ntp_poll_seconds": 0.2, "data_dir": None}
        path = f"PATH={directory / 'bin'}:{os.environ['PATH']}"
        self.ground = Ground(
            directory, {"bots": bots, "exporter": settings}, launcher=("env", path)
        )

    def scrape(self) -> Scrape:
        """Scrape with little time."""
        return self.ground.scrape(seconds=_DEADLINE_SECONDS)

    def engaged(self, bot: str) -> bool:
        """Whether the kill switch of a bot shows."""
        return self.scrape().value(f'tradingbot_kill_switch_engaged{{bot="{bot}"}}') == 1

    def hangs_counted(self) -> float:
        """How often the service manager has been waited for in vain."""
        return self.scrape().failures("unit", "process")[Reason.TIMEOUT]


def _wait_for(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host that is well."""
    running = Host(tmp_path)
    yield running
    running.ground.stop()


def test_a_hanging_service_manager_delays_no_scrape(host: Host) -> None:
    """Each answers within the scraper's own deadline; safety is still read, the rest is said."""
    host.scrape()
    host.flag.touch()
    for bot in ("pidfile", "unit"):
        write(host.roots[bot], "state/kill_switch.flag", "")
    # One bot's round does not wait for the other's; a hanging one is as long as its timeout.
    _wait_for("the other one to be engaged", lambda: host.engaged("pidfile"))
    _wait_for("the one that hangs to be engaged", lambda: host.engaged("unit"))
    _wait_for("the hang to show", lambda: not host.scrape().sources("unit")["process"])
    assert host.hangs_counted() >= 1
    _wait_for("an answer while it hangs", lambda: _is_answered_meanwhile(host))
    assert host.scrape().sources("pidfile")["process"]
    host.flag.unlink()
    (host.roots["unit"] / "state/kill_switch.flag").unlink()
    _wait_for("unit to be released", lambda: not host.engaged("unit"))
    _wait_for("the unit to be known", lambda: host.scrape().sources("unit")["process"])
    check_log(host.ground.served.log)


def _is_answered_meanwhile(host: Host) -> bool:
    """Whether a scrape that begins with a round comes back before that has ended in a timeout."""
    before = host.hangs_counted()
    while (ended := host.hangs_counted()) == before:
        pass
    time.sleep(_APART_SECONDS)
    return host.hangs_counted() == ended


def test_more_time_than_is_needed_is_not_used(host: Host) -> None:
    """A scraper with a long deadline is not kept waiting for it."""
    scrape = host.ground.scrape(seconds=120)
    assert scrape.seconds < 30


def test_a_deadline_that_is_none_is_no_harm(host: Host) -> None:
    """Whatever the scraper says of its own time, it is answered."""
    for header in ("", "0", "-1", "nan", "inf", "1e9", "x", "1,1"):
        response = httpx.get(
            f"{host.ground.url}/metrics",
            headers={TIMEOUT_HEADER: header},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )
        assert response.status_code == 200


def test_a_reload_hides_no_kill_switch_behind_a_hanging_exchange(tmp_path: Path) -> None:
    """While the new configuration waits for answers, the files are read as ever."""
    root = tmp_path / "bot"
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/heartbeat", "")
    with Front(1) as front, Front(1) as other:
        front.attack(hang)
        other.attack(hang)
        bot = {
            "name": "alpha",
            "mode": "paper",
            "root": str(root),
            "venue": {"kind": "binance_usdm", "base_url": front.url},
            "process": {"pidfile": "state/bot.pid"},
            "heartbeat": {"file": "state/heartbeat"},
        }
        settings: dict[str, Any] = {"ntp_servers": [], "data_dir": None, "timeout_seconds": 5.0}
        ground = Ground(tmp_path, {"bots": [bot], "exporter": settings})
        bot["venue"] = {"kind": "binance_usdm", "base_url": other.url}
        ground.config.write_text(yaml.safe_dump({"bots": [bot], "exporter": settings}))
        engaged = 'tradingbot_kill_switch_engaged{bot="alpha"}'
        try:
            assert ground.scrape().value(engaged) == 0
            url = f"{ground.url}/-/reload"
            reload = threading.Thread(target=lambda: httpx.post(url, timeout=60, trust_env=False))
            reload.start()
            _wait_for("the new configuration to be tried", lambda: other.connections > 0)
            flag = root / "state/kill_switch.flag"
            for expected in (1, 0, 1):
                flag.touch() if expected else flag.unlink()
                while ground.scrape().value(engaged) != expected:
                    assert reload.is_alive()
            assert reload.is_alive()
            reload.join()
            assert ground.scrape().value(engaged) == 1
        finally:
            ground.stop()


def test_names_that_nobody_knows(tmp_path: Path) -> None:
    """DNS gone: it is said, the files are read on, and a name that works is enough."""
    root = tmp_path / "bot"
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/heartbeat", "")
    gone = "exchange.invalid:1"
    bot = {
        "name": "alpha",
        "mode": "paper",
        "root": str(root),
        "venue": {
            "kind": "binance_usdm",
            "base_url": f"http://{gone}",
            "stream_url": f"ws://{gone}",
            "symbols": ["BTCUSDT"],
        },
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"http": f"http://{gone}"},
        "metrics": {"url": f"http://{gone}/metrics", "heartbeat": "beat"},
    }
    settings = {
        "ntp_servers": [gone] * 4,
        "clock_references": [{"kind": "binance_usdm", "base_url": f"http://{gone}"}],
        "poll_seconds": 0.5,
        "ntp_poll_seconds": 0.5,
        "timeout_seconds": 5.0,
        "data_dir": None,
    }
    plain = {"bots": [bot], "exporter": settings}
    ground = Ground(tmp_path, plain)
    named = ("exchange", "reference", "ntp", "market_data", "heartbeat", "bot_metrics", "rules")
    try:
        _wait_for("all to be named", lambda: _are_named(ground.scrape(), named))
        up = ground.scrape().sources("alpha")
        assert not any(up[source] for source in named)
        assert all(up[source] for source in ("bot_files", "process", "disk", "logs", "network"))
        with Simulator() as simulator:
            bot["venue"] = {"kind": "binance_usdm", "base_url": simulator.exchange.url}
            ground.config.write_text(yaml.safe_dump(plain))
            url = f"{ground.url}/-/reload"
            assert httpx.post(url, timeout=60, trust_env=False).status_code == 200
            _wait_for("an exchange", lambda: ground.scrape().sources("alpha")["exchange"])
        check_log(ground.served.log)
    finally:
        ground.stop()


def _are_named(scrape: Scrape, sources: tuple[str, ...]) -> bool:
    return all(scrape.failures("alpha", source)[Reason.DNS] for source in sources)
