"""A simulator, bots, and the exporter as a process; faults that come and go."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.collectors.conftest import Program, Watched
from tests.sim.conftest import LiveBot
from tests.sim.holdings import Venue
from tests.sim.injecting import end, inject
from tests.sim.simulator import Simulator
from tests.symptoms import rules
from tests.symptoms.page import Page, read_page
from tests.symptoms.venues import fresh_keys, holdings, install, intervals, section

_DEADLINE = 80.0
_PAUSE = 0.05


class Seen:
    """The scrapes around one fault: just before it, the first with it, the first after it."""

    before: Page
    during: Page
    after: Page


@dataclass
class Ground:
    """Everything that a test of symptoms stands on.

    "Within one interval" is exact here, no stopwatch: a source's last attempt is the moment at
    which its newest *finished* round began. The first scrape in which that is later than a fault
    must show the fault, and the first in which it is later than its end must not.
    """

    simulator: Simulator
    program: Program
    control: httpx.Client
    metrics: httpx.Client
    bots: Mapping[Venue, LiveBot]
    disturbed: float = 0.0  # when something was last done to the world

    def root(self, kind: Venue) -> Path:
        """Where a bot lives."""
        return self.bots[kind].root

    def settings(self, **body: Any) -> float:
        """Set something in the simulated world; return the moment from which on it is so."""
        self.control.post("/settings", json=body).raise_for_status()
        return self.touch()

    @contextlib.contextmanager
    def broken(self, scenario: str, **params: Any) -> Iterator[float]:
        """Have a fault for as long as the block lasts; yield the moment since when it is there.

        Afterwards ``disturbed`` is the moment since when it is gone.
        """
        inject(self.control, scenario, **params)
        try:
            yield self.touch()
        finally:
            end(self.control, scenario)
            self.touch()

    def touch(self) -> float:
        """Remember that something was done just now, to a file perhaps; return the moment."""
        self.disturbed = time.time()
        return self.disturbed

    def scrape(self, of: Venue | None = None) -> Page:
        """Scrape once, for the first bot if none is named; the exporter must always serve."""
        at = time.time()
        response = self.metrics.get("/metrics")
        assert response.status_code == 200, response.text[:500]
        return read_page(response.text, at, of or next(iter(self.bots)))

    def after(self, moment: float, *sources: str, of: Venue | None = None) -> Page:
        """Scrape until rounds of these sources have ended that began after the moment."""

        def ended(page: Page) -> bool:
            return all(page.attempt(source) > moment for source in sources)

        return self.until(f"rounds of {', '.join(sources)}", ended, of)

    def until(self, what: str, holds: Callable[[Page], bool], of: Venue | None = None) -> Page:
        """Scrape until something holds; of what no source's round tells when it must."""
        deadline = time.monotonic() + _DEADLINE
        while not holds(page := self.scrape(of)):
            assert time.monotonic() < deadline, f"no {what}: {self.program.log[-3000:]}"
            time.sleep(_PAUSE)
        return page

    def calm(self, scenario: str, *sources: str, of: Venue | None = None) -> Page:
        """Return a scrape in which none of the scenario's alerts is true.

        These sources have got over what was last done, to another bot perhaps.
        """
        page = self.after(self.disturbed, *sources, of=of)
        rules.judge(page, page, scenario, ())
        return page

    def settle(self) -> None:
        """Wait until every source of every bot has been read once."""
        for kind in self.bots:
            found = self.scrape(kind).find("source_up")
            self.after(0.0, *(sample.labels["source"] for sample in found), of=kind)
        self.touch()

    @contextlib.contextmanager
    def fault(
        self,
        scenario: str,
        *sources: str,
        fires: Collection[str],
        maybe: Collection[str] = (),
        of: Venue | None = None,
        **params: Any,
    ) -> Iterator[Seen]:
        """Break something in a block; judge its scenario's alerts before, during and after.

        Args:
            scenario: the fault's stem, and the rules'.
            sources: who must see it.
            fires: the scenario's alerts that must be true then, and all others false.
            maybe: alerts that are not judged, since they depend on more than these sources.
            of: whose samples; the first bot's by default.
            params: the fault's own.
        """
        seen = Seen()
        seen.before = self.after(self.disturbed, *sources, of=of)
        rules.judge(seen.before, seen.before, scenario, (), maybe)
        with self.broken(scenario, **params) as moment:
            seen.during = self.after(moment, *sources, of=of)
            rules.judge(seen.during, seen.before, scenario, fires, maybe)
            yield seen
        seen.after = self.after(self.disturbed, *sources, of=of)
        rules.judge(seen.after, seen.after, scenario, (), maybe)


@contextlib.contextmanager
def stand(
    directory: Path,
    *kinds: Venue,
    fast: Collection[str] = (),
    changes: Mapping[str, Any] | None = None,
    timeout: float = 10.0,
) -> Iterator[Ground]:
    """Start a simulator and the exporter, which watches one bot for each venue.

    After everything that the tests have done, promtool must find nothing to say of the page.

    Args:
        directory: where files go.
        kinds: the venues.
        fast: which sources are asked several times a second; what tests wait for.
        changes: sections of each bot's configuration to lay over the usual ones.
        timeout: seconds that the exporter waits for an answer.
    """
    with contextlib.ExitStack() as opened:
        simulator = opened.enter_context(Simulator())
        control = opened.enter_context(httpx.Client(base_url=simulator.control.url, timeout=60))
        watched = Watched(directory, simulator)
        watched.plain = _configuration(directory, simulator)
        watched.plain["exporter"] |= {"timeout_seconds": timeout, **intervals(fast)}
        bots = {kind: LiveBot(directory / kind, simulator) for kind in kinds}
        for kind, bot in bots.items():
            opened.callback(bot.stop_all)
            install(bot.root, simulator, kind)
            body = {"name": kind, "root": str(bot.root)}
            control.post("/bot", json=body).raise_for_status()
            watched.plain["bots"].append(_laid(section(bot.root, simulator, kind), changes or {}))
        watched.save()
        accounts = {"keys": fresh_keys(), "holdings": holdings(kinds)}
        control.post("/settings", json=accounts).raise_for_status()
        program = Program(watched)
        opened.callback(program.stop)
        metrics = opened.enter_context(httpx.Client(base_url=program.url, timeout=60))
        ground = Ground(simulator, program, control, metrics, bots)
        ground.settle()
        yield ground
        rules.check_metrics(ground.scrape())


def _configuration(directory: Path, simulator: Simulator) -> dict[str, Any]:
    ready = simulator.ready
    return {
        "bots": [],
        "exporter": {
            "ntp_servers": list(ready["ntp"]),
            "clock_references": [{"kind": "binance_spot", "base_url": ready["reference"]}],
            "data_dir": str(directory / "exporter"),
        },
    }


def _laid(plain: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over a configuration, section by section."""
    laid = {
        name: {**plain.get(name, {}), **change} if isinstance(change, Mapping) else change
        for name, change in changes.items()
    }
    return {**plain, **laid}
