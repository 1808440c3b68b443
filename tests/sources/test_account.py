"""Account reads against the simulator: complete, signed by the exchange's own time."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Venue
from exporter.errors import Reason, SourceError
from exporter.readings import Position
from exporter.secrets import ApiKey, Secret
from exporter.sources.exchange import Exchange, open_exchange
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_spot import BinanceSpot
from exporter.sources.exchange.binance_usdm import BinanceUsdm
from tests.sim.simulator import Simulator
from tests.sources.replies import reply


def _key(simulator: Simulator, role: str = "exporter") -> ApiKey:
    key = simulator.world.keys[role]
    return ApiKey(Secret(key.key), Secret(key.secret))


def _open(simulator: Simulator, kind: Any = "binance_usdm", **key: Any) -> Exchange:
    url = simulator.exchange.url
    venue = Venue(kind=kind, base_url=url, sapi_base_url=url)
    return open_exchange(venue, key.get("key", _key(simulator)), timeout=3)


@pytest.fixture
def trader(simulator: Simulator) -> Iterator[BinanceClient]:
    """The bot's own hand: it may place orders."""
    client = BinanceClient(
        simulator.exchange.url, _key(simulator, "bot"), timeout=3, time_path="/fapi/v1/time"
    )
    yield client
    client.close()


def _order(trader: BinanceClient, path: str = "/fapi/v1/order", **params: str) -> Any:
    return trader.call("POST", "account", path, {"symbol": "BTCUSDT", **params}, signed=True)


def test_an_empty_account_is_empty_only_after_every_query(simulator: Simulator) -> None:
    """Flat means that the exchange said so."""
    exchange = _open(simulator)
    account = exchange.account()
    exchange.close()
    assert account.positions == ()
    assert account.open_orders == ()


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), ("SELL", -1)])
def test_a_futures_position_is_signed(
    simulator: Simulator, trader: BinanceClient, side: str, sign: int
) -> None:
    """Short is negative, exactly as the exchange writes it."""
    _order(trader, side=side, type="MARKET", quantity="0.010")
    exchange = _open(simulator)
    account = exchange.account()
    exchange.close()
    assert account.positions == (Position("usdm", "BTCUSDT", "BOTH", sign * Decimal("0.010")),)


def test_resting_and_algo_orders_are_both_seen(simulator: Simulator, trader: BinanceClient) -> None:
    """A protective stop lives in the algo service and must not be overlooked."""
    _order(
        trader,
        side="BUY",
        type="LIMIT",
        quantity="0.010",
        price="20000",
        timeInForce="GTC",
        newClientOrderId="tb2-1",
    )
    _order(
        trader,
        "/fapi/v1/algoOrder",
        algoType="CONDITIONAL",
        side="SELL",
        type="STOP_MARKET",
        quantity="0.010",
        triggerPrice="500",
        reduceOnly="true",
    )
    exchange = _open(simulator)
    orders = {order.kind: order for order in exchange.account().open_orders}
    exchange.close()
    assert set(orders) == {"regular", "algo"}
    assert orders["regular"].client_order_id == "tb2-1"
    assert orders["regular"].quantity == Decimal("0.010")
    assert not orders["regular"].reduce_only
    assert orders["algo"].reduce_only


def test_spot_holds_free_plus_locked(simulator: Simulator, trader: BinanceClient) -> None:
    """What backs an open sell order is still held."""
    exchange = _open(simulator, "binance_spot")
    before = {p.symbol: p.quantity for p in exchange.account().positions}
    trader.call(
        "POST",
        "account",
        "/api/v3/order",
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": "1000",
        },
        signed=True,
    )
    account = exchange.account()
    exchange.close()
    assert {p.symbol: p.quantity for p in account.positions} == before
    assert [order.symbol for order in account.open_orders] == ["BTCUSDT"]


@pytest.mark.parametrize("ahead", [3.0, -20.0, 3600.0, -86400.0])
def test_drift_does_not_blind_account_reads(simulator: Simulator, ahead: float) -> None:
    """The bot's requests fail with -1021 now; ours must not, or nobody sees what happens."""
    simulator.world.clocks.local = ahead
    exchange = _open(simulator)
    exchange.account()
    exchange.close()


@pytest.mark.parametrize("ahead", [3.0, -20.0])
def test_a_clock_that_moves_between_two_reads_is_measured_again(
    simulator: Simulator, ahead: float
) -> None:
    """The stored time is dropped on the first -1021 and the read repeated once."""
    exchange = _open(simulator)
    exchange.account()
    simulator.world.clocks.local = ahead
    exchange.account()
    exchange.close()


def test_without_a_key_only_the_account_is_out_of_reach(simulator: Simulator) -> None:
    """Clock, ping and status need none."""
    exchange = _open(simulator, key=None)
    exchange.ping()
    assert not exchange.status().maintenance
    assert exchange.clock(5).offset_seconds == pytest.approx(0, abs=0.2)
    with pytest.raises(SourceError) as caught:
        exchange.account()
    exchange.close()
    assert caught.value.reason is Reason.NO_CREDENTIALS


@pytest.mark.parametrize(
    ("key", "secret", "reason"),
    [
        (None, "wrong", Reason.SIGNATURE),
        ("x" * 64, None, Reason.KEY_REJECTED),
    ],
)
def test_a_wrong_key_says_what_is_wrong(
    simulator: Simulator, key: str | None, secret: str | None, reason: Reason
) -> None:
    """A bad signature and a rejected key are told apart."""
    right = simulator.world.keys["exporter"]
    wrong = ApiKey(Secret(key or right.key), Secret(secret or right.secret))
    exchange = _open(simulator, key=wrong)
    with pytest.raises(SourceError) as caught:
        exchange.account()
    exchange.close()
    assert caught.value.reason is reason
    assert caught.value.permanent
    assert right.secret not in str(caught.value)


def _answering(bodies: dict[str, Any]) -> BinanceClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/time"):
            return reply({"serverTime": 1795500000000})
        return reply(bodies[request.url.path])

    return BinanceClient(
        "http://exchange.test",
        ApiKey(Secret("k"), Secret("s")),
        timeout=2,
        time_path="/time",
        client=httpx.Client(transport=httpx.MockTransport(answer)),
    )


_POSITION = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "1"}


@pytest.mark.parametrize(
    "change",
    [
        {"positionAmt": "NaN"},
        {"positionAmt": None},
        {"positionAmt": True},
        {"positionAmt": "1,5"},
        {"positionSide": "UP"},
        {"positionSide": None},
        {"symbol": None},
        {"symbol": ["BTCUSDT"]},
    ],
)
def test_a_field_of_the_wrong_kind_is_a_bad_response(change: dict[str, Any]) -> None:
    """A position that is not understood must not be left out or read as zero."""
    client = _answering(
        {
            "/fapi/v3/positionRisk": [{**_POSITION, **change}],
            "/fapi/v1/openOrders": [],
            "/fapi/v1/openAlgoOrders": [],
        }
    )
    with pytest.raises(SourceError) as caught:
        BinanceUsdm(client, None).account()
    assert caught.value.reason is Reason.BAD_RESPONSE


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["symbol", "positionSide", "positionAmt", "balances", "asset"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(_json)
def test_any_json_is_an_account_or_a_source_error(body: Any) -> None:
    """No shape of answer gets any other exception out of the parsers."""
    paths = ("/fapi/v3/positionRisk", "/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders")
    spot = ("/api/v3/account", "/api/v3/openOrders")
    client = _answering(dict.fromkeys((*paths, *spot), body))
    for exchange in (BinanceUsdm(client, None), BinanceSpot(client, None)):
        try:
            account = exchange.account()
        except SourceError:
            continue
        assert all(position.quantity.is_finite() for position in account.positions)


@pytest.mark.parametrize(
    ("body", "maintenance"),
    [({"status": 0, "msg": "normal"}, False), ({"status": 1, "msg": "system_maintenance"}, True)],
)
def test_the_status_page_says_maintenance(body: dict[str, Any], maintenance: bool) -> None:
    """The venue's own word."""
    client = _answering({"/sapi/v1/system/status": body})
    status = BinanceUsdm(client, "http://exchange.test").status()
    assert status.maintenance is maintenance
    assert status.message == body["msg"]


@pytest.mark.parametrize("value", [2, "0", None, True, [0]])
def test_a_status_that_is_none_is_a_bad_response(value: Any) -> None:
    """An unknown status is not "no maintenance"."""
    client = _answering({"/sapi/v1/system/status": {"status": value}})
    with pytest.raises(SourceError) as caught:
        BinanceUsdm(client, "http://exchange.test").status()
    assert caught.value.reason is Reason.BAD_RESPONSE
