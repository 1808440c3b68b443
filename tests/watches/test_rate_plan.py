"""What rounds are said to weigh, against what the simulated exchanges count; and the hint."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter import rate_plan
from exporter.config import Config, ExporterSettings
from tests.sim.holdings import Venue
from tests.sim.simulator import Simulator
from tests.watches.conftest import VENUES, Ground
from tests.watches.venue_ground import VenueGround

_FAMILY = {"binance_usdm": "usdm", "binance_spot": "spot", "alpaca": "alpaca"}
_HOSTS = {
    "binance_usdm": "https://fapi.exchange.test",
    "binance_spot": "https://api.exchange.test",
    "alpaca": "https://api.broker.test",
}


class _Counted(dict[tuple[str, str], int]):
    """What simulated exchanges have counted, by family and who was counted."""

    def clear(self) -> None:
        """Forget nothing at the turn of a minute."""

    def of(self, kind: Venue) -> int:
        """What counts against the bot's limit: at the broker, what came with a key."""
        return sum(
            weight
            for (family, who), weight in self.items()
            if family == _FAMILY[kind] and (who or kind != "alpaca")
        )


@pytest.fixture
def counted(simulator: Simulator) -> _Counted:
    """What the simulated exchanges count from now on."""
    simulator.world.limits.used = used = _Counted()
    return used


@pytest.mark.parametrize("kind", VENUES)
@pytest.mark.parametrize("sapi", [True, False])
def test_a_look_at_a_venue_weighs_what_is_planned(
    tmp_path: Path, simulator: Simulator, counted: _Counted, kind: Venue, sapi: bool
) -> None:
    """In each round after the first."""
    changes: dict[str, Any] = {} if sapi or kind == "alpaca" else {"sapi_base_url": None}
    ground = VenueGround(tmp_path, simulator, kind, **changes)
    ground.watch.round()
    before = counted.of(kind)
    ground.watch.round()
    spent = counted.of(kind) - before
    ground.watch.close()
    assert spent == rate_plan.venue_round(ground.bot, ExporterSettings())


def test_looks_at_account_and_keys_weigh_what_is_planned(counted: _Counted, ground: Ground) -> None:
    """An account that agrees; two keys, each asked by a client of its own."""
    ground.account.round()
    before = counted.of(ground.kind)
    ground.account.round()
    assert counted.of(ground.kind) - before == rate_plan.account_round(ground.kind)
    before = counted.of(ground.kind)
    ground.keys.round()
    spent = counted.of(ground.kind) - before
    assert spent == 2 * rate_plan.key_round(ground.kind)


def _config(
    kind: str, bots: int, *, settings: dict[str, Any] | None = None, **venue: Any
) -> Config:
    """Some bots at one exchange, each with a key of its own."""
    return msgspec.convert(
        {
            "bots": [
                {
                    "name": f"bot{number}",
                    "mode": "live",
                    "root": "/srv/bot",
                    "venue": {
                        "kind": kind,
                        "base_url": _HOSTS[kind],
                        "account": f"account{number}",
                        "symbols": ["BTCUSDT"],
                        "credentials": {"exporter": {"key": f"K{number}", "secret": "S"}},
                        **venue,
                    },
                    "process": {"pidfile": "bot.pid"},
                    "heartbeat": {"file": "beat"},
                }
                for number in range(bots)
            ],
            "exporter": settings or {},
        },
        Config,
    )


@pytest.mark.parametrize(("kind", "most"), [("binance_usdm", 2), ("binance_spot", 3)])
def test_at_the_defaults_a_few_bots_fit(kind: str, most: int) -> None:
    """One more, and it is said."""
    assert rate_plan.hints(_config(kind, most)) == ()
    (hint,) = rate_plan.hints(_config(kind, most + 1))
    assert hint.startswith(f"{most + 1} bots ask {_HOSTS[kind].removeprefix('https://')} for about")


def test_each_key_of_the_broker_has_a_limit_of_its_own() -> None:
    """It counts by key; bots that share one share its limit."""
    assert rate_plan.hints(_config("alpaca", 20)) == ()
    shared = {"credentials": {"exporter": {"key": "K", "secret": "S"}}}
    assert len(rate_plan.hints(_config("alpaca", 2, **shared))) == 1


def test_what_the_hint_says_to_do_helps() -> None:
    """Both ways; the larger share is not offered where it would be larger than any may be."""
    many = _config("binance_usdm", 3)
    (plan,) = rate_plan.plans(many)
    assert plan.limit == 2400
    assert plan.allowed == pytest.approx(480)
    assert 650 < plan.planned < 700
    (hint,) = rate_plan.hints(many)
    assert "480 of 2400 are our share" in hint
    assert "account_poll_seconds 1.5-fold or venue.rate_limit_share to 0.28" in hint
    slower = {"poll_seconds": 15 * 1.5, "account_poll_seconds": 30 * 1.5}
    assert rate_plan.hints(_config("binance_usdm", 3, settings=slower)) == ()
    assert rate_plan.hints(_config("binance_usdm", 3, rate_limit_share=0.28)) == ()
    (hint,) = rate_plan.hints(_config("binance_usdm", 8))
    assert "rate_limit_share" not in hint


def test_one_bot_that_is_looked_at_too_often_is_told_as_well() -> None:
    """The setting is to blame, not the number."""
    (hint,) = rate_plan.hints(_config("binance_usdm", 1, settings={"account_poll_seconds": 5}))
    assert hint.startswith("1 bot asks ")


def test_second_exchanges_count_where_a_bot_trades() -> None:
    """They are asked from the same address."""
    reference = {"kind": "binance_usdm", "base_url": _HOSTS["binance_usdm"]}
    settings = {"clock_references": [reference], "ntp_poll_seconds": 1}
    assert rate_plan.hints(_config("binance_usdm", 1)) == ()
    assert len(rate_plan.hints(_config("binance_usdm", 1, settings=settings))) == 1


def test_the_smallest_share_is_the_first_to_fail() -> None:
    """It is measured by what all bots together spend."""
    config = _config("binance_usdm", 2)
    first, second = config.bots
    small = msgspec.structs.replace(second.venue, rate_limit_share=0.1)
    second = msgspec.structs.replace(second, venue=small)
    (plan,) = rate_plan.plans(msgspec.structs.replace(config, bots=(first, second)))
    assert plan.allowed == pytest.approx(240)
