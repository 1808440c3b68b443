"""The faults of the exchange and the way there: injected, visible, ended, gone."""

import json
from typing import Any

import httpx
import ntplib
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from tests.sim.conftest import DEADLINE, Caller, until
from tests.sim.injecting import end, inject
from tests.sim.simulator import Simulator

_STREAM = "/ws/btcusdt@trade"
_SHORT = 0.5  # what is never answered is not waited for longer than this
_MUTE = {"hang", "one_way"}


def _outcome(url: str, patience: float = DEADLINE) -> object:
    """The status, or how it failed."""
    try:
        return httpx.get(url, timeout=httpx.Timeout(DEADLINE, read=patience)).status_code
    except httpx.HTTPError as error:
        return type(error)


def _flows(simulator: Simulator, patience: float = DEADLINE) -> bool:
    try:
        with connect(simulator.stream.url + _STREAM, open_timeout=patience) as client:
            return bool(client.recv(timeout=patience))
    except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
        return False


def _well(simulator: Simulator) -> None:
    for url in (f"{simulator.exchange.url}/api/v3/ping", f"{simulator.alpaca.url}/v2/clock"):
        assert _outcome(url) in {200, 403}
    assert _flows(simulator)


@pytest.mark.parametrize(
    ("kind", "outcome", "flows"),
    [
        ("refused", httpx.ConnectError, False),
        ("hang", httpx.ReadTimeout, False),
        ("one_way", httpx.ReadTimeout, False),
        ("reset", httpx.ReadError, False),
        ("drop", httpx.RemoteProtocolError, True),
        ("garbage", httpx.RemoteProtocolError, True),
        ("html", 200, True),
        ("forbidden", 403, True),
        ("restricted", 451, True),
        ("rate_limited", 429, True),
        ("banned", 418, True),
        ("stream_silent", 200, False),
        ("stream_closed", 200, False),
    ],
)
def test_a_broken_way_shows_at_both_exchanges_and_heals(
    simulator: Simulator, control: httpx.Client, kind: str, outcome: object, *, flows: bool
) -> None:
    """Each kind fails in its own manner; the second exchange is well; ending it heals all."""
    _well(simulator)
    inject(control, "network_disconnection", kind=kind)
    patience = _SHORT if kind in _MUTE else DEADLINE
    broker = _outcome(f"{simulator.alpaca.url}/v2/clock", patience)
    assert _outcome(f"{simulator.exchange.url}/api/v3/ping", patience) == outcome
    assert broker == (403 if kind.startswith("stream") else outcome)
    assert _flows(simulator, _SHORT if kind == "stream_silent" else patience) is flows
    assert _outcome(f"{simulator.reference.url}/api/v3/ping") == 200
    end(control, "network_disconnection")
    _well(simulator)


def test_without_the_internet_nothing_answers(simulator: Simulator, control: httpx.Client) -> None:
    """The second exchange and the time servers are gone as well, and come back."""
    host, port = simulator.ready["ntp"][0].split(":")
    reference = f"{simulator.reference.url}/api/v3/ping"

    def ask(patience: float) -> Any:
        return ntplib.NTPClient().request(host, port=int(port), timeout=patience)

    inject(control, "network_disconnection", scope="internet")
    assert _outcome(reference) is httpx.ConnectError
    with pytest.raises(ntplib.NTPException):
        ask(_SHORT)
    end(control, "network_disconnection")
    assert _outcome(reference) == 200
    answer = ask(DEADLINE)
    assert abs(answer.offset) <= answer.delay / 2 + 0.001


def test_what_is_sent_one_way_is_carried_out(caller: Caller, control: httpx.Client) -> None:
    """The order is on the books although nobody hears of it."""
    inject(control, "network_disconnection", kind="one_way")
    caller.http.timeout = httpx.Timeout(DEADLINE, read=_SHORT)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    with pytest.raises(httpx.ReadTimeout):
        caller.call("POST", "/fapi/v1/order", **order)
    until(lambda: caller.simulator.world.usdm.orders.total == 1, "the order")


def test_a_silent_stream_stays_open_and_flows_again(
    simulator: Simulator, control: httpx.Client
) -> None:
    """The socket says nothing of it; the broker's latest trades grow old as well."""
    key = simulator.world.alpaca_keys["bot"]
    headers = {"APCA-API-KEY-ID": key.key, "APCA-API-SECRET-KEY": key.secret}
    url = f"{simulator.alpaca_data.url}/v2/stocks/trades/latest?symbols=AAPL"

    def traded() -> str:
        at: str = httpx.get(url, headers=headers, timeout=DEADLINE).json()["trades"]["AAPL"]["t"]
        return at

    with connect(simulator.stream.url + _STREAM) as client:
        client.recv(timeout=DEADLINE)
        inject(control, "network_disconnection", kind="stream_silent")
        while True:  # what was on its way already
            try:
                client.recv(timeout=0.5)
            except TimeoutError:
                break
        assert traded() == traded()
        end(control, "network_disconnection")
        client.recv(timeout=DEADLINE)
        before = traded()
        until(lambda: traded() > before, "a newer trade")


def test_an_announced_shutdown_ends_and_refuses_streams(
    simulator: Simulator, control: httpx.Client
) -> None:
    """The event first, then the end, then 503; all is well when it is over."""
    with connect(simulator.stream_usdm.url + _STREAM) as client:
        client.recv(timeout=DEADLINE)
        inject(control, "exchange_maintenance", kind="shutdown")
        events: list[Any] = []

        def ended() -> bool:
            try:
                events.append(json.loads(client.recv(timeout=DEADLINE)))
            except ConnectionClosed:
                return True
            return False

        until(ended, "the end of the stream")
    assert [event["e"] for event in events].count("serverShutdown") == 1
    with pytest.raises(InvalidStatus) as refused, connect(simulator.stream.url + _STREAM):
        pass
    assert refused.value.response.status_code == 503
    end(control, "exchange_maintenance")
    _well(simulator)


def test_an_unavailable_exchange_says_so_and_its_status_page_goes_on(
    caller: Caller, broker: httpx.Client, control: httpx.Client
) -> None:
    """503 from every host of a venue; the status is 1 only if that is asked for too."""
    status = "/sapi/v1/system/status"
    inject(control, "exchange_maintenance", kind="503")
    assert caller.http.get("/fapi/v1/ping").status_code == 503
    assert broker.get("/v2/clock").status_code == 503
    assert caller.http.get(status).json()["status"] == 0
    assert _outcome(f"{caller.simulator.reference.url}/fapi/v1/ping") == 200
    inject(control, "exchange_maintenance", kind="status")
    assert caller.http.get("/fapi/v1/ping").status_code == 200
    assert caller.http.get(status).json() == {"status": 1, "msg": "system_maintenance"}
    end(control, "exchange_maintenance")
    assert caller.http.get(status).json() == {"status": 0, "msg": "normal"}


@pytest.mark.parametrize(("path", "code"), [("/api/v3/order", -2010), ("/fapi/v1/order", -4140)])
def test_a_symbol_that_is_broken_takes_no_orders(
    caller: Caller, broker: httpx.Client, control: httpx.Client, path: str, code: int
) -> None:
    """Its status shows in exchangeInfo, the share's in assets; others trade on."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.02"}
    inject(control, "exchange_maintenance", kind="symbol_break", symbol_status="HALT")
    for info in ("/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo"):
        shown = {s["symbol"]: s["status"] for s in caller.http.get(info).json()["symbols"]}
        assert shown == {"BTCUSDT": "HALT", "ETHUSDT": "TRADING"}
    assert broker.get("/v2/assets/AAPL").json()["status"] == "inactive"
    assert caller.call("POST", path, **order).json()["code"] == code
    assert caller.call("POST", path, **{**order, "symbol": "ETHUSDT"}).status_code == 200
    end(control, "exchange_maintenance")
    assert caller.call("POST", path, **order).status_code == 200
    assert broker.get("/v2/assets/AAPL").json()["tradable"] is True


def test_maintenance_expires_resting_orders(
    caller: Caller, broker: httpx.Client, control: httpx.Client
) -> None:
    """EXPIRED by the exchange, with its reason; what they locked is free again."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    size = {"quantity": "0.01", "price": "50000", "newClientOrderId": "mine"}
    for path in ("/api/v3/order", "/fapi/v1/order"):
        assert caller.call("POST", path, **order, **size).status_code == 200
    share = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "limit_price": "100"}
    placed = broker.post("/v2/orders", json={**share, "time_in_force": "gtc"}).json()
    inject(control, "exchange_maintenance", kind="orders_expired")
    mine = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    spot = caller.call("GET", "/api/v3/order", **mine).json()
    assert (spot["status"], spot["expiryReason"]) == ("EXPIRED", "EXCHANGE_CANCELED")
    assert caller.call("GET", "/fapi/v1/order", **mine).json()["status"] == "EXPIRED"
    assert broker.get(f"/v2/orders/{placed['id']}").json()["status"] == "expired"
    assert caller.simulator.world.spot.balances["USDT"].locked == 0
    end(control, "exchange_maintenance")
