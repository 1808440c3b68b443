"""Counting in blocks gives what judging every line would give."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.sources.log_counter import LineCounter
from exporter.sources.log_patterns import EVENTS, Event, compile_pattern, configured

_CONFIGURED = configured(
    {
        "margin_call": "margin call",
        "anchored": r"^\W*FATAL.*done$",
        "no_literal": r"[kK]ill|\d{4}",
        "across": r"retry\s+[^x]*again",
        "not_followed": r"order(?!\s)",
        "unicode": "ошибка|été",
        "dots": r"a.b\.c+d",
        "end": r"closed\Z",
    }
)
_WORDS = st.sampled_from(
    [
        *(word for event in EVENTS for word in event.texts),
        *("nan", "NANS", "finance", "\u212a", "\u017f", "\u0130", "\u017ferver error"),
        *(
            "error",
            "critical",
            "http",
            "503",
            "1503",
            "401",
            "403",
            "code",
            "-1021",
            "2015",
            "kill",
            "switch",
            "1234",
        ),
        *("triggered", "websocket", "ws", "order", "reject", "clock", "margin call", "FATAL"),
        *("done", "retry", "again", "ошибка", "ОШИБКА", "été", "a_b.ccd", "closed", "parse"),
        *("\r", "\0", " ", "  ", ": ", "-", "_", "(", "service ", "signature ", "invalid "),
    ]
)
_LINES = st.lists(
    st.one_of(_WORDS.map(str.encode), _WORDS.map(lambda w: w.upper().encode()), st.binary()),
    max_size=8,
).map(lambda parts: b"".join(parts).replace(b"\n", b""))


def _one_by_one(events: Iterable[Event], lines: list[bytes]) -> dict[str, int]:
    """The definition: each line alone, without its end, against each pattern."""
    bare = [line.lstrip(b"\0").rstrip(b"\r") for line in lines]
    return {
        event.name: sum(bool(compile_pattern(event.pattern).search(line)) for line in bare)
        for event in events
    }


@settings(max_examples=300)
@given(st.lists(_LINES, min_size=1, max_size=12), st.booleans())
def test_a_block_counts_as_its_lines_do(lines: list[bytes], ended: bool) -> None:
    """Whatever the bytes are: invalid UTF-8, NULs, letters that only Unicode folds."""
    events = (*EVENTS, *_CONFIGURED)
    block = b"\n".join(lines) + (b"\n" if ended else b"")
    if not ended and not lines[-1]:
        lines = lines[:-1] or [b""]
    assert dict(LineCounter(events).count(block)) == _one_by_one(events, lines)


def test_a_line_counts_once_for_each_event() -> None:
    """However often and by however many of its texts it is found."""
    counter = LineCounter(EVENTS)
    block = b"ERROR error: connection refused, ECONNREFUSED, connection refused\n" * 3
    counts = counter.count(block)
    assert (counts["error"], counts["connection_refused"], counts["oom"]) == (3, 3, 0)


def test_a_pattern_does_not_see_the_next_line() -> None:
    """A symptom is on one line; two halves on two lines are none."""
    counter = LineCounter(_CONFIGURED)
    assert counter.count(b"retry \nagain\n")["across"] == 0
    assert counter.count(b"retry  again\r\n")["across"] == 1
    assert counter.count(b"order\nx\n")["not_followed"] == 1
    assert counter.count(b"all closed\r\nclosed x\n")["end"] == 1
