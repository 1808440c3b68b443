"""Many bots at once, each of them attacked in its own way: before, during, after.

Waves of attacks come one after the other. All of a wave go on at the same time, since most of
an attack is waiting for it to end.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.bots import CALM, WAVES, Lane, lanes, running, section
from tests.hostile.cases import CASES, MAY_FALL, Case, Site
from tests.hostile.ground import Ground, Scrape

PAGES = (
    "/config",
    "/debug/network_disconnection",
    "/debug/exchange_maintenance",
    "/debug/process_crash",
    "/debug/position_mismatch",
    "/debug/partial_fills",
    "/debug/api_key",
)
_POLL_SECONDS = 6.0
_PATIENCE_SECONDS = 120.0
_SCRAPE_SECONDS = 20.0


@dataclass(frozen=True)
class Seen:
    """One case: the bot that suffered it, and each scrape of that time; ``after`` it ended."""

    bot: str
    before: Scrape
    during: list[Scrape]
    after: Scrape


@dataclass(frozen=True, repr=False)
class Story:
    """All cases, pages for people fetched under attack, and the exporter's log at the end."""

    seen: dict[str, Seen]
    pages: dict[str, str]
    log: str


def tell(directory: Path, cases: tuple[Case, ...] = CASES) -> Story:
    """Go through all of it once."""
    seen: dict[str, Seen] = {}
    pages: dict[str, str] = {}
    with ExitStack() as stack:
        world = stack.enter_context(running())
        all_lanes = lanes(stack, world, cases)
        plain = {
            "bots": [section(directory, world, lane) for lane in all_lanes],
            "exporter": _settings(directory),
        }
        ground = Ground(directory, plain)
        stack.callback(ground.stop)

        def is_calm(scrape: Scrape) -> bool:
            return not any(fallen(scrape, lane) for lane in all_lanes)

        before = _until(ground, is_calm)
        for wave in range(WAVES):
            attacks = {lane: lane.cases[wave] for lane in all_lanes if wave < len(lane.cases)}
            during = _endure(ground, attacks, before)
            pages.update({path: ground.page(path) for path in PAGES})
            for lane in attacks:
                lane.front.attack(None)
            after = _until(ground, is_calm)
            seen |= {
                case.name: Seen(lane.bot, before, during, after) for lane, case in attacks.items()
            }
            before = after
        return Story(seen, pages, ground.served.log)


def fallen(scrape: Scrape, lane: Lane) -> set[str]:
    """Return which sources of a bot are down, those of an exchange that is not there left out."""
    ignored = frozenset() if lane.site is Site.EXCHANGE else MAY_FALL[Site.EXCHANGE]
    return {source for source, up in scrape.sources(lane.bot).items() if not up} - ignored


def _endure(ground: Ground, attacks: dict[Lane, Case], before: Scrape) -> list[Scrape]:
    """Attack until every attack has shown and the calm bot is well, for two rounds at least."""
    begun = time.monotonic()
    for lane, case in attacks.items():
        lane.front.attack(case.attack(lane.front))

    def shown(scrape: Scrape) -> bool:
        return (
            scrape.at > begun + 2 * _POLL_SECONDS
            and all(scrape.sources(CALM).values())
            and all(
                scrape.has_failed(lane.bot, source, before)
                for lane, case in attacks.items()
                for source in case.down
            )
        )

    during: list[Scrape] = []
    during.append(_until(ground, shown, during))
    return during


def _settings(directory: Path) -> dict[str, object]:
    names = ("poll_seconds", "account_poll_seconds", "key_poll_seconds", "rules_poll_seconds")
    return {
        "ntp_servers": [],
        "data_dir": str(directory / "data"),
        "timeout_seconds": 2.0,
        **dict.fromkeys(names, _POLL_SECONDS),
    }


def _until(
    ground: Ground, good: Callable[[Scrape], bool], keep: list[Scrape] | None = None
) -> Scrape:
    """Scrape until all of it is as wanted, or long enough; return the last one."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        scrape = ground.scrape("sources", seconds=_SCRAPE_SECONDS)
        late = time.monotonic() > deadline
        if good(scrape) or late:
            # At so many bots everything costs a second, so it is asked for only now.
            scrape = ground.scrape(seconds=_SCRAPE_SECONDS)
            if good(scrape) or late:
                return scrape
        if keep is not None:
            keep.append(scrape)
        time.sleep(0.5)
