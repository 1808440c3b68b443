"""A bot at a simulated venue, with watches on its account and its keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collectors import api_key, partial_fills, position_mismatch
from exporter.config import ExporterSettings
from exporter.readings import SymbolRules
from exporter.secrets import ApiKey, read_api_key
from exporter.sources.exchange import Exchange, RateBook, Request, open_exchange
from exporter.watches.account import AccountWatch
from exporter.watches.keys import KeyWatch
from tests.collectors.snapshots import healthy, samples
from tests.sim.holdings import SYMBOL, Venue, quantity
from tests.sim.simulator import Simulator
from tests.sources.bots import make_bot, write

VENUES: tuple[Venue, ...] = ("binance_usdm", "binance_spot", "alpaca")


class Ground:
    """One venue of the simulator, a bot that agrees with it, and its metrics after a round."""

    def __init__(self, root: Path, simulator: Simulator, kind: Venue) -> None:
        self.root, self.simulator, self.kind = root, simulator, kind
        self.symbol = SYMBOL[kind]
        self.limits = RateBook()
        self.endpoints: list[str] = []
        ready = simulator.ready
        for role in ("bot", "exporter", "remediation"):
            self.set_key(role, role)
        url = ready["alpaca" if kind == "alpaca" else "exchange"]
        self.bot = make_bot(
            root,
            venue={
                "kind": kind,
                "base_url": url,
                "sapi_base_url": None if kind == "alpaca" else url,
                "client_order_prefix": "tb2-",
                "credentials": {role: self._files(role) for role in ("bot", "exporter")},
            },
            tolerances={"confirm_seconds": 0.2, "spot_baselines": {"BTC": "0"}},
            execution_params={"ttl_steps": 1},
            bar_seconds=60,
        )
        settings = ExporterSettings()
        rules = self._read_rules()
        self.account = AccountWatch(self.bot, settings, self._open, lambda: rules)
        self.keys = KeyWatch(self.bot, settings, self._open)

    def agree(self) -> None:
        """Have the bot believe what the account holds."""
        held = quantity(self.simulator.world, self.kind, self.symbol)
        write(self.root, "state/positions.json", json.dumps({self.symbol: {"qty": str(held)}}))

    def set_key(self, role: str, owner: str) -> None:
        """Put the key that the venue gave to ``owner`` where ``role`` looks for its own."""
        world = self.simulator.world
        pair = (world.alpaca_keys if self.kind == "alpaca" else world.keys)[owner]
        write(self.root, f"{role}.key", pair.key)
        write(self.root, f"{role}.secret", pair.secret)

    def metrics(self) -> dict[str, float]:
        """Make one round of each watch; return what the three collectors show."""
        self.account.round()
        self.keys.round()
        item = healthy(
            bot=self.bot,
            account=self.account.account.fresh(),
            comparison=self.account.comparison.fresh(),
            keys=self.keys.keys.fresh() or (),
            settings=healthy().settings,
        )
        found: dict[str, float] = {}
        for collector in (position_mismatch, partial_fills, api_key):
            found |= samples(collector, item)
        return found

    def close(self) -> None:
        """Close the connections."""
        self.account.close()
        self.keys.close()

    def _files(self, role: str) -> dict[str, str]:
        return {
            "key_file": str(self.root / f"{role}.key"),
            "secret_file": str(self.root / f"{role}.secret"),
        }

    def _open(self, key: ApiKey | None) -> Exchange:
        return open_exchange(
            self.bot.venue, key, timeout=20.0, observe=self._observe, limits=self.limits
        )

    def _observe(self, request: Request) -> None:
        self.endpoints.append(request.endpoint)

    def _read_rules(self) -> tuple[SymbolRules, ...]:
        client = self._open(self._any_key())
        try:
            return client.rules((self.symbol,))
        finally:
            client.close()

    def _any_key(self) -> ApiKey:
        assert self.bot.venue.credentials.exporter is not None
        return read_api_key(self.bot.venue.credentials.exporter)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator with right clocks."""
    with Simulator() as running:
        yield running


@pytest.fixture(params=VENUES)
def ground(
    tmp_path: Path, simulator: Simulator, request: pytest.FixtureRequest
) -> Iterator[Ground]:
    """A bot at each venue in turn, which agrees with its account."""
    made = Ground(tmp_path, simulator, request.param)
    made.agree()
    yield made
    made.close()
