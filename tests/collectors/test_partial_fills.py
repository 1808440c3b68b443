"""Resting orders, and those filled in part."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import partial_fills
from exporter.readings import AccountReading, OpenOrder, Position
from exporter.snapshot import BotSnapshot
from tests.collectors.snapshots import NOW, healthy, order, samples
from tests.sources.bots import make_bot

_OLDEST = "partially_filled_order_oldest_timestamp_seconds"
_TTL = "partially_filled_order_ttl_threshold_seconds"
_REST = "partially_filled_remaining_notional"


def _partial(executed: str = "0.004", **changes: Any) -> OpenOrder:
    one = replace(
        order("regular", "PARTIALLY_FILLED"),
        executed=Decimal(executed),
        price=Decimal(50_000),
        created=NOW - 600,
    )
    return replace(one, **changes)


def _item(*orders: OpenOrder, positions: tuple[Position, ...] = (), **changes: Any) -> BotSnapshot:
    return healthy(account=AccountReading(positions, orders), **changes)


def test_orders_by_kind_and_status() -> None:
    """The usual ones begin at zero and unknown statuses do not add labels."""
    found = samples(partial_fills, _item(_partial(), order("algo", "WAITING")))
    assert found['open_orders{kind="regular",market="usdm",status="NEW"}'] == 0
    assert found['open_orders{kind="regular",market="usdm",status="PARTIALLY_FILLED"}'] == 1
    assert found['open_orders{kind="algo",market="usdm",status="other"}'] == 1


def test_the_oldest_partial_fill_and_what_is_left_of_all() -> None:
    """Two of three orders are filled in part, one of them by another name."""
    older = _partial(executed="0.009", status="PENDING_CANCEL", created=NOW - 900)
    found = samples(partial_fills, _item(_partial(), older, order("regular", "NEW")))
    assert found["partially_filled_orders"] == 2
    assert found[_OLDEST] == NOW - 900
    assert found[_REST] == pytest.approx(0.006 * 50_000 + 0.001 * 50_000)


def test_without_a_partial_fill_there_is_no_oldest() -> None:
    """Zero orders is a figure; their age is not."""
    found = samples(partial_fills, _item(order("regular", "NEW")))
    assert (found["partially_filled_orders"], found[_REST]) == (0, 0)
    assert _OLDEST not in found


def test_without_an_account_everything_is_absent_but_the_limit() -> None:
    """Unknown is not zero; what is configured stays."""
    bot = make_bot(Path("/bot"), execution_params={"ttl_steps": 2}, bar_seconds=300)
    settings = replace(healthy().settings, ttl_steps=2, bar_seconds=300.0)
    found = samples(partial_fills, healthy(bot=bot, settings=settings, account=None))
    assert found == {_TTL: 600}


def test_without_steps_or_bars_there_is_no_limit() -> None:
    """A limit is never guessed."""
    settings = replace(healthy().settings, ttl_steps=2, bar_seconds=None)
    assert _TTL not in samples(partial_fills, _item(settings=settings))


def test_a_market_order_is_valued_at_the_venues_price() -> None:
    """Its own price is zero; without any price it is left out."""
    market = _partial(price=Decimal(0))
    held = Position("usdm", "BTCUSDT", "BOTH", Decimal(1), Decimal(40_000))
    assert samples(partial_fills, _item(market, positions=(held,)))[_REST] == pytest.approx(240)
    assert samples(partial_fills, _item(market))[_REST] == 0


def test_other_peoples_partial_fills_are_not_the_bots() -> None:
    """With a prefix only the bot's own count; without one nobody can tell."""
    foreign = _partial(client_order_id="web_1")
    venue = {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"}
    own = make_bot(Path("/bot"), venue={**venue, "client_order_prefix": "tb2-"})
    found = samples(partial_fills, _item(_partial(), foreign, bot=own))
    assert found["partially_filled_orders"] == 1
    assert samples(partial_fills, _item(foreign))["partially_filled_orders"] == 1
