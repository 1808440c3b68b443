"""The runbook's symptoms are found in lines as bots and libraries write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.log_literals import encode, required
from exporter.sources.log_patterns import (
    EVENTS,
    MAX_CONFIGURED,
    NAMES,
    compile_pattern,
    configured,
    problem_with,
)

_LINES = {
    "ERROR Connection refused: http://127.0.0.1:9842": {"connection_refused", "error"},
    "ConnectionRefusedError: [Errno 111] Connect call failed": {"connection_refused"},
    "WARNING WebSocket disconnected, reconnecting": {"websocket_disconnect"},
    "user stream: connection closed by peer": {"websocket_disconnect"},
    "websockets.exceptions.ConnectionClosedError: no close frame": {"websocket_disconnect"},
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool: Read timed out.": {"api_timeout"},
    "asyncio.TimeoutError in place_order": {"api_timeout"},
    "Timestamp for this request is outside of the recvWindow.": {"recv_window"},
    "binance.exceptions.BinanceAPIException: APIError(code=-1021): x": {"recv_window"},
    "Timestamp for this request was 1000ms ahead of the server's time.": {"recv_window"},
    "Order rejected: timestamp 1500 ms in the future": {"order_timing_rejected"},
    "Kill switch triggered: clock drift": {"kill_switch_triggered"},
    "KILL_SWITCH has been activated by operator": {"kill_switch_triggered"},
    "order 17 is PARTIALLY_FILLED, 0.003 of 0.010": {"partially_filled"},
    "<html><title>Service Unavailable</title>": {"service_unavailable"},
    "503 Server Error: Service Temporarily Unavailable": {
        "http_503",
        "service_unavailable",
        "error",
    },
    "exchange answered HTTP 503": {"http_503"},
    "Invalid data in features": {"invalid_data"},
    "json.decoder.JSONDecodeError: Expecting value": {"invalid_data"},
    "Parsing error in data/btc.parquet": {"invalid_data", "error"},
    "NaN values in features: close, volume": {"nan_value"},
    "prediction=nan": {"nan_value"},
    "Invalid API key, IP, or permissions: (code -2015)": {"invalid_api_key"},
    "Signature verification failed": {"signature_failed"},
    '{"code":-1022,"msg":"Signature for this request is not valid."}': {"signature_failed"},
    "401 Client Error: Unauthorized for url": {"unauthorized", "error"},
    "status code 403": {"unauthorized"},
    "MemoryError": {"memory_error"},
    "kernel: Out of memory: Killed process 4711 (python)": {"oom"},
    "invoked oom-killer: gfp_mask=0x0": {"oom"},
    "Traceback (most recent call last):": {"unhandled_exception"},
    "CRITICAL Unhandled exception": {"unhandled_exception", "error"},
    "INFO Shutdown complete": {"shutdown_complete"},
}
_HARMLESS = (
    "INFO Starting TradingBot2 (pid 1021, mode live)",
    "INFO Binance finance: price 1503.20, 2 014 015 orders, volume 401",
    "INFO errors=0 nan_ratio=0.0 timeout_ms=2500 retries=1",
    "INFO kill switch armed, unauthorised_attempts=0",
    "DEBUG GET /fapi/v1/order?recvWindow=5000&timestamp=1795500000000",
    "INFO parsed 200 lines, cache closed, stream opened",
    "INFO pnl -1021.50, service available again",
)


def _found(line: str) -> set[str]:
    return {e.name for e in EVENTS if compile_pattern(e.pattern).search(line.encode())}


@pytest.mark.parametrize(("line", "events"), _LINES.items(), ids=range(len(_LINES)))
def test_a_symptom_is_recognised(line: str, events: set[str]) -> None:
    """In the words of the runbook, of the exchanges and of their libraries, in any case."""
    assert _found(line) == events
    assert _found(line.swapcase()) == events


@pytest.mark.parametrize("line", _HARMLESS)
def test_an_ordinary_line_is_none(line: str) -> None:
    """What merely looks like a symptom does not count."""
    assert _found(line) == set()


def test_every_built_in_event_is_tried() -> None:
    """A pattern without an example would not be tested."""
    assert set.union(*_LINES.values()) == NAMES
    assert len(NAMES) == len(EVENTS)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("Margin call", ("margin call",)),
        (r"margin\s+called for[A-Z]+USDT", ("called for",)),
        (r"liquidat(?:ed|ion)", ("liquidat",)),
        ("margin call|liquidated", ("margin call", "liquidated")),
        (r"margin call|\d+", ()),
        ("ab*cdx?", ()),
        ("abc{2,3}def+g", ("def",)),
        (r"100\.0% done", ("100.0% done",)),
        (r"closed[]|]y|orders?", ("closed", "order")),
        (r"y[]|]|orders?", ()),
        ("(?x) spaced out", ()),
        (r"caf\x65 closed", ()),
        ("(margin call)?", ()),
        ("(margin call", ()),
    ],
)
def test_texts_are_required_only_where_that_is_certain(
    pattern: str, texts: tuple[str, ...]
) -> None:
    """Optional parts, sets and flags promise nothing."""
    assert required(pattern) == texts


_ATOMS = st.one_of(
    st.sampled_from([".", "^", "$", r"\d", r"\w", r"\s", r"\b", r"\.", r"\|", r"\\", "[a-c]"]),
    st.sampled_from(["[^]x]", "[]a]", "(?:", "(", ")", "|", "*", "+?", "?", "{2}", "{0,1}", "{,}"]),
    st.text("abcABC .{}", min_size=1, max_size=4),
)
_PATTERNS = st.lists(_ATOMS, min_size=1, max_size=8).map("".join)
_TEXTS = st.lists(
    st.one_of(st.sampled_from(["a", "b", "c", "A", "aabb", ".", "|", "\\", " "]), st.text()),
    max_size=12,
).map(lambda parts: "".join(parts).replace("\n", "").encode(errors="replace"))


@given(_PATTERNS, st.lists(_TEXTS, max_size=5))
def test_no_line_matches_without_a_required_text(pattern: str, lines: list[bytes]) -> None:
    """Otherwise the quick search would lose it."""
    try:
        compiled = compile_pattern(pattern)
    except (re.error, ValueError):
        return
    texts = required(pattern)
    for line in lines:
        if texts and compiled.search(line):
            assert any(text.encode() in line.lower() for text in texts)


def test_characters_of_several_bytes_stay_whole() -> None:
    """A quantifier repeats the character, not its last byte."""
    pattern = compile_pattern("爆仓+ \\d")
    assert pattern.search("爆仓仓 7".encode())
    assert not required("爆仓 \\d")
    assert encode(r"\[é]") == r"\[(?:é)]".encode()


@pytest.mark.parametrize(
    ("name", "pattern", "problem"),
    [
        ("margin_call", "margin (call", "is no regular expression: missing )"),
        ("margin_call", "[é]", "is no regular expression: a set in brackets"),
        ("margin_call", "\\é", "is no regular expression: a backslash"),
        ("margin_call", "(?u)x", "is no regular expression: "),
        ("margin_call", "x*", "matches every line"),
        ("oom", "out of memory", "is the name of a built-in event"),
        ("margin_call", "margin call", ""),
    ],
)
def test_a_configured_pattern_is_judged(name: str, pattern: str, problem: str) -> None:
    """Before it is used, with words for whoever wrote it."""
    assert problem_with(name, pattern).startswith(problem)
    assert bool(problem_with(name, pattern)) == bool(problem)


def test_configured_events_carry_their_texts() -> None:
    """They are counted as quickly as built-in ones."""
    (event,) = configured({"margin_call": "Margin Call"})
    assert (event.name, event.texts, event.expressions) == ("margin_call", ("margin call",), ())
    assert MAX_CONFIGURED >= 10
