"""The positions file: every known shape, and nothing else."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.bot import read_positions
from exporter.sources.positions import parse
from tests.sources.bots import make_bot, write


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"BTCUSDT": "0.010"}', {"BTCUSDT": "0.010"}),
        ('{"BTCUSDT": 0.1}', {"BTCUSDT": "0.1"}),
        ('{"BTCUSDT": -3}', {"BTCUSDT": "-3"}),
        ('{"BTCUSDT": {"qty": "0.010", "avg_price": "97000.1"}}', {"BTCUSDT": "0.010"}),
        ('{"BTCUSDT": {"quantity": 1}}', {"BTCUSDT": "1"}),
        ('{"BTCUSDT": {"size": "-2"}}', {"BTCUSDT": "-2"}),
        ('{"BTCUSDT": {"size": "2", "qty": "2.0"}}', {"BTCUSDT": "2"}),
        ('{"positions": {"BTC/USDT:USDT": "1"}, "updated": "now"}', {"BTC/USDT:USDT": "1"}),
        ('{"positions": [{"symbol": "ETHUSDT", "qty": "1e-3"}]}', {"ETHUSDT": "0.001"}),
        ('[{"symbol": "A", "qty": 1}, {"symbol": "B", "qty": "2"}]', {"A": "1", "B": "2"}),
        ('[{"symbol": "A", "qty": "1", "side": "SHORT"}]', {"A": "-1"}),
        ('[{"symbol": "A", "qty": "1", "side": "long"}]', {"A": "1"}),
        ("{}", {}),
        ("[]", {}),
        ('{"positions": []}', {}),
    ],
)
def test_known_shapes_are_read(content: str, expected: dict[str, str]) -> None:
    """Quantities come from their text, so 0.1 is exactly 0.1."""
    assert parse(content.encode(), 0.0).positions == {k: Decimal(v) for k, v in expected.items()}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "5",
        '"BTCUSDT"',
        '{"BTCUSDT": null}',
        '{"BTCUSDT": true}',
        '{"BTCUSDT": "NaN"}',
        '{"BTCUSDT": NaN}',
        '{"BTCUSDT": Infinity}',
        '{"BTCUSDT": "1_000"}',
        '{"BTCUSDT": " 1"}',
        '{"BTCUSDT": "\u0661"}',
        '{"BTCUSDT": 1e400}',
        '{"BTCUSDT": "1e99"}',
        '{"BTCUSDT": {}}',
        '{"BTCUSDT": {"avg_price": "1"}}',
        '{"BTCUSDT": {"qty": "1", "size": "2"}}',
        '{"BTCUSDT": {"qty": "-1", "side": "long"}}',
        '{"BTCUSDT": {"qty": "1", "side": "sideways"}}',
        '{"BTCUSDT": "1", "BTCUSDT": "2"}',
        '{"": "1"}',
        '{"a b": "1"}',
        '{"positions": 5}',
        '[{"symbol": "A", "qty": 1}, {"symbol": "A", "qty": -1}]',
        '[{"symbol": "A", "qty": 1, "side": "long"}, {"symbol": "A", "qty": 2, "side": "buy"}]',
        '[{"symbol": "A", "qty": 1}, {"symbol": "A", "qty": 2, "side": "short"}]',
        '[{"qty": 1}]',
        "[1]",
        '{"BTCUSDT": "0.01"',
    ],
)
def test_anything_else_is_invalid_and_never_zero(content: str) -> None:
    """A quantity that is not understood must not read as flat."""
    with pytest.raises(SourceError) as caught:
        parse(content.encode(), 0.0)
    assert caught.value.reason is Reason.INVALID


_numbers = st.decimals(
    min_value=-(10**15), max_value=10**15, allow_nan=False, allow_infinity=False, places=12
)


@given(st.dictionaries(st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True), _numbers, max_size=5))
def test_every_decimal_survives_exactly(positions: dict[str, Decimal]) -> None:
    """No quantity takes a detour through binary floating point."""
    positions.pop("positions", None)
    text = json.dumps({symbol: format(number, "f") for symbol, number in positions.items()})
    assert parse(text.encode(), 0.0).positions == positions


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["positions", "symbol", "qty", "size", "side", "BTCUSDT"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.binary(max_size=80) | _json.map(lambda value: json.dumps(value).encode()))
def test_any_content_gives_finite_positions_or_invalid(content: bytes) -> None:
    """Nothing else ever comes out, and nothing else is ever raised."""
    positions: Mapping[str, Decimal] = {}
    reason = Reason.INVALID
    try:
        positions = parse(content, 0.0).positions
    except SourceError as error:
        reason = error.reason
    assert reason is Reason.INVALID
    assert all(quantity.is_finite() for quantity in positions.values())


def test_a_missing_file_is_missing(root: Path) -> None:
    """The caller decides whether it ever existed."""
    with pytest.raises(SourceError) as caught:
        read_positions(make_bot(root))
    assert caught.value.reason is Reason.MISSING


def test_the_reading_says_when_the_file_was_written(root: Path) -> None:
    """Comparison needs the age of what it compares."""
    file = write(root, "state/positions.json", '{"BTCUSDT": "1"}')
    assert read_positions(make_bot(root)).modified == pytest.approx(file.stat().st_mtime)


def test_the_legs_of_a_hedge_are_kept_apart() -> None:
    """Both sides of one symbol are two positions; their sum is for display only."""
    both = b"""[{"symbol": "A", "qty": "2", "side": "LONG"},
               {"symbol": "A", "qty": "0.5", "side": "SHORT"}, {"symbol": "B", "qty": "1"}]"""
    reading = parse(both, 0.0)
    assert reading.legs == {("A", "LONG"): Decimal(2), ("A", "SHORT"): Decimal("-0.5")}
    assert reading.positions == {"A": Decimal("1.5"), "B": Decimal(1)}
