"""Exchange probes and account figures."""

from dataclasses import replace
from decimal import Decimal

import pytest

from exporter.collectors import account, exchange
from exporter.readings import AccountReading, ExchangeStatus, Position, PositionsFileReading
from tests.collectors.snapshots import healthy, order, samples


def test_durations_are_a_cumulative_histogram() -> None:
    """Each bucket contains the smaller ones, and +Inf is the count."""
    found = samples(exchange)
    prefix = 'exchange_request_duration_seconds_bucket{endpoint="ping"'
    assert found[f'{prefix},le="0.01"}}'] == 1
    assert found[f'{prefix},le="0.025"}}'] == 3
    assert found[f'{prefix},le="5.0"}}'] == 3
    assert found[f'{prefix},le="+Inf"}}'] == 4
    assert found['exchange_request_duration_seconds_sum{endpoint="ping"}'] == 3.5


def test_failures_by_endpoint_and_reason() -> None:
    """Known ones begin at zero."""
    found = samples(exchange)
    name = "exchange_request_failures_total"
    assert found[f'{name}{{endpoint="ping",reason="timeout"}}'] == 2
    assert found[f'{name}{{endpoint="account",reason="key_rejected"}}'] == 0


@pytest.mark.parametrize("maintenance", [True, False])
def test_maintenance_is_the_venues_word(maintenance: bool) -> None:
    """Zero only if the venue said so."""
    status = ExchangeStatus(maintenance=maintenance, message="")
    assert samples(exchange, healthy(status=status))["exchange_maintenance"] == maintenance
    assert "exchange_maintenance" not in samples(exchange, healthy(status=None))


def test_both_holders_stand_side_by_side() -> None:
    """The same labels but for the holder, so that a panel can subtract."""
    found = samples(account)
    for holder in ("bot", "exchange"):
        labels = f'holder="{holder}",market="usdm",side="BOTH",symbol="BTCUSDT"'
        assert found[f"position_quantity{{{labels}}}"] == 0.01


def test_unknown_holdings_are_absent_not_zero() -> None:
    """No reading, no position."""
    assert samples(account, healthy(account=None, positions=None)) == {}


def test_orders_by_kind_and_status() -> None:
    """The usual ones begin at zero and unknown statuses do not add labels."""
    orders = (order("regular", "PARTIALLY_FILLED"), order("algo", "WAITING"))
    item = healthy(account=AccountReading((), orders), positions=None)
    found = samples(account, item)
    assert found['open_orders{kind="regular",market="usdm",status="NEW"}'] == 0
    assert found['open_orders{kind="regular",market="usdm",status="PARTIALLY_FILLED"}'] == 1
    assert found['open_orders{kind="algo",market="usdm",status="other"}'] == 1


def test_the_number_of_series_is_bounded() -> None:
    """A file with thousands of symbols does not become thousands of series."""
    many = {f"S{index}": Decimal(1) for index in range(5000)}
    positions = tuple(Position("spot", s, "BOTH", q) for s, q in many.items())
    item = healthy(positions=PositionsFileReading(many, 0.0), account=AccountReading(positions, ()))
    assert len(samples(account, replace(item))) < 250
