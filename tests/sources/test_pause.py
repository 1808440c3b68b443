"""The pause mark: only what we wrote is ours."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.sources import pause

_marks = st.builds(
    pause.PauseMark,
    st.text(min_size=1, max_size=80, alphabet=st.characters(exclude_categories=["Cs"])),
    st.integers(min_value=0, max_value=2**63 - 1),
)


@given(_marks)
def test_a_mark_survives_writing_and_reading(mark: pause.PauseMark) -> None:
    """What one program writes the other reads back, whatever the incident is called."""
    assert pause.decode(pause.encode(mark)) == mark


@given(st.binary(max_size=300))
def test_any_bytes_are_either_exactly_a_mark_or_none(content: bytes) -> None:
    """No content raises, and nothing but the exact encoding is accepted."""
    mark = pause.decode(content)
    assert mark is None or pause.encode(mark) == content


@given(_marks, st.integers(min_value=0, max_value=400), st.binary(min_size=1, max_size=3))
def test_a_changed_mark_is_no_mark(mark: pause.PauseMark, place: int, insert: bytes) -> None:
    """A byte added anywhere either breaks it or makes it another mark, never the same one."""
    content = pause.encode(mark)
    place = min(place, len(content))
    changed = pause.decode(content[:place] + insert + content[place:])
    assert changed is None or changed != mark


def test_the_format_is_one_json_line() -> None:
    """A person who opens the file can read it."""
    expected = b'{"tradewarden_pause": {"incident": "INC-1", "mtime_ns": 5}}\n'
    assert pause.encode(pause.PauseMark("INC-1", 5)) == expected


def test_other_shapes_are_not_ours() -> None:
    """Wrong types, empty names and booleans in place of numbers are somebody else's."""
    for content in (
        b"",
        b"null",
        b"[]",
        b'{"tradewarden_pause": null}',
        b'{"tradewarden_pause": {"incident": "", "mtime_ns": 1}}\n',
        b'{"tradewarden_pause": {"incident": "a", "mtime_ns": true}}\n',
        b'{"tradewarden_pause": {"incident": "a", "mtime_ns": 1.0}}\n',
        b'{"tradewarden_pause": {"incident": 7, "mtime_ns": 1}}\n',
        b'{"tradewarden_pause": {"incident": "a", "mtime_ns": ' + b"9" * 5000 + b"}}\n",
    ):
        assert pause.decode(content) is None, content[:60]
