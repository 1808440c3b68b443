"""Evidence sources: bounded, tolerant, and honest about what they could not read."""

import os
import time
from pathlib import Path

import pytest

from exporter.errors import Reason, SourceError
from exporter.sources import evidence

JOURNALCTL = """#!/bin/sh
echo "$*" > "{calls}"
{body}
"""


def _journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    calls = tmp_path / "calls"
    (tmp_path / "journalctl").write_text(JOURNALCTL.format(calls=calls, body=body))
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return calls


def test_kernel_records_read_like_dmesg(tmp_path: Path) -> None:
    """Time and message; continuation lines and control characters do not get through."""
    pipe = tmp_path / "kmsg"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    os.write(writer, b"3,1234,5678901,-;Out of memory: Killed process 42\\x1b[1m\n SUBSYSTEM=x\n")
    try:
        (line,) = evidence.kernel_lines(5, kmsg=pipe)
    finally:
        os.close(reader)
        os.close(writer)
    assert line == "[    5.678901] Out of memory: Killed process 42?[1m"


def test_without_a_kernel_buffer_the_journal_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback asks for exactly as many lines."""
    calls = _journalctl(tmp_path, monkeypatch, "echo one; echo two")
    assert evidence.kernel_lines(7, kmsg=tmp_path / "none") == ("one", "two")
    assert "-k -n 7" in calls.read_text()


def test_without_either_both_reasons_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No evidence is a SourceError that says what was tried."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"No such file.*no journalctl") as caught:
        evidence.kernel_lines(kmsg=tmp_path / "none")
    assert caught.value.reason is Reason.UNSUPPORTED


def test_the_units_journal_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hour, a number of lines, a length of line."""
    calls = _journalctl(tmp_path, monkeypatch, "head -c 5000 /dev/zero | tr '\\0' x; echo; echo z")
    lines = evidence.unit_journal("tiny.service")
    assert [len(line) for line in lines] == [2000, 1]
    assert "-u tiny.service --since -1h" in calls.read_text()


def test_a_failing_journal_is_a_source_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own words are the detail."""
    _journalctl(tmp_path, monkeypatch, "echo no journal files >&2; exit 1")
    with pytest.raises(SourceError, match="no journal files"):
        evidence.unit_journal("tiny.service")


def test_a_hanging_journal_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence never holds a run up for long."""
    _journalctl(tmp_path, monkeypatch, "exec sleep 60")
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        evidence.unit_journal("tiny.service")
    assert caught.value.reason is Reason.TIMEOUT
    assert time.monotonic() - started < 30


def test_core_files_newest_first(tmp_path: Path) -> None:
    """Only files that are named like core dumps, with size and time."""
    for name, mtime in (("core.1", 1_000_000_000), ("core.2", 2_000_000_000), ("notes", 3)):
        (tmp_path / name).write_bytes(b"1234")
        os.utime(tmp_path / name, (mtime, mtime))
    (tmp_path / "core.d").mkdir()
    mine = [line for line in evidence.core_files(tmp_path) if str(tmp_path) in line]
    assert mine == [
        f"2033-05-18T03:33:20Z 4 bytes {tmp_path}/core.2",
        f"2001-09-09T01:46:40Z 4 bytes {tmp_path}/core.1",
    ]


def test_a_missing_root_has_no_core_files(tmp_path: Path) -> None:
    """Nothing to show is no failure."""
    lines = evidence.core_files(tmp_path / "nowhere")
    assert not any(str(tmp_path) in line for line in lines)
