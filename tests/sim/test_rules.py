"""What the exchange refuses, over HTTP: keys, signatures, times, permissions, sizes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sim.conftest import NOW, Caller
from tests.sim.serve import BODY_LIMIT, DROP
from tests.sim.simulator import Simulator

_ACCOUNT = "/fapi/v3/account"
_NOW_MS = int(NOW * 1000)


@pytest.fixture
def still(frozen: Simulator) -> Iterator[Caller]:
    """A caller of the exchange whose clock stands still."""
    calling = Caller(frozen)
    with calling.http:
        yield calling


def _refusal(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize("path", [_ACCOUNT, "/api/v3/account", "/sapi/v1/account/status"])
@pytest.mark.parametrize(
    ("ahead_ms", "message"),
    [
        (999, None),
        (1000, "Timestamp for this request was 1000ms ahead of the server's time."),
        (-5000, None),
        (-5001, "Timestamp for this request is outside of the recvWindow."),
    ],
)
def test_a_timestamp_outside_the_rule_is_refused(
    still: Caller, path: str, ahead_ms: int, message: str | None
) -> None:
    """Futures, spot and sapi apply the same boundaries with the two real messages."""
    response = still.call_at(_NOW_MS + ahead_ms, "GET", path)
    if message is None:
        assert response.status_code == 200
    else:
        assert response.status_code == 400
        assert response.json() == {"code": -1021, "msg": message}


def test_a_drifting_clock_moves_the_rule(still: Caller) -> None:
    """With the local clock three seconds ahead, local time is refused and server time is not."""
    still.simulator.world.clocks.local = 3.0
    assert _refusal(still.call_at(_NOW_MS, "GET", _ACCOUNT)) == (400, -1021)
    assert still.call_at(_NOW_MS - 3000, "GET", _ACCOUNT).status_code == 200
    assert still.http.get("/fapi/v1/time").json() == {"serverTime": _NOW_MS - 3000}


def test_recv_window_is_honoured_and_bounded(still: Caller) -> None:
    """A wider window admits an older request; above a minute it is refused."""
    old = _NOW_MS - 9000
    assert still.call_at(old, "GET", _ACCOUNT, recvWindow="10000").status_code == 200
    assert _refusal(still.call("GET", _ACCOUNT, recvWindow="60001")) == (400, -1131)
    assert _refusal(still.call("GET", _ACCOUNT, recvWindow="abc")) == (400, -1100)


def test_microsecond_timestamps_are_understood(still: Caller) -> None:
    """A timestamp in microseconds is the same moment."""
    assert still.call_at(_NOW_MS * 1000, "GET", _ACCOUNT).status_code == 200


@pytest.mark.parametrize(
    ("headers", "path", "refusal"),
    [
        ({}, _ACCOUNT, (401, -2014)),
        ({"X-MBX-APIKEY": "short"}, _ACCOUNT, (401, -2014)),
        ({"X-MBX-APIKEY": "A" * 64}, _ACCOUNT, (401, -2015)),
        ({"X-MBX-APIKEY": "A" * 64}, "/sapi/v1/account/status", (400, -2008)),
    ],
    ids=["no key", "malformed key", "unknown key", "unknown key on sapi"],
)
def test_a_wrong_key_is_refused(
    still: Caller, headers: dict[str, str], path: str, refusal: tuple[int, int]
) -> None:
    """Missing, malformed and unknown keys have their own codes."""
    response = still.http.get(f"{path}?{still.signed({})}", headers=headers)
    assert _refusal(response) == refusal


def test_a_wrong_or_missing_signature_is_refused(still: Caller) -> None:
    """-1022 for a wrong one, -1102 for none; upper-case hex is right."""
    headers = {"X-MBX-APIKEY": still.key.key}
    query, signature = still.signed({}).split("&signature=")

    def get(text: str) -> httpx.Response:
        return still.http.get(f"{_ACCOUNT}?{text}", headers=headers)

    assert _refusal(get(f"{query}&signature={'0' * 64}")) == (400, -1022)
    assert _refusal(get(f"{query}&x=1&signature={signature}")) == (400, -1022)
    assert _refusal(get(query)) == (400, -1102)
    assert _refusal(get(f"signature={signature}")) == (400, -1102)
    assert get(f"{query}&signature={signature.upper()}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/fapi/v1/order"),
        ("DELETE", "/fapi/v1/order"),
        ("DELETE", "/fapi/v1/allOpenOrders"),
        ("POST", "/fapi/v1/algoOrder"),
        ("POST", "/fapi/v1/countdownCancelAll"),
        ("POST", "/api/v3/order"),
        ("DELETE", "/api/v3/openOrders"),
    ],
)
def test_the_exporter_s_key_cannot_change_anything(
    simulator: Simulator, method: str, path: str
) -> None:
    """The read-only key reads, and gets -2015 wherever something would change."""
    reader = Caller(simulator, "exporter")
    with reader.http:
        assert reader.call("GET", _ACCOUNT).status_code == 200
        assert _refusal(reader.call(method, path, symbol="BTCUSDT")) == (401, -2015)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": ""}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"quantity": "1e3"}, -1100),
        ({"quantity": "NaN"}, -1100),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"price": "1000"}, -4164),
        ({"quantity": "100"}, -2019),
        ({"timeInForce": "DAY"}, -1115),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "no spaces"}, -1100),
    ],
)
def test_a_wrong_futures_order_is_refused_with_its_code(
    caller: Caller, changes: dict[str, str], code: int
) -> None:
    """Each mistake has the exchange's own code and leaves nothing in the books."""
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.010",
        "price": "50000",
    }
    response = caller.call("POST", "/fapi/v1/order", **(order | changes))
    assert _refusal(response) == (400, code)
    assert caller.simulator.world.usdm.orders.total == 0


def test_headers_tell_the_weight_and_the_order_count(caller: Caller) -> None:
    """Weights add up over a minute; orders are counted."""
    first = caller.call("GET", _ACCOUNT).headers
    second = caller.call("GET", _ACCOUNT).headers
    assert int(second["X-MBX-USED-WEIGHT-1M"]) in {5, int(first["X-MBX-USED-WEIGHT-1M"]) + 5}
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert caller.call("POST", "/fapi/v1/order", **order).headers["X-MBX-ORDER-COUNT-10S"] == "1"
    spot = caller.http.get("/api/v3/ping").headers
    assert "x-mbx-used-weight" in spot
    assert "X-SAPI-USED-IP-WEIGHT-1M" in caller.http.get("/sapi/v1/system/status").headers


def test_unknown_paths_are_not_found(caller: Caller) -> None:
    """Futures says so in JSON, the others in HTML."""
    assert _refusal(caller.http.get("/fapi/v1/nothing")) == (404, -5000)
    assert "<html>" in caller.http.get("/api/v3/nothing").text


def test_bodies_are_bounded(caller: Caller) -> None:
    """A body over the limit is refused unread, and one without a length too."""
    big = caller.http.post("/fapi/v1/order", content=b"x" * (BODY_LIMIT + 1))
    assert big.status_code == 413
    chunked = caller.http.post("/fapi/v1/order", content=iter([b"symbol=BTCUSDT"]))
    assert chunked.status_code == 411
    many = "&".join(f"p{number}=1" for number in range(300))
    assert _refusal(caller.http.get(f"/fapi/v1/time?{many}")) == (400, -1101)


def test_a_fault_can_answer_or_drop_in_place_of_the_exchange(caller: Caller) -> None:
    """An intercept sees every request first; DROP ends the connection without an answer."""
    intercepts: dict[str, Any] = caller.simulator.world.intercepts
    intercepts["test"] = lambda _: DROP
    with pytest.raises(httpx.RemoteProtocolError):
        caller.http.get("/fapi/v1/ping")
    del intercepts["test"]
    assert caller.http.get("/fapi/v1/ping").json() == {}
