"""What the messages of public streams mean, whatever they are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.streams_messages import Kind, read_event

_SYMBOLS = {"btcusdt@markPrice": "BTCUSDT"}


def _kind(body: Any) -> Kind:
    return read_event(json.dumps(body), _SYMBOLS).kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"stream": "btcusdt@markPrice", "data": {"e": "x", "s": "BTCUSDT"}}, Kind.DATA),
        ({"stream": "btcusdt@markPrice", "data": {"e": "x", "s": "ETHUSDT"}}, Kind.NONSENSE),
        ({"stream": "btcusdt@markPrice", "data": None}, Kind.NONSENSE),
        ({"stream": "ethusdt@markPrice", "data": {"s": "ETHUSDT"}}, Kind.NONSENSE),
        ({"stream": ["btcusdt@markPrice"], "data": {"s": "BTCUSDT"}}, Kind.NONSENSE),
        ({"e": "serverShutdown", "E": 1}, Kind.SHUTDOWN),
        ({"stream": "!x", "data": {"e": "serverShutdown", "E": 1}}, Kind.SHUTDOWN),
        ({"result": None, "id": 1}, Kind.ACKNOWLEDGEMENT),
        ({"error": {"code": 2, "msg": "no"}, "id": 1}, Kind.REFUSAL),
        ({"code": 2, "msg": "no"}, Kind.REFUSAL),
        ({}, Kind.NONSENSE),
        (7, Kind.NONSENSE),
    ],
)
def test_what_a_message_means(body: Any, kind: Kind) -> None:
    """Only an event that names the stream's own symbol is data."""
    assert _kind(body) is kind


_VALUES = st.sampled_from(["BTCUSDT", "btcusdt@markPrice", "serverShutdown", 1, None, "x"])
_NAMES = st.sampled_from(["stream", "data", "s", "e", "error", "code", "msg", "result", "id"])
_BODIES = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=15,
)


@given(_BODIES.map(json.dumps) | st.text(max_size=50) | st.binary(max_size=50))
def test_any_message_is_one_of_these(message: str | bytes) -> None:
    """Nothing is raised, details are short, and data has its stream."""
    event = read_event(message, _SYMBOLS)
    assert len(event.detail) < 200
    if event.kind is Kind.DATA:
        body = json.loads(message)
        assert body["data"]["s"] == _SYMBOLS[event.stream]
