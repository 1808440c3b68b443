"""Market data of one bot, from the simulator's streams and the broker's REST API."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import network_disconnection
from exporter.config import ExporterSettings
from exporter.secrets import ApiKey
from exporter.sources.exchange import Exchange, RateBook, open_exchange
from exporter.watches.bot_metrics import BotMetricsWatch
from exporter.watches.streams import StreamsWatch
from tests.collectors.snapshots import healthy, samples
from tests.sim.faults import FAULTS
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.simulator import Simulator
from tests.sources.bots import make_bot, write
from tests.sources.network_servers import answering, serve

_STREAMS: dict[Venue, str] = {
    "binance_spot": "btcusdt@miniTicker",
    "binance_usdm": "btcusdt@markPrice",
    "alpaca": "AAPL@lastTrade",
}


class _Ground:
    """One bot's streams; rounds are made by hand."""

    def __init__(
        self,
        root: Path,
        simulator: Simulator,
        kind: Venue,
        *,
        timeout: float = 1.0,
        **venue: Any,
    ) -> None:
        ready = simulator.ready
        for part in ("key", "secret"):
            write(root, part, ready[f"alpaca_exporter_{part}"])
        files = {"key_file": str(root / "key"), "secret_file": str(root / "secret")}
        plain: dict[str, Any] = {
            "kind": kind,
            "base_url": ready["alpaca" if kind == "alpaca" else "exchange"],
            "symbols": [SYMBOL[kind]],
        }
        if kind == "alpaca":
            plain |= {"data_base_url": ready["alpaca_data"], "credentials": {"exporter": files}}
        else:
            plain["stream_url"] = ready["stream_usdm" if kind == "binance_usdm" else "stream"]
        self.bot = make_bot(root, venue={**plain, **venue}, market_data={"max_age_seconds": 2})
        self.simulator, self.kind, self._timeout = simulator, kind, timeout
        settings = ExporterSettings(timeout_seconds=timeout, poll_seconds=0.5)
        self.watch = StreamsWatch(self.bot, settings, self._open)

    def inject(self, scenario: str, **params: Any) -> Callable[[], None]:
        """Bring a fault about; returns what ends it."""
        known = {fault.scenario: fault for fault in FAULTS}
        return known[scenario](**params).inject(self.simulator.world)

    def age(self) -> float | None:
        """Make a round; return the age that a rule would compute from the metric."""
        self.watch.round()
        item = healthy(bot=self.bot, streams=self.watch.streams)
        name = "market_data_last_message_timestamp_seconds"
        key = f'{name}{{observer="probe",stream="{_STREAMS[self.kind]}"}}'
        last = samples(network_disconnection, item).get(key)
        return None if last is None else time.time() - last

    def wait(self, what: str, so: Callable[[], Any]) -> None:
        """Make rounds until it is so."""
        deadline = time.monotonic() + 60
        while not so():
            assert time.monotonic() < deadline, (what, self.watch.streams)
            time.sleep(0.02)

    def is_fresh(self) -> bool:
        """Whether the newest message is young."""
        age = self.age()
        return age is not None and age < 1

    def is_stale(self) -> bool:
        """Whether the newest message is too old."""
        age = self.age()
        return age is not None and age > 2

    def _open(self, key: ApiKey | None) -> Exchange:
        return open_exchange(self.bot.venue, key, timeout=self._timeout, limits=RateBook())


@pytest.fixture
def make(tmp_path: Path, simulator: Simulator) -> Iterator[Callable[..., _Ground]]:
    """Make grounds; their listeners are stopped afterwards."""
    made: list[_Ground] = []

    def build(kind: Venue, **venue: Any) -> _Ground:
        made.append(_Ground(tmp_path, simulator, kind, **venue))
        return made[-1]

    yield build
    for ground in made:
        ground.watch.close()


@pytest.mark.parametrize("kind", _STREAMS)
def test_data_is_young_from_the_first_round(make: Callable[..., _Ground], kind: Venue) -> None:
    """The round waits for it."""
    began = time.time()
    ground = make(kind, timeout=30.0)
    assert ground.watch.configured
    age = ground.age()
    assert age is not None
    assert age < time.time() - began + 1, "it came after the beginning"
    assert ground.watch.market_data.health().up


@pytest.mark.parametrize("kind", _STREAMS)
def test_silence_on_open_sockets_is_seen(make: Callable[..., _Ground], kind: Venue) -> None:
    """The age grows beyond the threshold, and is young again afterwards."""
    ground = make(kind)
    ground.wait("data", ground.is_fresh)
    undo = ground.inject("network_disconnection", kind="stream_silent")
    ground.wait("silence", ground.is_stale)
    undo()
    ground.wait("data again", ground.is_fresh)


@pytest.mark.parametrize("fault", ["refused", "reset", "stream_closed"])
def test_a_broken_stream_is_a_failed_source(make: Callable[..., _Ground], fault: str) -> None:
    """And comes back by itself; the last time of a message stays."""
    ground = make("binance_usdm")
    ground.wait("data", ground.is_fresh)
    undo = ground.inject("network_disconnection", kind=fault)
    health = ground.watch.market_data.health
    ground.wait("its age and failure", lambda: ground.is_stale() and not health().up)
    undo()
    ground.wait("data again", lambda: ground.is_fresh() and health().up)


def test_an_announced_end(make: Callable[..., _Ground]) -> None:
    """Told, ended, not let in: lost. Let in again: neither."""
    ground = make("binance_usdm")
    ground.wait("data", ground.is_fresh)
    undo = ground.inject("exchange_maintenance", kind="shutdown")
    ground.wait("the loss", lambda: ground.watch.stream_lost)
    assert ground.watch.shutdown_announced
    undo()
    ground.wait("data again", lambda: not (ground.watch.shutdown_announced or ground.is_stale()))
    ground.wait("no loss", lambda: not ground.watch.stream_lost)


def test_a_stream_that_never_speaks(make: Callable[..., _Ground]) -> None:
    """A symbol that is no symbol: the socket is open, and the source fails."""
    ground = make("binance_usdm", symbols=["BTCUSDT", "NOSUCH"])
    ground.wait("data", ground.is_fresh)
    ground.wait("the failure", lambda: ground.age() and ground.watch.market_data.problem())
    assert "nosuch@markPrice" in str(ground.watch.market_data.problem())
    ground.wait("data all the same", ground.is_fresh)


def test_nothing_to_listen_to(make: Callable[..., _Ground]) -> None:
    """Without symbols there is no source, and no failure."""
    for kind in ("binance_spot", "alpaca"):
        ground = make(kind, symbols=[])
        assert not ground.watch.configured
        ground.watch.round()
        assert ground.watch.streams == ()
        assert ground.watch.market_data.health().last_attempt is None


def test_the_bots_own_view(tmp_path: Path) -> None:
    """Its metrics count while the newest read worked, and no longer."""
    page = f'bot_data_seconds{{stream="x"}} {time.time()}\n'.encode()
    settings = ExporterSettings(timeout_seconds=20.0)
    with serve(answering(200, page)) as port:
        metrics = {"url": f"http://127.0.0.1:{port}/metrics", "market_data": "bot_data_seconds"}
        watch = BotMetricsWatch(make_bot(tmp_path, metrics=metrics), settings)
        assert watch.configured
        watch.round()
        assert watch.reading is not None
        assert set(watch.reading.market_data) == {"x"}
    watch.round()
    assert not watch.observed.health().up
    assert watch.observed.current() is None
    watch.close()
    without = BotMetricsWatch(make_bot(tmp_path), settings)
    assert not without.configured
    without.round()
    without.close()
