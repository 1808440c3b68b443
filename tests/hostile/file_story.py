"""Eight bots, each with another file damaged, in every way one after the other."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.cases import MAY_FALL, Site
from tests.hostile.damage import DAMAGE, replace
from tests.hostile.ground import Ground, Scrape
from tests.hostile.places import PLACES, Place
from tests.sources.bots import write

_PATIENCE_SECONDS = 60.0
SCRAPE_SECONDS = 30.0
_PATHS = {
    "flag": "kill_switch_flag",
    "pause": "pause_flag",
    "state": "kill_switch_state",
    "positions": "positions",
}


@dataclass(frozen=True, repr=False)
class Seen:
    """One kind of damage: each scrape while it lasted, and those before and after it."""

    before: Scrape
    during: list[Scrape]
    after: Scrape


@dataclass(frozen=True, repr=False)
class Story:
    """What was seen of each damage, and the exporter's log at the end."""

    seen: dict[str, Seen]
    log: str


def tell(directory: Path) -> Story:
    """Go through all of it once."""
    seen: dict[str, Seen] = {}
    with ExitStack() as stack:
        stack.enter_context(_process(directory))
        plain = {"bots": [_bot(directory, place) for place in PLACES], "exporter": _SETTINGS}
        ground = Ground(directory, plain, launcher=without_privileges())
        stack.callback(ground.stop)
        before = _until(ground, _is_calm)
        for damage in DAMAGE:
            with ExitStack() as repairs:
                for place in PLACES:
                    repairs.callback(replace(directory / place.name / place.path, damage))
                during: list[Scrape] = []
                during.append(_until(ground, _shown(damage, before), during))
            after = _until(ground, _is_calm)
            seen[damage] = Seen(before, during, after)
            before = after
        return Story(seen, ground.served.log)


def without_privileges() -> tuple[str, ...]:
    """Return what starts a program for which permissions count, as they do for any user."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    return (setpriv, "--bounding-set=-dac_override,-dac_read_search")


def shows(scrape: Scrape, place: Place, damage: str, before: Scrape) -> bool:
    """Whether a damage shows as it must."""
    down = place.down.get(damage, frozenset())
    fallen = all(scrape.has_failed(place.name, source, before) for source in down)
    return fallen and place.shows(scrape, damage)


def down(scrape: Scrape, bot: str) -> set[str]:
    """Return which sources of a bot are down, those of its exchange left out: it has none."""
    found = scrape.sources(bot).items()
    return {source for source, up in found if not up} - MAY_FALL[Site.EXCHANGE]


_SETTINGS: dict[str, Any] = {"ntp_servers": [], "poll_seconds": 60.0, "data_dir": None}


def _bot(directory: Path, place: Place) -> dict[str, Any]:
    root = directory / place.name
    for one in PLACES:
        (root / one.path).parent.mkdir(parents=True, exist_ok=True)
        if one.content is not None:
            write(root, one.path, one.content)
    paths = {_PATHS[one.name]: one.path for one in PLACES if one.name in _PATHS}
    pid = (directory / "pid").read_text()
    write(root, "process/bot.pid", pid)
    return {
        "name": place.name,
        "mode": "paper",
        "root": str(root),
        "venue": {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"},
        "paths": {**paths, "state": []},
        "process": {"pidfile": "process/bot.pid"},
        "heartbeat": {"file": "heartbeat/heartbeat"},
        "bot_config": "settings/config.yaml",
    }


@contextlib.contextmanager
def _process(directory: Path) -> Iterator[None]:
    """Run something that a pidfile can name."""
    with subprocess.Popen(["sleep", "3600"]) as process:
        (directory / "pid").write_text(str(process.pid))
        try:
            yield
        finally:
            process.kill()


def _is_calm(scrape: Scrape) -> bool:
    return all(
        not down(scrape, place.name)
        and scrape.value(f'tradingbot_kill_switch_engaged{{bot="{place.name}"}}') == 0
        and scrape.value(f'tradingbot_process_up{{bot="{place.name}"}}') == 1
        and scrape.value(f'tradingbot_config_readable{{bot="{place.name}"}}') == 1
        and scrape.value(f'tradingbot_log_files{{bot="{place.name}"}}') == 1
        for place in PLACES
    )


def _shown(damage: str, before: Scrape) -> Callable[[Scrape], bool]:
    return lambda scrape: all(shows(scrape, place, damage, before) for place in PLACES)


def _until(
    ground: Ground, good: Callable[[Scrape], bool], keep: list[Scrape] | None = None
) -> Scrape:
    """Scrape until it is as wanted, or long enough; return the last one."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not good(scrape := ground.scrape(seconds=SCRAPE_SECONDS)):
        if time.monotonic() > deadline:
            break
        if keep is not None:
            keep.append(scrape)
        time.sleep(0.1)
    return scrape
