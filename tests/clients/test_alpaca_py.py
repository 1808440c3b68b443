"""An unmodified alpaca-py as judge of the simulated broker."""

import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.clients.alpaca_judge import judge
from tests.sim.signing import Trouble
from tests.sim.simulator import Simulator


def test_it_reads_clock_assets_and_market_data(simulator: Simulator) -> None:
    """Times are the simulated broker's; shares and coins come as the library's own types."""
    simulator.world.clocks.local = 100.0
    began = time.time()
    seen = judge(simulator, "market")
    ended = time.time()

    def is_theirs(timestamp: float) -> bool:
        return began - 100.001 <= timestamp <= ended - 100

    timestamp, is_open, opens_later = seen["clock"]
    assert is_theirs(timestamp)
    assert (is_open, opens_later) == (True, True)
    assert seen["apple"] == ["us_equity", "active", True, True]
    assert seen["pair"] == ["BTC/USD", 0.0001, 0.0001, 0.01]
    assert seen["crypto"] == ["BTC/USD"]
    assert {symbol: price for symbol, (price, _) in seen["trades"].items()} == {
        "AAPL": 200.0,
        "SPY": 500.0,
    }
    assert is_theirs(seen["trades"]["AAPL"][1])
    assert seen["quotes"] == {"AAPL": True, "SPY": True}
    assert seen["bars"] == [200.0]
    price, traded = seen["coins"]
    assert price == 60_000.0
    assert is_theirs(traded)


def test_it_trades_and_reads_the_account(simulator: Simulator) -> None:
    """Long, short and crypto positions, nested legs, paged fills, the crypto fee."""
    seen = judge(simulator, "account")
    assert seen["answer"] == ["pending_new", "0"]
    assert seen["account"] == ["ACTIVE", "USD", False, False]
    assert seen["positions"] == [
        ["AAPL", "long", "10", "10", "us_equity"],
        ["SPY", "short", "-4", "-4", "us_equity"],
        ["BTCUSD", "long", "0.09975", "0.09975", "crypto"],
    ]
    cash, equity, power, short = (Decimal(text) for text in seen["money"])
    assert seen["short"] == ["short", str(short)]
    assert short < 0 < power
    assert abs(cash - (100_000 - 2_000 + 2_000 - 6_000)) < 50
    assert abs(equity - 100_000) < 50
    assert seen["legs"] == [["limit", "held"], ["stop", "held"]]
    assert seen["by_name"] == ["new", "150", "2"]
    assert (seen["flat"], seen["nested"]) == (4, [2, 2])
    assert seen["all"] == ["filled"] * 3 + ["held"] * 2 + ["new"] * 2
    assert seen["fills"] == [
        ["AAPL", "buy", 10.0, "fill"],
        ["SPY", "sell", 4.0, "fill"],
        ["BTC/USD", "buy", 0.1, "fill"],
    ]
    assert seen["sides"] == ["buy", "sell_short", "buy"]
    assert seen["moved"] == [["CFEE", 0.0, "BTCUSD"]]


def test_orders_of_a_family_name_each_other(simulator: Simulator) -> None:
    """Parents name their legs, replacements the replaced; a filled parent's legs are not nested."""
    assert judge(simulator, "families") == {
        "legs": [["limit", "new", "bracket"], ["stop", "held", "bracket"]],
        "named": False,
        "oco": ["stop"],
        "replaced": [True, True, "replaced"],
        "renamed": True,
        "open_nested": ["SPY"],
    }


def test_it_cancels_closes_and_suspends(simulator: Simulator) -> None:
    """207 answers carry a status for each item, the failed ones their numbers."""
    seen = judge(simulator, "contain")
    assert seen["stuck"] == [[403, "AAPL", 40310000, 6.0]]
    assert seen["first"] == "canceled"
    assert seen["cancelled"] == [200]
    assert seen["closed"] == [[200, "AAPL", "pending_new"]]
    assert seen["alone"] == "sell"
    assert seen["left"] == [0, 0]
    assert seen["suspended"] == [True, True]
    assert seen["refusal"] == [403, 40310000, "new orders are rejected by user request"]


def test_refusals_have_the_broker_s_statuses_and_codes(simulator: Simulator) -> None:
    """404, 403 and 422 with the codes that the library's users see."""
    seen = judge(simulator, "refusals")
    assert {name: (status, body["code"]) for name, (status, body) in seen.items()} == {
        "no position": (404, 40410000),
        "no order": (404, 40410000),
        "no asset": (404, 40410000),
        "too much": (403, 40310000),
        "nothing to sell": (403, 40310000),
        "no symbol": (422, 42210000),
    }
    assert seen["too much"][1]["message"] == "insufficient buying power"
    assert seen["nothing to sell"][1]["available"] == "0"


@pytest.mark.parametrize(
    ("pair", "refusal"),
    [
        ({}, None),
        ({"key": "PKNOBODYHASTHISKEY00"}, [401, {"code": 40110000}]),
        ({"secret": "wrong"}, [401, {}]),
    ],
    ids=["right", "unknown key", "wrong secret"],
)
def test_a_key_pair_is_checked(simulator: Simulator, pair: dict[str, str], refusal: Any) -> None:
    """401, with a code for an unknown key and without one for a wrong secret."""
    seen = judge(simulator, "key", "exporter", **pair)
    if refusal is None:
        assert seen is None
    else:
        assert (seen[0], seen[1].get("code")) == (refusal[0], refusal[1].get("code"))


def test_a_revoked_key_is_refused(simulator: Simulator) -> None:
    """What the api_key fault sets is what the library meets."""
    keys = simulator.world.alpaca_keys
    keys["exporter"] = replace(keys["exporter"], trouble=Trouble.REJECTED)
    status, body = judge(simulator, "key", "exporter")
    assert (status, body["code"]) == (401, 40110000)


def test_it_retries_when_the_rate_limit_is_used_up(simulator: Simulator) -> None:
    """The library retries a 429 three times, and then says what the broker said."""
    simulator.world.limits.allowed["alpaca"] = 0  # so that no new minute lets one through
    status, body = judge(simulator, "key", "exporter")
    assert (status, body) == (429, {"code": 42910000, "message": "rate limit exceeded"})
    assert simulator.world.requests["exporter", "GET /v2/account"] == 4
