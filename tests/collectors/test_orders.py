"""Whose an order is, and whether it moves."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.orders import Owner, count_foreign, foreign, is_in_flight, is_own, owner_of
from tests.collectors.snapshots import order

_LEG = replace(order("regular", "NEW"), client_order_id="0b1f")
_UNKNOWN = replace(_LEG, links_known=False)


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({}, Owner.STRANGER),
        ({"client_order_id": "tb2-1"}, Owner.BOT),
        ({"linked_client_ids": ("other", "tb3-9")}, Owner.BOT),
        ({"linked_client_ids": ("other",)}, Owner.STRANGER),
        ({"links_known": False}, Owner.UNKNOWN),
        ({"links_known": False, "linked_client_ids": ("tb2-1",)}, Owner.BOT),
        ({"client_order_id": "autoclose-1", "linked_client_ids": ("tb2-1",)}, Owner.EXCHANGE),
    ],
)
def test_an_order_is_known_by_any_of_its_names(changes: dict[str, Any], owner: Owner) -> None:
    """Its own client id, or that of an order that it belongs to."""
    assert owner_of(replace(_LEG, **changes), ("tb2-", "tb3-")) is owner


def test_what_cannot_be_told_is_nobody_s_alarm_and_everybody_s_motion() -> None:
    """A stranger is certain; an order that may be the bot's may move its position."""
    assert foreign((_UNKNOWN, _LEG), "tb2-") == (_LEG,)
    assert is_own(_UNKNOWN, "tb2-")
    assert not is_own(_LEG, "tb2-")
    assert is_own(_LEG, None)


def test_unknown_is_never_counted_as_none() -> None:
    """One certain stranger is reported whatever else there is."""
    own = replace(_LEG, client_order_id="tb2-1")
    assert count_foreign((own,), "tb2-") == 0
    assert count_foreign((own, _UNKNOWN), "tb2-") is None
    assert count_foreign((own, _UNKNOWN, _LEG), "tb2-") == 1


@pytest.mark.parametrize(
    ("market", "status", "moving"),
    [
        ("spot", "PENDING_NEW", False),
        ("us_equity", "PENDING_NEW", True),
        ("us_equity", "PENDING_REPLACE", True),
        ("us_equity", "HELD", False),
        ("usdm", "TRIGGERING", True),
        ("usdm", "TRIGGERED", False),
    ],
)
def test_a_leg_that_waits_is_not_in_flight(market: str, status: str, moving: bool) -> None:
    """Else a spot order list would hide every position mismatch of its pair for weeks."""
    assert is_in_flight(replace(_LEG, market=market, status=status)) is moving
