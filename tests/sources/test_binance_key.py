"""What a Binance key may do, and which of key, IP and permission is wrong with it."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from exporter.errors import Reason, SourceError
from tests.sim.faults.api_key import ApiKey
from tests.sim.simulator import Simulator
from tests.sources.replies import reply
from tests.sources.venues import bodies, sim_exchange, spot, usdm

_BINANCE = ("binance_spot", "binance_usdm")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("withdraw_enabled", "can_withdraw", True),
        ("ip_unrestricted", "ip_restricted", False),
        ("expired", "can_trade", False),
    ],
)
@pytest.mark.parametrize("venue", _BINANCE)
def test_what_a_key_may_do_and_should_not(
    simulator: Simulator, venue: str, kind: Any, field: str, value: bool
) -> None:
    """Each permission from its own field, and back when the fault goes."""
    world = simulator.world
    world.keys["exporter"] = replace(world.keys["exporter"], can_trade=True)
    with sim_exchange(simulator, venue) as exchange:
        assert getattr(exchange.restrictions(), field) is not value
        before = world.clocks.exchange_seconds()
        undo = ApiKey(role="exporter", kind=kind).inject(world)
        restrictions = exchange.restrictions()
        assert getattr(restrictions, field) is value
        if kind == "expired":
            assert restrictions.expiry is not None
            assert before - 0.01 < restrictions.expiry <= world.clocks.exchange_seconds()
        undo()
        assert getattr(exchange.restrictions(), field) is not value


def test_each_market_has_its_own_permission_to_trade() -> None:
    """A key for spot does not trade futures."""
    answer = bodies(
        {
            "/sapi/v1/account/apiRestrictions": {
                "enableSpotAndMarginTrading": True,
                "enableFutures": False,
                "createTime": 1_795_500_000_000,
                "tradingAuthorityExpirationTime": 1_795_600_000_000,
            }
        }
    )
    assert spot(answer).restrictions().can_trade is True
    restrictions = usdm(answer).restrictions()
    assert restrictions.can_trade is False
    assert restrictions.can_withdraw is None
    assert (restrictions.created, restrictions.expiry) == (1_795_500_000.0, 1_795_600_000.0)


def test_without_sapi_permissions_are_unknown() -> None:
    """Absent, not zero."""
    with pytest.raises(SourceError) as caught:
        usdm(bodies({}), sapi=False).restrictions()
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("second", "known"),
    [
        (
            reply({"enableFutures": False, "ipRestrict": True}),
            "exists and may be used from this IP; enableFutures is false",
        ),
        (reply({"code": -2008, "msg": "Invalid Api-Key ID."}, 400), "code -2008"),
        (reply({"code": -2015, "msg": "Invalid API-key."}, 401), "refuses it, too"),
        (reply("", 500), None),
    ],
)
def test_a_second_host_tells_key_ip_and_permission_apart(
    second: httpx.Response, known: str | None
) -> None:
    """-2015 is one of three things; what the account's own endpoint says narrows it down."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/sapi/"):
            return second
        if request.url.path.endswith("/time"):
            return bodies({})(request)
        return reply({"code": -2015, "msg": "Invalid API-key, request ip: 10.0.0.1"}, 401)

    with pytest.raises(SourceError) as caught:
        usdm(answer).check_key()
    assert caught.value.reason is Reason.KEY_REJECTED
    assert caught.value.code == -2015
    assert "10.0.0.1" in caught.value.detail
    if known is not None:
        assert known in caught.value.detail


@pytest.mark.parametrize("venue", _BINANCE)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("key_format", Reason.KEY_FORMAT),
        ("rejected", Reason.KEY_REJECTED),
        ("signature", Reason.SIGNATURE),
        ("ip", Reason.KEY_REJECTED),
        ("unknown", Reason.KEY_REJECTED),
    ],
)
def test_each_trouble_of_a_key_shows_and_goes(
    simulator: Simulator, venue: str, kind: Any, reason: Reason
) -> None:
    """The smallest signed request finds it."""
    with sim_exchange(simulator, venue) as exchange:
        exchange.check_key()
        undo = ApiKey(role="exporter", kind=kind).inject(simulator.world)
        with pytest.raises(SourceError) as caught:
            exchange.check_key()
        assert caught.value.reason is reason
        undo()
        exchange.check_key()
