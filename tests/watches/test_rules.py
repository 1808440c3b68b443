"""Rules and fees of the bot's symbols, and whether its own filters are still the exchange's."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.config import ExporterSettings
from exporter.errors import Reason
from exporter.readings import SymbolRules
from exporter.secrets import ApiKey
from exporter.sources.exchange import Exchange, RateBook, Request, open_exchange
from exporter.sources.filters import Filters
from exporter.watches.rules import RulesWatch, count_outdated
from exporter.watches.timing import Timing
from tests.sim.holdings import SYMBOL, Venue
from tests.sim.simulator import Simulator
from tests.sources.bots import make_bot, write

_VENUES: tuple[Venue, ...] = ("binance_usdm", "binance_spot", "alpaca")
_FILTERS = "data/binance_filters.json"


class _Ground:
    """One bot's rules; time passes by hand."""

    def __init__(self, root: Path, simulator: Simulator, kind: Venue, **venue: Any) -> None:
        ready, name = simulator.ready, "alpaca_exporter" if kind == "alpaca" else "exporter"
        for part in ("key", "secret"):
            write(root, part, ready[f"{name}_{part}"])
        files = {"key_file": str(root / "key"), "secret_file": str(root / "secret")}
        plain = {
            "kind": kind,
            "base_url": ready["alpaca" if kind == "alpaca" else "exchange"],
            "sapi_base_url": None if kind == "alpaca" else ready["exchange"],
            "symbols": [SYMBOL[kind]],
            "credentials": {"exporter": files},
        }
        self.root, self.simulator = root, simulator
        self.now = 1000.0
        self.requests: list[Request] = []
        self.bot = make_bot(root, venue={**plain, **venue})
        self.watch = RulesWatch(
            self.bot,
            ExporterSettings(timeout_seconds=20.0),
            self._open,
            timing=Timing(monotonic=lambda: self.now),
        )

    def write_filters(self, rules: SymbolRules, **changes: str) -> None:
        """Put into the bot's file what the exchange said, but for the changes."""
        own = {
            "tickSize": str(rules.tick_size),
            "stepSize": str(rules.step_size),
            "minNotional": str(rules.min_notional),
        }
        write(self.root, _FILTERS, json.dumps({"filters": {rules.symbol: {**own, **changes}}}))

    def _open(self, key: ApiKey | None) -> Exchange:
        return open_exchange(
            self.bot.venue, key, timeout=20.0, observe=self.requests.append, limits=RateBook()
        )


@pytest.fixture
def make(tmp_path: Path, simulator: Simulator) -> Iterator[Callable[..., _Ground]]:
    """Make grounds; their connections are closed afterwards."""
    made: list[_Ground] = []

    def build(kind: Venue = "binance_usdm", **venue: Any) -> _Ground:
        made.append(_Ground(tmp_path, simulator, kind, **venue))
        return made[-1]

    yield build
    for ground in made:
        ground.watch.close()


@pytest.mark.parametrize("kind", _VENUES)
def test_one_round_tells_rules_and_fees(make: Callable[..., _Ground], kind: Venue) -> None:
    """Alpaca publishes no fees: unknown, and no failure."""
    ground = make(kind)
    ground.watch.round()
    assert ground.watch.observed.health().up
    rules = ground.watch.rules
    assert rules is not None
    assert [rule.symbol for rule in rules] == [SYMBOL[kind]]
    fees = ground.watch.fees
    if kind == "alpaca":
        assert fees is None
    else:
        assert fees is not None
        assert fees[0].symbol == SYMBOL[kind]
        assert Decimal(0) < fees[0].taker < Decimal("0.01")


def test_what_is_a_coin_is_known_for_longer_than_its_rules(make: Callable[..., _Ground]) -> None:
    """Rules may change and so grow stale; a share never becomes a coin."""
    ground = make("alpaca")
    assert ground.watch.coins == {}
    ground.watch.round()
    assert ground.watch.coins == {SYMBOL["alpaca"]: False}
    ground.now += 5 * 3600
    assert ground.watch.rules is None
    assert ground.watch.coins == {SYMBOL["alpaca"]: False}


def test_filters_are_compared_each_minute(make: Callable[..., _Ground]) -> None:
    """A stale file shows, and so does its fresh download, without asking the exchange again."""
    ground = make()
    ground.watch.round()
    assert ground.watch.filters_outdated is None, "no file, nothing known"
    asked = len(ground.requests)
    assert ground.watch.rules is not None
    (rules,) = ground.watch.rules
    for changes, expected in (
        ({}, 0),
        ({"tickSize": "0.5"}, 1),
        ({"minNotional": "1"}, 1),
        ({}, 0),
    ):
        ground.write_filters(rules, **changes)
        ground.now += 60
        ground.watch.round()
        assert ground.watch.filters_outdated == expected
    assert len(ground.requests) == asked
    write(ground.root, _FILTERS, "{")
    ground.watch.round()
    assert ground.watch.filters_outdated is None


def test_what_failed_before_the_venue_came_back_is_asked_at_once(
    make: Callable[..., _Ground],
) -> None:
    """Not in a minute; and what works is not asked more often for it."""
    ground, woken = make(), list[str]()
    ground.watch.recovery.wake = lambda: woken.append("rules")
    ground.simulator.exchange.shut()
    ground.watch.round()
    ground.simulator.exchange.open()
    ground.watch.venue_answers(ground.now - 1)
    assert not woken, "it answered before that, too"
    ground.watch.venue_answers(ground.now + 1)
    assert woken == ["rules"]
    ground.now += 2
    ground.watch.round()
    assert ground.watch.observed.health().up
    asked = len(ground.requests)
    ground.watch.venue_answers(ground.now + 1)
    ground.watch.round()
    assert woken == ["rules"]
    assert len(ground.requests) == asked


def test_the_exchange_is_asked_rarely_but_soon_after_a_failure(
    make: Callable[..., _Ground],
) -> None:
    """An hour between two good answers, a minute after a bad one."""
    ground = make()
    ground.simulator.exchange.shut()
    ground.watch.round()
    assert ground.watch.observed.health().failures == {Reason.REFUSED: 1}
    ground.simulator.exchange.open()
    ground.watch.round()
    assert not ground.watch.observed.health().up
    ground.now += 60
    ground.watch.round()
    assert ground.watch.observed.health().up
    asked = len(ground.requests)
    ground.now += 3599
    ground.watch.round()
    assert len(ground.requests) == asked
    ground.now += 2
    ground.watch.round()
    assert len(ground.requests) > asked


def test_without_a_key_rules_are_known(make: Callable[..., _Ground]) -> None:
    """Fees are not, and are not asked for."""
    ground = make(credentials={})
    ground.watch.round()
    assert ground.watch.observed.health().up
    assert ground.watch.rules
    assert ground.watch.fees is None
    assert {request.endpoint for request in ground.requests} == {"rules"}


def test_a_refused_key_fails_the_fees_alone(make: Callable[..., _Ground], tmp_path: Path) -> None:
    """And is read again for the next attempt."""
    ground = make()
    good = (tmp_path / "key").read_text()
    write(tmp_path, "key", "x" * 64)
    ground.watch.round()
    assert not ground.watch.observed.health().up
    assert ground.watch.rules
    assert ground.watch.fees is None
    write(tmp_path, "key", good)
    ground.now += 60
    ground.watch.round()
    assert ground.watch.fees


def test_fees_that_weigh_much_are_asked_a_few_at_a_time(make: Callable[..., _Ground]) -> None:
    """All at once they would use up the share that reading the account needs."""
    ground = make(symbols=["BTCUSDT", "GONEUSDT", "LOSTUSDT", "ETHUSDT"])
    for expected in (1, 2, 2):
        ground.watch.round()
        assert ground.watch.observed.health().up
        assert len(ground.watch.fees or ()) == expected
        ground.now += 60
    asked = [request.endpoint for request in ground.requests]
    assert (asked.count("fees"), asked.count("rules")) == (4, 1)


def _rule(symbol: str, tick: str = "0.1", notional: str = "5") -> SymbolRules:
    step, least = Decimal("0.001"), Decimal(notional)
    return SymbolRules(symbol, "TRADING", "B", "Q", Decimal(tick), step, step, least)


_OWN = Filters(Decimal("0.10"), Decimal("0.001"), Decimal("5.0"))


@pytest.mark.parametrize(
    ("own", "rules", "symbols", "expected"),
    [
        ({"A": _OWN}, [_rule("A")], ["A"], 0),
        ({"A": _OWN}, [_rule("A", tick="0.01")], ["a"], 1),
        ({"A": _OWN}, [_rule("A", notional="0")], ["A"], 0),
        ({"A": Filters(None, None, None)}, [_rule("A")], ["A"], 0),
        ({}, [_rule("A")], ["A"], 1),
        ({"A": _OWN}, [], ["A"], 0),
        ({"A": _OWN, "B": _OWN}, [_rule("A"), _rule("B", tick="1"), _rule("C")], [], 1),
    ],
)
def test_what_counts_as_outdated(
    own: dict[str, Filters], rules: list[SymbolRules], symbols: list[str], expected: int
) -> None:
    """A missing symbol does; a filter that either side does not have does not."""
    assert count_outdated(own, rules, symbols) == expected
