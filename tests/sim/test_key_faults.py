"""The api_key fault at both exchanges: refused keys, and keys that may too much or not long."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.sim.conftest import Caller
from tests.sim.injecting import end, inject


@pytest.mark.parametrize(
    ("kind", "refusals"),
    [
        ("key_format", ((401, -2014), (403, None))),
        ("rejected", ((401, -2015), (401, 40110000))),
        ("ip", ((401, -2015), (403, None))),
        ("signature", ((400, -1022), (401, None))),
        ("unknown", ((401, -2008), (401, 40110000))),
    ],
)
def test_a_key_is_refused_until_the_fault_ends(
    caller: Caller,
    broker: httpx.Client,
    control: httpx.Client,
    kind: str,
    refusals: tuple[tuple[int, int], tuple[int, int | None]],
) -> None:
    """The bot's key at both exchanges; the exporter's goes on."""
    binance, alpaca = refusals
    exporter = Caller(caller.simulator, "exporter")
    inject(control, "api_key", kind=kind)
    with exporter.http:
        for path in ("/api/v3/account", "/fapi/v3/account"):
            refused = caller.call("GET", path)
            assert (refused.status_code, refused.json()["code"]) == binance
            assert exporter.call("GET", path).status_code == 200
    refused = broker.get("/v2/account")
    assert (refused.status_code, refused.json().get("code")) == alpaca
    end(control, "api_key")
    assert caller.call("GET", "/api/v3/account").status_code == 200
    assert broker.get("/v2/account").status_code == 200


@pytest.mark.parametrize(
    ("kind", "field", "judged"),
    [
        ("withdraw_enabled", "enableWithdrawals", lambda value: value is True),
        ("ip_unrestricted", "ipRestrict", lambda value: value is False),
        ("old", "createTime", lambda value: value / 1000 < time.time() - 86400 * 300),
        ("expiring", "tradingAuthorityExpirationTime", lambda v: v / 1000 > time.time()),
        ("expired", "tradingAuthorityExpirationTime", lambda v: v / 1000 < time.time()),
    ],
)
def test_a_key_s_restrictions_show_what_is_wrong(
    caller: Caller, control: httpx.Client, kind: str, field: str, judged: Callable[[Any], bool]
) -> None:
    """The key works for reading; apiRestrictions tells, until the fault ends."""

    def shown() -> Any:
        answer = caller.call("GET", "/sapi/v1/account/apiRestrictions")
        assert answer.status_code == 200, answer.text
        return answer.json().get(field)

    before = shown()
    inject(control, "api_key", kind=kind)
    assert judged(shown())
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    status = caller.call("POST", "/api/v3/order", **order).status_code
    assert status == (401 if kind == "expired" else 200)
    end(control, "api_key")
    assert shown() == before
