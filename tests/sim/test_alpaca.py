"""The simulated broker over HTTP: keys, limits, market hours, refusals."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.sim.conftest import NOW
from tests.sim.simulator import Simulator

_MARKET = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
_LIMIT = {**_MARKET, "type": "limit", "limit_price": "150", "time_in_force": "gtc"}


def _place(broker: httpx.Client, **order: Any) -> Any:
    response = broker.post("/v2/orders", json=order)
    assert response.status_code == 200, response.text
    return response.json()


def _refusal(response: httpx.Response) -> tuple[int, int | None, str]:
    body = response.json()
    return response.status_code, body.get("code"), body["message"]


def test_without_both_headers_it_is_forbidden(simulator: Simulator) -> None:
    """403 without a code on both hosts; crypto's latest trades need no key."""
    key = simulator.world.alpaca_keys["bot"].key
    for headers in ({}, {"APCA-API-KEY-ID": key}):
        for url in (f"{simulator.alpaca.url}/v2/clock", _data(simulator, "stocks/trades/latest")):
            refused = httpx.get(url, headers=headers, timeout=30)
            assert (refused.status_code, refused.json()) == (403, {"message": "forbidden."})
    coins = f"{simulator.alpaca_data.url}/v1beta3/crypto/us/latest/trades?symbols=BTC/USD"
    assert httpx.get(coins, timeout=30).json()["trades"]["BTC/USD"]["p"] == 60_000.0


def _data(simulator: Simulator, path: str) -> str:
    return f"{simulator.alpaca_data.url}/v2/{path}"


def test_each_host_has_its_own_paths(broker: httpx.Client) -> None:
    """Market data is not on the trading host."""
    assert broker.get("/v2/stocks/trades/latest?symbols=AAPL").status_code == 404
    assert broker.get("/v2/nothing").json() == {"message": "endpoint not found."}


def test_headers_tell_what_is_left_of_the_key_s_requests(
    simulator: Simulator, broker: httpx.Client
) -> None:
    """Each key counts by itself; beyond the limit it is 429, and another key goes on."""
    simulator.world.clocks.wall = lambda: NOW  # or a new minute may begin in between
    simulator.world.limits.allowed["alpaca"] = 2
    first, second, third = (broker.get("/v2/clock") for _ in range(3))
    assert first.headers["X-RateLimit-Limit"] == "2"
    assert [r.headers["X-RateLimit-Remaining"] for r in (first, second, third)] == ["1", "0", "0"]
    assert int(first.headers["X-RateLimit-Reset"]) % 60 == 0
    assert _refusal(third) == (429, 42910000, "rate limit exceeded")
    other = simulator.world.alpaca_keys["exporter"]
    headers = {"APCA-API-KEY-ID": other.key, "APCA-API-SECRET-KEY": other.secret}
    assert (
        httpx.get(f"{simulator.alpaca.url}/v2/clock", headers=headers, timeout=30).status_code
        == 200
    )


def test_an_order_waits_for_the_opening(simulator: Simulator, broker: httpx.Client) -> None:
    """While the market is shut an order is accepted and its price old; crypto trades on."""
    world = simulator.world
    world.alpaca.set_market(is_open=False, now=world.clocks.exchange_ms() - 3_600_000)
    assert broker.get("/v2/clock").json()["is_open"] is False
    order = _place(broker, **_MARKET)
    assert broker.get(f"/v2/orders/{order['id']}").json()["status"] == "accepted"
    coin = _place(broker, **{**_MARKET, "symbol": "BTC/USD", "qty": "0.1"})
    assert broker.get(f"/v2/orders/{coin['id']}").json()["status"] == "filled"
    latest = _data(simulator, "stocks/trades/latest?symbols=AAPL,NOPE")
    trades = httpx.get(latest, headers=broker.headers, timeout=30).json()["trades"]
    assert set(trades) == {"AAPL"}
    age = time.time() - datetime.fromisoformat(trades["AAPL"]["t"]).timestamp()
    assert age == pytest.approx(3_600, abs=60)
    world.alpaca.set_market(is_open=True, now=world.clocks.exchange_ms())
    assert broker.get(f"/v2/orders/{order['id']}").json()["status"] == "filled"


def test_exits_of_a_bracket_are_held_until_its_entry_fills(broker: httpx.Client) -> None:
    """Legs are listed inside their order, or apart, and cancelled with it."""
    exits = {"take_profit": {"limit_price": "300"}, "stop_loss": {"stop_price": "100"}}
    waiting = _place(broker, **_LIMIT, order_class="bracket", **exits)
    nested = broker.get("/v2/orders", params={"nested": "true"}).json()
    assert [leg["status"] for leg in nested[0]["legs"]] == ["held", "held"]
    assert len(broker.get("/v2/orders").json()) == 3
    broker.delete(f"/v2/orders/{waiting['id']}")
    assert broker.get("/v2/orders").json() == []
    _place(broker, **{**_MARKET, "order_class": "bracket", **exits})
    assert [order["status"] for order in broker.get("/v2/orders").json()] == ["held", "new"]


def test_lists_are_cut_off_without_a_word(broker: httpx.Client) -> None:
    """Fifty unless asked otherwise, at most five hundred, newest first."""
    for number in range(52):
        _place(broker, **{**_LIMIT, "qty": "0.01", "client_order_id": f"o{number}"})
    assert len(broker.get("/v2/orders").json()) == 50
    everything = broker.get("/v2/orders", params={"limit": 500, "direction": "asc"}).json()
    assert [order["client_order_id"] for order in everything][:2] == ["o0", "o1"]
    assert len(everything) == 52
    assert broker.get("/v2/orders", params={"limit": 501}).status_code == 422


def test_lists_are_chosen_by_time_symbol_and_status(
    simulator: Simulator, broker: httpx.Client
) -> None:
    """``after`` and ``until`` exclude their ends; closed orders are asked for."""
    old = _place(broker, **_LIMIT)
    simulator.world.alpaca.orders[old["id"]].time -= 60_000
    _place(broker, **{**_LIMIT, "symbol": "SPY"})
    done = _place(broker, **_MARKET)
    created = broker.get(f"/v2/orders/{old['id']}").json()["created_at"]

    def listed(**params: str) -> list[str]:
        return [order["symbol"] for order in broker.get("/v2/orders", params=params).json()]

    assert listed(status="open", direction="asc") == ["AAPL", "SPY"]
    assert listed(after=created) == ["SPY"]
    assert listed(until=created) == []
    assert listed(symbols="AAPL") == ["AAPL"]
    assert listed(status="closed") == ["AAPL"]
    assert len(listed(status="all", after="2020-01-01")) == 3
    assert broker.get(f"/v2/orders/{done['id']}").json()["filled_qty"] == "10"
    assert broker.get("/v2/orders", params={"status": "odd"}).status_code == 422
    assert broker.get("/v2/orders", params={"after": "yesterday"}).status_code == 422


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"symbol": "NOPE"}, 422, 42210000),
        ({"qty": "0"}, 422, 40010001),
        ({"qty": "1e3"}, 422, 40010001),
        ({"side": "hold"}, 422, 40010001),
        ({"type": "iceberg"}, 422, 40010001),
        ({"time_in_force": "later"}, 422, 40010001),
        ({"qty": "100000"}, 403, 40310000),
        ({"symbol": "BTC/USD", "side": "sell"}, 403, 40310000),
    ],
)
def test_a_wrong_order_is_refused(
    broker: httpx.Client, changes: dict[str, str], status: int, code: int
) -> None:
    """Each mistake has the broker's status and code, and nothing is on the books."""
    refused = broker.post("/v2/orders", json={**_MARKET, **changes})
    assert _refusal(refused)[:2] == (status, code)
    assert broker.get("/v2/orders", params={"status": "all"}).json() == []


def test_one_code_stands_for_many_refusals(simulator: Simulator, broker: httpx.Client) -> None:
    """Only the message tells a wash trade, a blocked account and a user's stop apart."""
    _place(broker, **_MARKET)
    _place(broker, **{**_LIMIT, "side": "sell", "limit_price": "210"})
    said = [broker.post("/v2/orders", json={**_LIMIT, "limit_price": "220"})]
    simulator.world.alpaca.flags.trading_blocked = True
    said.append(broker.post("/v2/orders", json=_MARKET))
    assert broker.get("/v2/account").json()["trading_blocked"] is True
    broker.patch("/v2/account/configurations", json={"suspend_trade": True})
    said.append(broker.post("/v2/orders", json=_MARKET))
    assert {_refusal(response)[:2] for response in said} == {(403, 40310000)}
    assert [_refusal(response)[2] for response in said] == [
        "potential wash trade detected. use complex orders",
        "account not eligible to trade",
        "new orders are rejected by user request",
    ]


def test_a_cancel_that_fails_is_a_207_all_the_same(
    simulator: Simulator, broker: httpx.Client
) -> None:
    """The status of each item counts, not the answer's."""
    order = _place(broker, **_LIMIT)
    simulator.world.alpaca.flags.uncancelable.add(order["id"])
    answer = broker.delete("/v2/orders")
    assert (answer.status_code, [item["status"] for item in answer.json()]) == (207, [500])
    assert len(broker.get("/v2/orders").json()) == 1
    filled = _place(broker, **{**_MARKET, "symbol": "SPY"})
    assert broker.delete(f"/v2/orders/{filled['id']}").status_code == 422


def test_activities_come_in_pages_and_kinds(simulator: Simulator, broker: httpx.Client) -> None:
    """Fills and the rest apart; the last id of a page begins the next."""
    for _ in range(3):
        _place(broker, **_MARKET)
    world = simulator.world
    world.alpaca.record("DIV", world.alpaca.cash / 1000, world.clocks.exchange_ms(), symbol="AAPL")

    def get(path: str = "", **params: str) -> list[Any]:
        found: list[Any] = broker.get(f"/v2/account/activities{path}", params=params).json()
        return found

    assert [a["activity_type"] for a in get("/DIV")] == ["DIV"]
    assert [a["activity_type"] for a in get(category="non_trade_activity")] == ["DIV"]
    assert len(get(activity_types="FILL,DIV")) == 4
    first = get("/FILL", page_size="2")
    rest = get("/FILL", page_size="2", page_token=first[-1]["id"])
    assert len({a["id"] for a in (*first, *rest)}) == 3
    assert [a["id"] for a in get("/FILL", direction="asc")] == [
        a["id"] for a in reversed([*first, *rest])
    ]
    odd = broker.get("/v2/account/activities/ODD")
    assert _refusal(odd) == (422, 40010001, "invalid activity type: ODD")
    assert broker.get("/v2/account/activities?page_size=101").status_code == 422


def test_a_position_turns_from_long_to_short_only_by_being_closed(broker: httpx.Client) -> None:
    """More cannot be sold than is held; a short position is negative and says so."""
    _place(broker, **_MARKET)
    refused = broker.post("/v2/orders", json={**_MARKET, "side": "sell", "qty": "11"})
    assert refused.json()["available"] == "10"
    assert broker.get("/v2/positions/AAPL").json()["side"] == "long"
    assert broker.delete("/v2/positions/AAPL").status_code == 200
    _place(broker, **{**_MARKET, "side": "sell", "qty": "3"})
    (position,) = broker.get("/v2/positions").json()
    assert (position["qty"], position["side"]) == ("-3", "short")
