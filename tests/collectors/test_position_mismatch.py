"""The comparison as metrics: every state is counted, and unknown never looks like none."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from exporter.collectors import position_mismatch
from exporter.readings import (
    AccountReading,
    ComparedPosition,
    Comparison,
    Difference,
    Position,
    PositionKey,
    PositionsFileReading,
    PositionState,
)
from tests.collectors.snapshots import NOW, healthy, samples

_LABELS = 'market="usdm",side="BOTH",symbol="BTCUSDT"'


def _position(state: PositionState, symbol: str = "BTCUSDT", **changes: Any) -> ComparedPosition:
    one = ComparedPosition(
        key=PositionKey("usdm", symbol, "BOTH"),
        bot=Decimal("0.010"),
        exchange=Decimal("0.025"),
        notional=Decimal(1250),
        state=state,
        difference=Difference.NONE,
    )
    return replace(one, **changes)


def _comparison(*positions: ComparedPosition, reason: str = "") -> Comparison:
    return Comparison(positions, reason, 1.5, 2.5, judged=NOW)


def _found(comparison: Comparison | None, **changes: Any) -> dict[str, float]:
    return samples(position_mismatch, healthy(comparison=comparison, **changes))


def _states(found: dict[str, float]) -> dict[str, float]:
    return {s: found[f'positions{{state="{s.value}"}}'] for s in PositionState}


def test_every_state_is_counted_from_the_start() -> None:
    """No position at all is four zeros."""
    assert set(_states(_found(_comparison())).values()) == {0}
    found = _found(
        _comparison(
            _position(PositionState.MATCH),
            _position(PositionState.MISMATCH, "ETHUSDT", difference=Difference.SIZE),
        )
    )
    assert _states(found) == {"match": 1, "mismatch": 1, "pending": 0, "unknown": 0}
    assert found['position_differences{difference="size"}'] == 1
    assert found['position_differences{difference="unmanaged_symbol"}'] == 0


def test_a_difference_that_is_not_certain_is_no_mismatch() -> None:
    """Pending ones have a difference and do not count as one."""
    pending = _position(PositionState.PENDING, difference=Difference.SIZE)
    found = _found(_comparison(pending))
    assert found['position_differences{difference="size"}'] == 0
    state = 'position_state{{market="usdm",side="BOTH",state="{}",symbol="BTCUSDT"}}'
    assert found[state.format("pending")] == 1
    assert state.format("mismatch") not in found


def test_unknown_counts_when_nothing_can_be_compared() -> None:
    """No comparison, and one that failed as a whole, are one unknown each."""
    unknown = {"match": 0, "mismatch": 0, "pending": 0, "unknown": 1}
    assert _states(_found(None)) == unknown
    assert _states(_found(_comparison(reason="the account cannot be read"))) == unknown


def test_a_bot_that_was_never_looked_at_has_no_figures() -> None:
    """Before the first look there is nothing to be wrong about."""
    assert "positions" not in str(_found(None, polled=False, account=None, positions=None))


def test_both_holders_stand_side_by_side() -> None:
    """The same labels but for the holder, so that a panel can subtract."""
    found = _found(_comparison(_position(PositionState.MISMATCH, difference=Difference.SIZE)))
    quantity = 'position_quantity{{holder="{}",' + _LABELS + "}}"
    assert found[quantity.format("bot")] == 0.010
    assert found[quantity.format("exchange")] == 0.025
    assert found[f"position_difference{{{_LABELS}}}"] == 0.015
    assert found[f"position_notional{{{_LABELS}}}"] == 1250
    assert found['position_read_timestamp_seconds{holder="bot"}'] == NOW - 1.5
    assert found['position_read_timestamp_seconds{holder="exchange"}'] == NOW - 2.5


def test_an_unknown_side_is_absent_not_zero() -> None:
    """Neither its quantity nor a difference is shown."""
    found = _found(_comparison(_position(PositionState.UNKNOWN, bot=None, notional=None)))
    assert f'position_quantity{{holder="bot",{_LABELS}}}' not in found
    assert f"position_difference{{{_LABELS}}}" not in found
    assert f"position_notional{{{_LABELS}}}" not in found
    assert _states(found)["unknown"] == 1


def test_without_a_comparison_each_side_shows_what_it_has() -> None:
    """A person still sees which side is there."""
    found = _found(None, account=None)
    assert f'position_quantity{{holder="bot",{_LABELS}}}' in found
    assert f'position_quantity{{holder="exchange",{_LABELS}}}' not in found


def test_the_number_of_series_is_bounded_and_trouble_comes_first() -> None:
    """A file with thousands of symbols does not become thousands of series."""
    many = [_position(PositionState.MATCH, f"S{index}") for index in range(5000)]
    wrong = _position(PositionState.MISMATCH, "ZZZ", difference=Difference.SIZE)
    found = _found(_comparison(*many, wrong))
    assert len(found) < 550
    assert _states(found)["match"] == 5000
    assert found['position_state{market="usdm",side="BOTH",state="mismatch",symbol="ZZZ"}'] == 1
    raw = {position.key.symbol: Decimal(1) for position in many}
    account = AccountReading(tuple(Position("usdm", s, "BOTH", q) for s, q in raw.items()), ())
    shown = _found(None, positions=PositionsFileReading(raw, 0.0), account=account)
    assert len(shown) < 250
