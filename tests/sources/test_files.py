"""Bounded reads of files that another program may be writing right now."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.errors import Reason, SourceError
from exporter.sources import files


def _reason(file: Path, limit: int = files.LIMIT) -> Reason:
    with pytest.raises(SourceError) as caught:
        files.read(file, limit=limit)
    return caught.value.reason


def test_what_cannot_be_a_file_is_told_apart(tmp_path: Path) -> None:
    """Missing, unreadable and too large are different facts, and none of them blocks."""
    loop, pipe, large = tmp_path / "loop", tmp_path / "pipe", tmp_path / "large"
    loop.symlink_to("loop")
    os.mkfifo(pipe)
    large.write_bytes(b"x" * 11)
    assert _reason(tmp_path / "none") is Reason.MISSING
    assert _reason(tmp_path) is Reason.UNREADABLE
    assert _reason(loop) is Reason.UNREADABLE
    assert _reason(pipe) is Reason.UNREADABLE
    assert _reason(tmp_path / "nul\0") is Reason.UNREADABLE
    assert _reason(large, limit=10) is Reason.TOO_LARGE
    assert _reason(large / "below") is Reason.UNREADABLE


def _judge(content: files.Content) -> bytes:
    if not content.data.endswith(b"}"):
        raise SourceError(Reason.INVALID, "is cut off")
    return content.data


class Writer:
    """Changes the file in the pauses between two reads."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)
        self.pauses = 0

    def __call__(self, _: float) -> None:
        """Take the next step instead of waiting."""
        self.pauses += 1
        if self.steps:
            self.steps.pop(0)()


def test_a_half_written_file_is_read_again(tmp_path: Path) -> None:
    """The writer ends its work between two reads."""
    file = tmp_path / "f"
    file.write_bytes(b'{"a":')
    writer = Writer(lambda: file.write_bytes(b'{"a":1}'))
    assert files.read_settled(file, _judge, pause=writer) == b'{"a":1}'


def test_a_file_that_stays_wrong_is_wrong_after_three_reads(tmp_path: Path) -> None:
    """Same inode, size and mtime: nobody is writing it."""
    file = tmp_path / "f"
    file.write_bytes(b'{"a":')
    writer = Writer()
    with pytest.raises(SourceError) as caught:
        files.read_settled(file, _judge, pause=writer)
    assert writer.pauses == 2
    assert str(file) in caught.value.detail


def test_a_change_starts_the_count_again(tmp_path: Path) -> None:
    """A writer that is slow but at work gets more reads."""
    file = tmp_path / "f"
    file.write_bytes(b"{")
    steps = [lambda size=size: file.write_bytes(b"{" * size) for size in (2, 3, 4)]
    writer = Writer(*steps, lambda: file.write_bytes(b"{}"))
    assert files.read_settled(file, _judge, pause=writer) == b"{}"


def test_a_file_that_never_settles_is_given_up(tmp_path: Path) -> None:
    """Reading ends even if the writer never does."""
    file = tmp_path / "f"
    file.write_bytes(b"{")
    steps = [lambda size=size: file.write_bytes(b"{" * size) for size in range(2, 50)]
    writer = Writer(*steps)
    with pytest.raises(SourceError) as caught:
        files.read_settled(file, _judge, pause=writer)
    assert "keeps changing" in caught.value.detail


def test_a_file_replaced_between_reads_may_be_missing_for_a_moment(tmp_path: Path) -> None:
    """Unlink and create is not atomic; the next read finds it."""
    file = tmp_path / "f"
    writer = Writer(lambda: file.write_bytes(b"{}"))
    assert files.read_settled(file, _judge, pause=writer) == b"{}"


def test_a_name_exists_whatever_it_names(tmp_path: Path) -> None:
    """A link to nowhere exists; a name below a file cannot be ruled out."""
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").touch()
    assert files.exists(tmp_path / "link")
    assert files.exists(tmp_path)
    assert files.exists(tmp_path / "file" / "below")
    assert not files.exists(tmp_path / "none")
