"""Weights as documented, and what comes of spending too much."""

import httpx
import pytest

from tests.sim.conftest import NOW, Caller
from tests.sim.limits import DOCUMENTED, Limits, Verdict
from tests.sim.simulator import Simulator

_NOW_MS = int(NOW * 1000)
_USED = "X-MBX-USED-WEIGHT-1M"


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("/api/v3/ping", {}, 1),
        ("/api/v3/exchangeInfo", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/account", {}, 20),
        ("/api/v3/openOrders", {"symbol": "BTCUSDT"}, 6),
        ("/api/v3/openOrders", {}, 80),
        ("/api/v3/allOrders", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": "1"}, 5),
        ("/fapi/v1/exchangeInfo", {}, 1),
        ("/fapi/v3/positionRisk", {}, 5),
        ("/fapi/v1/openOrders", {}, 40),
        ("/fapi/v1/openOrders", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/openAlgoOrders", {}, 40),
        ("/fapi/v1/income", {}, 30),
        ("/fapi/v1/commissionRate", {"symbol": "BTCUSDT"}, 20),
        ("/fapi/v1/positionSide/dual", {}, 30),
    ],
)
def test_a_request_costs_what_the_documentation_says(
    frozen: Simulator, path: str, params: dict[str, str], weight: int
) -> None:
    """The header shows the weight; futures and spot count apart."""
    calling = Caller(frozen)
    with calling.http:
        response = calling.call("GET", path, **params)
        assert (response.status_code, response.headers[_USED]) == (200, str(weight))
        other = "/fapi/v1/ping" if path.startswith("/api/") else "/api/v3/ping"
        assert calling.http.get(other).headers[_USED] == "1"


def test_limits_are_the_documented_ones_scaled(frozen: Simulator) -> None:
    """The exchange tells the limit in force; a test may set another."""
    info = httpx.get(f"{frozen.exchange.url}/fapi/v1/exchangeInfo", timeout=30).json()
    assert info["rateLimits"][0]["limit"] == DOCUMENTED["usdm"] * 100
    frozen.world.limits.allowed["usdm"] = 2400
    info = httpx.get(f"{frozen.exchange.url}/fapi/v1/exchangeInfo", timeout=30).json()
    assert info["rateLimits"][0]["limit"] == 2400


def test_beyond_the_limit_429_and_going_on_is_a_ban() -> None:
    """Retry-After ends with the minute or the ban; then requests pass again."""
    moment = [NOW]
    with Simulator(wall=lambda: moment[0]) as simulator:
        limits = simulator.world.limits
        limits.allowed["spot"] = 2
        limits.ban_after = 3
        with httpx.Client(base_url=simulator.exchange.url, timeout=30) as client:
            answers = [client.get("/api/v3/ping") for _ in range(6)]
            assert [a.status_code for a in answers] == [200, 200, 429, 429, 429, 418]
            assert answers[2].headers["Retry-After"] == str(60 - int(NOW) % 60)
            assert answers[5].headers["Retry-After"] == "120"
            assert answers[5].json()["code"] == -1003
            assert f"IP banned until {_NOW_MS + 120_000}" in answers[5].json()["msg"]
            assert client.get("/fapi/v1/ping").status_code == 200
            moment[0] += 119
            assert client.get("/api/v3/ping").status_code == 418
            moment[0] += 1
            assert client.get("/api/v3/ping").status_code == 200


def test_a_new_minute_forgets_what_was_spent() -> None:
    """Windows are fixed minutes of the exchange's clock."""
    limits = Limits(scale=1)
    limits.allowed["usdm"] = 10
    start = 1_000_000 * 60_000
    assert limits.spend("usdm", "ip", 10, start) is Verdict.PASS
    assert limits.spend("usdm", "ip", 1, start + 59_999) is Verdict.TOO_MANY
    assert limits.retry_after("usdm", "ip", start + 59_999) == 1
    assert limits.spend("usdm", "ip", 1, start + 60_000) is Verdict.PASS
    assert limits.used["usdm", "ip"] == 1


def test_the_second_exchange_has_limits_of_its_own(frozen: Simulator) -> None:
    """What is spent at one says nothing of the other."""
    frozen.world.limits.allowed["usdm"] = 1
    with httpx.Client(timeout=30) as client:
        statuses = [
            client.get(f"{url}/fapi/v1/ping").status_code
            for url in (frozen.exchange.url, frozen.exchange.url, frozen.reference.url)
        ]
    assert statuses == [200, 429, 200]
