"""One bot's venue at the simulator, watched by rounds that are made by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter.collectors import exchange_maintenance, network_disconnection
from exporter.config import ExporterSettings
from exporter.secrets import ApiKey
from exporter.snapshot import BotSnapshot
from exporter.sources.exchange import Exchange, RateBook, Request, open_exchange
from exporter.watches.timing import Timing
from exporter.watches.venue import VenueWatch
from tests.collectors.snapshots import healthy, samples
from tests.sim.faults import FAULTS
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.simulator import Simulator
from tests.sources.bots import make_bot, write

# Of what answers, and of what hangs, which has to be waited for.
TIMEOUT, HANGING_TIMEOUT = 20.0, 2.0


class Streams:
    """What a listener would know of the end of streams."""

    shutdown_announced = False
    stream_lost = False


class VenueGround:
    """One bot's venue; rounds are made by hand."""

    def __init__(
        self,
        root: Path,
        simulator: Simulator,
        kind: Venue,
        *,
        timeout: float = TIMEOUT,
        **venue: Any,
    ) -> None:
        ready = simulator.ready
        url = ready["alpaca" if kind == "alpaca" else "exchange"]
        keys = ("alpaca_exporter" if kind == "alpaca" else "exporter",) * 2
        for part, name in zip(("key", "secret"), keys, strict=True):
            write(root, part, ready[f"{name}_{part}"])
        files = {"key_file": str(root / "key"), "secret_file": str(root / "secret")}
        plain: dict[str, Any] = {
            "kind": kind,
            "base_url": url,
            "symbols": [SYMBOL[kind]],
            "credentials": {"exporter": files},
        }
        if kind != "alpaca":
            plain["sapi_base_url"] = url
        self.bot = make_bot(root, venue={**plain, **venue})
        self.simulator, self._timeout = simulator, timeout
        self.requests: list[Request] = []
        self.limits = RateBook()
        self.streams = Streams()
        self.answers: list[float] = []
        settings = ExporterSettings(timeout_seconds=timeout, second_hosts=(ready["reference"],))
        self.watch = VenueWatch(
            self.bot,
            settings,
            self._open,
            limits=self.limits,
            streams=self.streams,
            on_answer=self.answers.append,
            timing=Timing(pause=lambda _: None),
        )

    def inject(self, scenario: str, **params: Any) -> Callable[[], None]:
        """Bring a fault about; returns what ends it."""
        known = {fault.scenario: fault for fault in FAULTS}
        return known[scenario](**params).inject(self.simulator.world)

    def metrics(self) -> dict[str, float]:
        """Make a round; return what the collectors show after it."""
        self.watch.round()
        item = self.snapshot()
        return samples(network_disconnection, item) | samples(exchange_maintenance, item)

    def snapshot(self) -> BotSnapshot:
        """Return what the lead puts into a snapshot."""
        watch = self.watch
        return healthy(
            bot=self.bot,
            health=watch.health,
            network=watch.network,
            maintenance=watch.maintenance,
            market_hours=watch.hours,
            rules=watch.rules,
            rate_limits=watch.rate_limits,
            quiet_until=watch.quiet_until,
        )

    def _open(self, key: ApiKey | None) -> Exchange:
        return open_exchange(
            self.bot.venue,
            key,
            timeout=self._timeout,
            observe=self.requests.append,
            limits=self.limits,
        )
