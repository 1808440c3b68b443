"""The bot's own filters, in every form that bots keep them in."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources import files
from exporter.sources.filters import Filters, parse_filters, read_filters
from tests.sources.bots import make_bot, write

_LISTED = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
    {"filterType": "MARKET_LOT_SIZE", "stepSize": "9"},
    {"filterType": "LOT_SIZE", "stepSize": "0.001"},
    {"filterType": "MIN_NOTIONAL", "notional": "100"},
]
_NAMED = {
    "PRICE_FILTER": {"tickSize": "0.10"},
    "MARKET_LOT_SIZE": {"stepSize": "9"},
    "LOT_SIZE": {"stepSize": "0.001"},
    "NOTIONAL": {"minNotional": 100},
}
_PLAIN = {"tickSize": "0.1", "stepSize": 0.001, "minNotional": "100.00"}
_SNAKE = {"tick_size": 0.1, "step_size": "0.001", "min_notional": 100}
_EXPECTED = Filters(Decimal("0.1"), Decimal("0.001"), Decimal(100))


@pytest.mark.parametrize(
    "body",
    [
        {"timezone": "UTC", "symbols": [{"symbol": "BTCUSDT", "filters": _LISTED}]},
        [{"symbol": "btcusdt", "filters": _LISTED}],
        {"BTCUSDT": {"filters": _LISTED}},
        {"BTCUSDT": {"filters": _NAMED}},
        {"BTCUSDT": _NAMED},
        {"generated_at": "2026-11-24", "filters": {"BTCUSDT": _NAMED}},
        {"symbols": {"BTCUSDT": _PLAIN}},
        {"BTCUSDT": _PLAIN, "version": 3},
        {"BTCUSDT": _SNAKE},
    ],
)
def test_every_form_says_the_same(root: Path, body: Any) -> None:
    """Limits of market orders are not mistaken for those of all."""
    write(root, "data/binance_filters.json", json.dumps(body))
    assert read_filters(make_bot(root)) == {"BTCUSDT": _EXPECTED}


def test_what_is_not_said_is_unknown() -> None:
    """A file may keep one filter and not the others."""
    assert parse_filters({"X": {"LOT_SIZE": {"stepSize": "1"}}}) == {
        "X": Filters(None, Decimal(1), None)
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, Reason.MISSING),
        ("{", Reason.INVALID),
        ("[]", Reason.INVALID),
        ('{"version": 3}', Reason.INVALID),
        ('{"X": {"tickSize": "much"}}', Reason.INVALID),
        ('{"X": {"tickSize": "NaN"}}', Reason.INVALID),
    ],
)
def test_a_file_without_filters(root: Path, content: str | None, reason: Reason) -> None:
    """Is an error, not a bot without limits."""
    if content is not None:
        write(root, "data/binance_filters.json", content)
    with pytest.raises(SourceError) as caught:
        read_filters(make_bot(root))
    assert caught.value.reason is reason


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["symbols", "filters", "symbol", "filterType", "LOT_SIZE", "stepSize", "A"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_any_json_is_read_or_refused(body: Any) -> None:
    """Nothing else is raised, and every value is a number."""
    try:
        found = parse_filters(files.parse_json(json.dumps(body).encode()))
    except SourceError:
        return
    for own in found.values():
        assert own.step_size is None or own.step_size.is_finite()
