"""When a file is judged, and when an earlier verdict stands."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.errors import Reason
from exporter.readings import FileKind
from exporter.sources.data_judging import Judge
from exporter.sources.data_verdict import Limits, Question, Verdict
from tests.sources.bots import write
from tests.sources.data_bed import PATIENCE_SECONDS, write_parquet

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)
_ROWS = {"close": [1.0, 2.0]}


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _judge(pause: Callable[[float], None] = lambda _: None) -> Judge:
    return Judge(Limits(memory_bytes=512 << 20, seconds=PATIENCE_SECONDS), pause=pause)


def _ask(judge: Judge, file: Path, kind: FileKind = FileKind.PARQUET) -> Verdict:
    return judge.judge([Question(path=str(file), kind=kind)])[str(file)]


def _same_status(file: Path, content: bytes) -> None:
    """Change a file's content so that nothing but the content shows it."""
    before = file.stat()
    with file.open("r+b") as stream:
        stream.write(content[: before.st_size].ljust(before.st_size, b"\0"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_unchanged_file_is_not_read_again(root: Path) -> None:
    """Whether it was good or bad; inode, size and time say whether it is unchanged."""
    file = write_parquet(root / "a.parquet", _ROWS)
    good, judge = file.read_bytes(), _judge()
    assert _ask(judge, file).reason is None
    _same_status(file, b"junk")
    assert _ask(judge, file).reason is None
    os.utime(file)
    assert _ask(judge, file).reason is Reason.INVALID
    _same_status(file, good)
    assert _ask(judge, file).reason is Reason.INVALID
    os.utime(file)
    assert _ask(judge, file).reason is None


def test_another_question_is_another_verdict(root: Path) -> None:
    """A manifest that comes later needs a digest that was not asked for before."""
    file, judge = write(root, "a.csv", "a\n1\n"), _judge()
    plain = Question(path=str(file), kind=FileKind.CSV)
    asked = Question(path=str(file), kind=FileKind.CSV, digest=True)
    assert judge.judge([plain])[str(file)].sha256 is None
    assert judge.judge([asked])[str(file)].sha256 is not None


def test_a_half_written_file_gets_time(root: Path) -> None:
    """A writer that ends between two looks has done nothing wrong."""
    file = write_parquet(root / "a.parquet", _ROWS)
    whole = file.read_bytes()
    file.write_bytes(whole[:50])
    pauses: list[float] = []

    def finish(seconds: float) -> None:
        pauses.append(seconds)
        file.write_bytes(whole)

    assert _ask(_judge(finish), file).reason is None
    assert len(pauses) == 1


def test_damage_takes_three_looks(root: Path) -> None:
    """Twice it may be chance."""
    file, pauses = write(root, "a.parquet", b"junk"), list[float]()
    assert _ask(_judge(pauses.append), file).reason is Reason.INVALID
    assert len(pauses) == 2


def test_a_file_that_goes_on_being_written_keeps_its_verdict_for_a_while(root: Path) -> None:
    """Three rounds; then a writer that never ends is a fault."""
    file = write_parquet(root / "a.parquet", _ROWS)
    whole = file.read_bytes()

    def write_on(_: float) -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    judge = _judge(write_on)
    assert _ask(judge, file).rows == 2
    file.write_bytes(whole[:50])
    for _ in range(3):
        verdict = _ask(judge, file)
        assert (verdict.reason, verdict.rows) == (None, 2)
    assert _ask(judge, file).reason is Reason.INVALID
    file.write_bytes(whole)
    assert _ask(judge, file).reason is None


def test_a_file_that_is_written_when_first_seen_is_no_good_yet(root: Path) -> None:
    """There is no earlier verdict to stand on."""
    file = write(root, "a.parquet", b"PAR1")

    def write_on(_: float) -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    assert _ask(_judge(write_on), file).reason is Reason.INVALID


def test_running_out_of_time_is_tried_again_later(root: Path) -> None:
    """It may have been the machine; but not at every round, which would keep the machine busy."""
    clock = _Clock()
    file = write_parquet(root / "a.parquet", _ROWS)
    limits = Limits(memory_bytes=512 << 20, seconds=0.001)
    judge = Judge(limits, pause=lambda _: None, monotonic=clock)
    first = _ask(judge, file)
    assert first.reason is Reason.TIMEOUT
    assert _ask(judge, file) is first
    clock.now += 601
    assert _ask(judge, file) is not first


def test_what_is_not_asked_for_is_forgotten(root: Path) -> None:
    """Memory does not grow with files that come and go."""
    judge = _judge()
    for number in range(20):
        file = write(root, f"{number}.json", "{}")
        verdicts = judge.judge([Question(path=str(file), kind=FileKind.JSON)])
        judge.forget(verdicts.keys())
    assert len(judge._known) == 1
