"""Every format, whole and damaged, judged by a real child process."""

import gzip
import tarfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from exporter.errors import Reason
from exporter.readings import FileKind
from exporter.sources import data_runner
from exporter.sources.data_verdict import Limits, Question, Shape, Verdict, is_archive, kind_of
from tests.sources.bots import write
from tests.sources.data_bed import FILTERS, PATIENCE_SECONDS, write_parquet

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)
_LIMITS = Limits(memory_bytes=512 << 20, seconds=PATIENCE_SECONDS)
_NAN = float("nan")
_GOOD = {
    "price": [1.5, _NAN, None, 4.0],
    "count": [1, 2, None, 4],
    "fee": [Decimal("0.1"), None, Decimal("0.2"), Decimal("0.3")],
    "small": pa.array([1.0, _NAN, 2.0, 3.0], pa.float16()),
    "symbol": ["BTCUSDT", None, "ETHUSDT", "BTCUSDT"],
}


def _judge(*files: Path, limits: Limits = _LIMITS, shape: Shape = Shape.ANY) -> list[Verdict]:
    questions = [Question(path=str(f), kind=kind_of(f.name), shape=shape) for f in files]
    verdicts = data_runner.judge(questions, limits)
    return [verdicts[str(file)] for file in files]


def test_a_table_is_counted(root: Path) -> None:
    """Rows, and NaN or null among the cells of numeric columns only."""
    (verdict,) = _judge(write_parquet(root / "data/a.parquet", _GOOD))
    assert (verdict.reason, verdict.rows, verdict.nan_ratio) == (None, 4, 5 / 16)
    assert verdict.settled
    assert verdict.identity is not None
    assert verdict.identity.size == (root / "data/a.parquet").stat().st_size


def test_an_empty_table_is_a_table(root: Path) -> None:
    """Whether no rows are enough is not the format's to say."""
    (verdict,) = _judge(write_parquet(root / "a.parquet", {"price": pa.array([], pa.float64())}))
    assert (verdict.reason, verdict.rows, verdict.nan_ratio) == (None, 0, None)


def _cut(data: bytearray) -> None:
    del data[-30:]


def _flip_page(data: bytearray) -> None:
    data[len(data) // 8] ^= 0xFF
    data[len(data) // 4] ^= 0xFF


def _flip_footer(data: bytearray) -> None:
    data[-60] ^= 0xFF


def _overwrite(data: bytearray) -> None:
    data[:] = b"PAR1" + b"\0" * (len(data) - 8) + b"PAR1"


@pytest.mark.parametrize("damage", [_cut, _flip_page, _flip_footer, _overwrite])
def test_a_damaged_table_is_invalid(root: Path, damage: Callable[[bytearray], None]) -> None:
    """Wherever the damage is: all of every column is decoded."""
    rows = {name: values * 50 for name, values in _GOOD.items() if isinstance(values, list)}
    whole = write_parquet(root / "a.parquet", rows, write_page_checksum=True).read_bytes()
    data = bytearray(whole)
    damage(data)
    (verdict,) = _judge(write(root, "b.parquet", bytes(data)))
    assert verdict.reason is Reason.INVALID
    assert verdict.detail
    assert "\n" not in verdict.detail


def test_text_is_no_parquet_and_the_other_way_round(root: Path) -> None:
    """A download that saved an error page under a table's name."""
    table = write_parquet(root / "a.parquet", _GOOD).read_bytes()
    html, binary = write(root, "b.parquet", "<html>503</html>"), write(root, "c.csv", table)
    assert [v.reason for v in _judge(html, binary)] == [Reason.INVALID] * 2


@pytest.mark.parametrize(
    ("text", "rows", "nan_ratio"),
    [
        ("time,price,note\n1,2.5,a\n2,nan,b\n3,,c\n4,-1e-3,\n", 4, 2 / 8),
        ("time;price\r\n2026-01-01 00:00:00;1\r\n2026-01-01 00:00:01;NaN\r\n", 2, 1 / 2),
        ('a\tb\n"x\ny"\t1\nz\tinf\n', 2, 0.0),
        ("a,a\n1,nan\n2,N/A\n", 2, 1 / 2),
        ("only_text\nx\ny\n", 2, None),
        ("price\n1\ngarbage\n2\n", 3, 1 / 3),
        ("price,volume\n", 0, None),
    ],
)
def test_csv_is_read_as_people_write_it(
    root: Path, text: str, rows: int, nan_ratio: float | None
) -> None:
    """Delimiters, line ends, quotes; text in a numeric column is no number."""
    plain = write(root, "a.csv", text)
    packed = write(root, "b.csv.gz", gzip.compress(text.encode()))
    for verdict in _judge(plain, packed):
        assert (verdict.reason, verdict.rows, verdict.nan_ratio) == (None, rows, nan_ratio)


@pytest.mark.parametrize(
    "data",
    [
        b"time,price\n1,2\n3",
        b"time,price\n1,2,3\n",
        b"time,price\n1,\xff\xfe\n",
        b"\xff\xfet\0i\0m\0e\0",
        b"",
        b"\n1,2\n",
    ],
)
def test_damaged_csv_is_invalid(root: Path, data: bytes) -> None:
    """Rows cut short or run together, another encoding, nothing."""
    (verdict,) = _judge(write(root, "a.csv", data))
    assert verdict.reason is Reason.INVALID


def test_what_a_parser_quotes_is_not_repeated(root: Path) -> None:
    """A verdict goes into logs; a file's content does not."""
    (verdict,) = _judge(write(root, "a.csv", "key,secret\na,b,hunter2\n"))
    assert "Expected 2 columns, got 3" in verdict.detail
    assert "hunter2" not in verdict.detail


def test_json_is_strict_and_an_object_or_a_list(root: Path) -> None:
    """Large ones are read in the child; the rules are those of the small ones."""
    texts = {"a": "[]", "b": "{}", "c": "3", "d": "{", "e": '{"x": NaN}', "f": '{"x":1,"x":2}'}
    files = [write(root, f"{name}.json", text) for name, text in texts.items()]
    reasons = [verdict.reason for verdict in _judge(*files)]
    assert reasons == [None, None, *[Reason.INVALID] * 4]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (FILTERS, True),
        ('{"filters": {"BTCUSDT": {"LOT_SIZE": {"stepSize": "0.001"}}}}', True),
        ('{"BTCUSDT": {"tick_size": 0.1, "step_size": 0.001}}', True),
        ('{"symbols": []}', False),
        ('{"code": -1003, "msg": "Too many requests"}', False),
        ('{"BTCUSDT": {}}', False),
        ("[]", False),
    ],
)
def test_filters_must_name_symbols(root: Path, text: str, good: bool) -> None:
    """An error that was saved in place of the filters parses, too."""
    (verdict,) = _judge(write(root, "filters.json", text), shape=Shape.FILTERS)
    assert (verdict.reason is None) is good


def _archives(root: Path, content: bytes) -> list[Path]:
    member = write(root, "member/state.json", content)
    data = write(root, "member/model.bin", bytes(range(256)) * 400)
    packed = [root / name for name in ("a.tar.gz", "a.tar", "a.tar.xz", "a.zip")]
    for file in packed[:3]:
        mode = "w:" + file.name.removeprefix("a.tar").removeprefix(".")
        with tarfile.open(file, mode) as tar:  # type: ignore[call-overload]
            tar.add(root / "member", "backup")
    with zipfile.ZipFile(packed[3], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(member, "backup/state.json")
        archive.write(data, "backup/model.bin")
    return packed


def test_archives_are_read_to_their_end(root: Path) -> None:
    """Their own checksums are checked, and JSON in them is judged."""
    good = _archives(root, b'{"tripped": false}')
    assert all(is_archive(file.name) for file in good)
    assert [v.reason for v in _judge(*good, shape=Shape.ARCHIVE)] == [None] * 4
    for file in good:
        data = file.read_bytes()
        file.write_bytes(data[: len(data) * 2 // 3])
    assert [v.reason for v in _judge(*good, shape=Shape.ARCHIVE)] == [Reason.INVALID] * 4
    bad = _archives(root, b'{"tripped": fal')
    for verdict in _judge(*bad, shape=Shape.ARCHIVE):
        assert verdict.reason is Reason.INVALID
        assert "state.json in it is not JSON" in verdict.detail


def test_a_bomb_dies_in_the_child(root: Path) -> None:
    """Tens of kilobytes that unfold to more than is allowed; those beside it are judged."""
    fill = pa.array(["x" * (150 << 20)], pa.large_string())
    bomb = write_parquet(root / "bomb.parquet", {"a": fill}, compression="zstd")
    assert bomb.stat().st_size < 1 << 20
    listing = write(root, "big.json", "[" + "[],[1],{}," * 1_200_000 + "0]")
    before = write_parquet(root / "a.parquet", _GOOD)
    tight = Limits(memory_bytes=256 << 20, seconds=PATIENCE_SECONDS)
    verdicts = _judge(before, bomb, listing, write(root, "z.csv", "a\n1\n"), limits=tight)
    assert [v.reason for v in verdicts] == [None, Reason.TOO_LARGE, Reason.TOO_LARGE, None]
    assert (verdicts[0].rows, verdicts[3].rows) == (4, 1)


def test_a_gzip_bomb_takes_time_not_memory(root: Path) -> None:
    """It is streamed; the time limit ends it, and the child with it."""
    head, rows = gzip.compress(b"a,b\n"), gzip.compress(b"1,2\n" * 1_000_000)
    bomb = write(root, "bomb.csv.gz", head + rows * 1000)
    quick = Limits(memory_bytes=512 << 20, seconds=3.0)
    # What comes after it must be read in that time, too, on a busy machine: no table.
    verdicts = _judge(bomb, write(root, "z.json", "[]"), limits=quick)
    assert [v.reason for v in verdicts] == [Reason.TIMEOUT, None]


def test_what_is_no_file_is_said(root: Path) -> None:
    """Missing, a directory; the child opens nothing that could block it."""
    (root / "d.csv").mkdir()
    verdicts = _judge(root / "none.csv", root / "d.csv")
    assert [v.reason for v in verdicts] == [Reason.MISSING, Reason.UNREADABLE]


def test_the_digest_is_of_the_whole_file(root: Path) -> None:
    """The one that ``sha256sum`` prints."""
    file = write(root, "model.bin", b"abc")
    question = Question(path=str(file), kind=FileKind.OTHER, digest=True)
    verdict = data_runner.judge([question], _LIMITS)[str(file)]
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (verdict.reason, verdict.sha256) == (None, expected)


def test_a_table_larger_than_memory_is_read_in_pieces(root: Path) -> None:
    """Row groups are read one after the other: the whole never is in memory."""
    file = root / "long.parquet"
    column = pa.array([1.0, 2.0] * (1 << 20))
    with parquet.ParquetWriter(file, pa.schema([("a", pa.float64()), ("b", pa.float64())])) as out:
        for _ in range(20):
            out.write_table(pa.table({"a": column, "b": column}))
    whole = 2 * 20 * column.nbytes
    (verdict,) = _judge(file)
    assert whole > _LIMITS.memory_bytes
    assert (verdict.reason, verdict.rows, verdict.nan_ratio) == (None, 40 << 20, 0.0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.json", FileKind.JSON),
        ("A.PARQUET", FileKind.PARQUET),
        ("a.pq", FileKind.PARQUET),
        ("a.csv.gz", FileKind.CSV),
        ("a.json.gz", FileKind.OTHER),
        ("model.bin", FileKind.OTHER),
    ],
)
def test_the_name_tells_the_format(name: str, kind: FileKind) -> None:
    """Nothing else does before the file is read."""
    assert kind_of(name) is kind
