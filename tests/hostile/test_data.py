"""Data files, manifests and backups that are not what they seem, judged beside good ones."""

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.cases import MAY_FALL, Site
from tests.hostile.damage import DAMAGE, replace
from tests.hostile.file_story import without_privileges
from tests.hostile.ground import Ground, Scrape, check_log
from tests.sources.bots import write

pytestmark = pytest.mark.timeout(300)
_PATIENCE_SECONDS = 90.0
_SCRAPES = 100
# The exporter reads a file again after this, twice, before it calls it bad.
_REREAD_SECONDS = 0.02
_JSON = [damage for damage in DAMAGE if damage not in ("closed_directory", "huge")]
_CSV = ("not_utf8", "pipe")
_MANIFEST = ("directory", "pipe", "huge", "not_utf8", "cut", "denied", "leased")
_BACKUP = ("pipe", "huge", "cut", "denied", "leased")
_OF_MANIFESTS = 'tradingbot_file_valid{bot="manifest'
_GOOD = {"json": '{"a": [1, 2]}', "csv": "price,size\n1.5,2\n"}
# By bot: what takes long to judge must not hold up the others.
_DATA = {
    "data": {f"data/{damage}.json": damage for damage in _JSON}
    | {f"data/{damage}.csv": damage for damage in _CSV},
    "slow": {"data/huge.json": "huge", "data/huge.csv": "huge"},
}


class Lab:
    """Bots whose files can be damaged all at once.

    Args:
        directory: for everything.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._places: dict[str, tuple[Path, str]] = {}
        bots = []
        for bot, damages in _DATA.items():
            bots.append(self._bot(bot, {"data": ["data/*.json", "data/*.csv"]}))
            for name in ("data/good.json", "data/good.csv", *damages):
                file = write(directory / bot, name, _GOOD[name.rpartition(".")[2]])
                if name in damages:
                    self._add(bot, name, file, damages[name])
        for damage in _MANIFEST:
            name = f"manifest-{damage}"
            bots.append(self._bot(name, {}, manifest="m/SHA256SUMS"))
            file = write(directory / name, "m/SHA256SUMS", f"{'0' * 64}  gone\n")
            self._add(name, "m/SHA256SUMS", file, damage)
        for damage in _BACKUP:
            name = f"backup-{damage}"
            bots.append(self._bot(name, {}))
            file = write(directory / name, "backup/monday/positions.json", "{}")
            series = f'tradingbot_backup_valid{{bot="{name}"}}'
            self._places[series] = (file, damage)
        settings = {"ntp_servers": [], "poll_seconds": 60.0, "data_dir": None}
        plain = {
            "bots": bots,
            "exporter": {**settings, "data_poll_seconds": 1.5, "stale_intervals": 40},
        }
        self.ground = Ground(directory, plain, launcher=without_privileges())
        self.calm = self._until(lambda scrape: not self.bad(scrape))

    def damage(self) -> Scrape:
        """Damage everything; return the scrape that shows all of it, and put it right again."""
        with ExitStack() as repairs:
            for file, damage in self._places.values():
                repairs.callback(replace(file, damage))
            damaged = self._until(lambda scrape: self.bad(scrape) == set(self._places))
        self.healed = self._until(lambda scrape: not self.bad(scrape))
        return damaged

    def unseen(self, scrape: Scrape) -> set[str]:
        """Return the damages that a scrape does not show."""
        return set(self._places) - self.bad(scrape)

    def bad(self, scrape: Scrape) -> set[str]:
        """Return which files are said to be bad; a good manifest is not spoken of."""
        return {
            series
            for series in self._places
            if (scrape.value(series) or 0) != 1
            and not (series.startswith(_OF_MANIFESTS) and scrape.value(series) is None)
        }

    def _add(self, bot: str, label: str, file: Path, damage: str) -> None:
        series = f'tradingbot_file_valid{{bot="{bot}",file="{label}"}}'
        self._places[series] = (file, damage)

    def _bot(self, name: str, paths: dict[str, Any], **checks: Any) -> dict[str, Any]:
        (self._directory / name).mkdir()
        write(self._directory / name, "state/heartbeat", "")
        return {
            "name": name,
            "mode": "paper",
            "root": str(self._directory / name),
            "venue": {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"},
            "paths": {"state": [], **paths},
            "process": {"pidfile": "state/bot.pid"},
            "heartbeat": {"file": "state/heartbeat"},
            "data_checks": {"timeout_seconds": 60.0, "memory_limit_bytes": 300 << 20, **checks},
        }

    def _until(self, good: Callable[[Scrape], bool]) -> Scrape:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            scrape = self.ground.scrape()
            if good(scrape) or time.monotonic() > deadline:
                return scrape
            time.sleep(0.2)


def test_each_is_told_from_the_good_ones(tmp_path: Path) -> None:
    """Damaged files are invalid, good ones beside them stay valid, and all come back."""
    lab = Lab(tmp_path)
    try:
        assert not lab.bad(lab.calm)
        damaged = lab.damage()
        assert not lab.unseen(damaged)
        assert not lab.bad(lab.healed)
        for name in ("data/good.json", "data/good.csv"):
            assert damaged.value(f'tradingbot_file_valid{{bot="data",file="{name}"}}') == 1
        for bot in ("data", "manifest-pipe", "backup-huge"):
            up = damaged.sources(bot)
            assert {s for s in up if not up[s]} <= MAY_FALL[Site.EXCHANGE]
        check_log(lab.ground.served.log)
    finally:
        lab.ground.stop()


def _rename(state: Path, content: str) -> None:
    new = state.with_name("new")
    new.write_text(content)
    new.replace(state)


def _rewrite(state: Path, content: str) -> None:
    with state.open("w") as file:
        time.sleep(0.004)  # or nobody would ever meet it empty
        file.write(content)


class _Writer(threading.Thread):
    """A bot that saves its state all the time, and knows how long that has taken.

    Between two saves the file is whole for longer than the exporter waits between two looks.
    """

    def __init__(self, state: Path, save: Callable[[Path, str], None]) -> None:
        super().__init__()
        self._state, self._save = state, save
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._longest = 0.0

    def run(self) -> None:
        """Save again and again."""
        for number in itertools.count():
            with self._lock:
                self._begun = time.monotonic()
            self._save(self._state, f'{{"tripped": false, "n": {number}}}')
            with self._lock:
                self._longest = max(self._longest, time.monotonic() - self._begun)
                self._begun = None
            if self._stopped.wait(2 * _REREAD_SECONDS):
                return

    def longest(self) -> float:
        """Return the longest save since this was last asked, one that goes on included."""
        with self._lock:
            now = time.monotonic()
            longest = max(self._longest, now - (self._begun or now))
            self._longest = 0.0
        return longest

    def stop(self) -> None:
        """Leave the file whole."""
        self._stopped.set()
        self.join()


@pytest.mark.parametrize("save", [_rename, _rewrite])
def test_a_file_that_is_written_all_the_time_is_valid(
    tmp_path: Path, save: Callable[[Path, str], None]
) -> None:
    """Renamed into place, or emptied and written again: nobody sees the moment between.

    Unless a busy machine holds the writer up in it: then the file does stand there empty.
    """
    root = tmp_path / "bot"
    state = write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/heartbeat", "")
    bot = {
        "name": "busy",
        "mode": "paper",
        "root": str(root),
        "venue": {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"},
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat"},
    }
    plain = {"bots": [bot], "exporter": {"ntp_servers": [], "data_dir": None}}
    ground = Ground(tmp_path, plain)
    writer = _Writer(state, save)
    writer.start()
    try:
        proven, before = 0, 0.0
        while proven < _SCRAPES:
            scrape = ground.scrape()
            latest = writer.longest()
            held_up = max(before, latest) >= _REREAD_SECONDS
            before = latest
            if save is _rename or not held_up:
                assert scrape.value('tradingbot_kill_switch_engaged{bot="busy"}') == 0
                assert scrape.sources("busy")["bot_files"]
                proven += 1
    finally:
        writer.stop()
        ground.stop()
