"""What may be set in the world from outside."""

from typing import Any

import httpx
import pytest

from tests.sim.conftest import Caller
from tests.sim.simulator import Simulator


def _set(control: httpx.Client, **settings: Any) -> None:
    response = control.post("/settings", json=settings)
    assert response.status_code == 200, response.text


def test_limits_keys_and_hedge_mode_are_set(caller: Caller, control: httpx.Client) -> None:
    """The exchange answers by them at once; a reset brings the limits back."""
    before = control.get("/state").json()["limits"]
    _set(control, limits={"usdm": 77}, hedge_mode=True)
    _set(control, keys={"bot": {"can_withdraw": True, "created": 5, "expires": 1}})
    assert control.get("/state").json()["limits"]["usdm"] == 77
    assert caller.call("GET", "/fapi/v1/positionSide/dual").json() == {"dualSidePosition": True}
    key = caller.call("GET", "/sapi/v1/account/apiRestrictions").json()
    assert (key["enableWithdrawals"], key["createTime"]) == (True, 5)
    assert key["tradingAuthorityExpirationTime"] == 1
    control.post("/reset")
    assert control.get("/state").json()["limits"] == before


def test_holdings_are_set_at_every_venue(
    caller: Caller, broker: httpx.Client, control: httpx.Client
) -> None:
    """Without a trade: nothing in the histories."""
    _set(
        control,
        holdings=[
            {"venue": "binance_usdm", "symbol": "BTCUSDT", "quantity": "-0.5"},
            {"venue": "binance_spot", "symbol": "BTCUSDT", "quantity": "2"},
            {"venue": "alpaca", "symbol": "AAPL", "quantity": "-7"},
        ],
    )
    (futures,) = caller.call("GET", "/fapi/v3/positionRisk").json()
    assert futures["positionAmt"] == "-0.500"
    balances = caller.call("GET", "/api/v3/account").json()["balances"]
    assert balances[0] == {"asset": "BTC", "free": "2.00000000", "locked": "0.00000000"}
    assert broker.get("/v2/positions/AAPL").json()["qty"] == "-7"
    assert control.get("/state").json()["alpaca"]["positions"] == {"AAPL": "-7"}
    assert caller.call("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").json() == []


def test_both_legs_of_hedge_mode_are_set(caller: Caller, control: httpx.Client) -> None:
    """One-way positions do not show while it is on."""
    legs = [
        {"venue": "binance_usdm", "symbol": "BTCUSDT", "quantity": q, "side": side}
        for side, q in (("LONG", "0.2"), ("SHORT", "-0.1"), ("BOTH", "0.9"))
    ]
    _set(control, hedge_mode=True, holdings=legs)
    for path in ("/fapi/v3/positionRisk", "/fapi/v2/positionRisk"):
        rows = caller.call("GET", path, symbol="BTCUSDT").json()
        assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [
            ("LONG", "0.200"),
            ("SHORT", "-0.100"),
        ]
    assert len(caller.call("GET", "/fapi/v2/account").json()["positions"]) == 4


def test_the_broker_s_account_is_blocked_and_its_market_shut(
    broker: httpx.Client, control: httpx.Client
) -> None:
    """Blocked by the broker or by the user, and released again."""
    for blocked, field in (
        ("trading", "trading_blocked"),
        ("account", "account_blocked"),
        ("user", "trade_suspended_by_user"),
    ):
        _set(control, blocked=blocked, market_open=False)
        assert broker.get("/v2/account").json()[field] is True
        assert broker.get("/v2/clock").json()["is_open"] is False
    _set(control, blocked="none", market_open=True)
    assert broker.get("/v2/account").json()["trade_suspended_by_user"] is False
    assert broker.get("/v2/clock").json()["is_open"] is True


@pytest.mark.parametrize(
    ("settings", "wording"),
    [
        ({"speed": 1}, "settings: limits, keys"),
        ({"limits": {"usdm": 0}}, "limits"),
        ({"keys": {"owner": {}}}, "owner"),
        ({"holdings": [{"venue": "alpaca", "symbol": "NOPE", "quantity": "1"}]}, "AAPL, SPY"),
        (
            {
                "holdings": [
                    {"venue": "alpaca", "symbol": "SPY", "quantity": "1", "side": "LONG"},
                ]
            },
            "no side LONG",
        ),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(
    simulator: Simulator, control: httpx.Client, settings: dict[str, Any], wording: str
) -> None:
    """400, and nothing has changed."""
    response = control.post("/settings", json=settings)
    assert response.status_code == 400
    assert wording in response.json()["error"]
    assert simulator.world.limits.allowed["usdm"] > 0
