"""Reads whole files of one format, a piece at a time; only the short-lived child does this.

pyarrow is imported where it is needed: it would double the memory of a program that runs on.
"""

import hashlib
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from exporter.errors import Reason, SourceError
from exporter.readings import FileKind
from exporter.sources import files
from exporter.sources.data_shapes import judge_shape
from exporter.sources.data_verdict import Identity, Question, Shape, Verdict, kind_of

_CHUNK = 1 << 20
_BATCH_ROWS = 32 * 1024
_CSV_BLOCK = 1 << 20
_MEMBER_LIMIT = 16 << 20
_DELIMITERS = (",", ";", "\t", "|")
_NUMBER = r"^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$|^\s*[-+]?[iI]nf(?:inity)?\s*$"
_NO_NUMBER = r"^\s*[-+]?(?:nan|null|none|n/?a|<na>)\s*$"


@dataclass
class _Table:
    """What was counted of a table so far."""

    rows: int = 0
    cells: int = 0
    missing: int = 0

    @property
    def nan_ratio(self) -> float | None:
        """The share of numeric cells without a number; None without such cells."""
        return self.missing / self.cells if self.cells else None


def judge(question: Question) -> Verdict:
    """Judge one file by reading all of it; never raises for what the file holds."""
    try:
        descriptor = os.open(question.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Verdict(reason=Reason.MISSING, detail="does not exist")
    except (OSError, ValueError) as error:
        return Verdict(reason=Reason.UNREADABLE, detail=f"cannot be read: {_cause(error)}")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return Verdict(reason=Reason.UNREADABLE, detail="is not a regular file")
    with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
        before = Identity.of(status)
        verdict = _judge_content(question, stream)
        settled = _identity(question.path) == before
        detail = " ".join(verdict.detail.encode("utf-8", "replace").decode().split())[:300]
        return msgspec.structs.replace(verdict, detail=detail, identity=before, settled=settled)


def _identity(path: str) -> Identity | None:
    try:
        return Identity.of(Path(path).stat())
    except OSError:
        return None


def _judge_content(question: Question, stream: BinaryIO) -> Verdict:
    try:
        table = _read(question, stream)
        digest = _sha256(stream) if question.digest else None
    except MemoryError:
        return Verdict(reason=Reason.TOO_LARGE, detail="needs more memory than is allowed")
    except SourceError as error:
        return Verdict(reason=error.reason, detail=error.detail)
    except OSError as error:
        # pyarrow reports a damaged file as OSError without an error number.
        reason = Reason.UNREADABLE if error.errno else Reason.INVALID
        return Verdict(reason=reason, detail=_cause(error))
    except Exception as error:  # noqa: BLE001 - whatever a parser says of hostile bytes
        return Verdict(reason=Reason.INVALID, detail=_cause(error))
    if table is None:
        return Verdict(sha256=digest)
    return Verdict(rows=table.rows, nan_ratio=table.nan_ratio, sha256=digest)


def _read(question: Question, stream: BinaryIO) -> _Table | None:
    if not os.fstat(stream.fileno()).st_size:
        raise SourceError(Reason.INVALID, "is empty")
    if question.shape is Shape.ARCHIVE:
        _read_archive(question.path, stream)
    elif question.kind is FileKind.JSON:
        judge_shape(files.parse_json(stream.read()), question.shape)
    elif question.kind is FileKind.PARQUET:
        return _read_parquet(stream)
    elif question.kind is FileKind.CSV:
        return _read_csv(stream, compressed=question.path.lower().endswith(".gz"))
    else:
        stream.read(_CHUNK)
    return None


def _read_parquet(stream: BinaryIO) -> _Table:
    """Decode every page of every column, so that damage anywhere shows."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    table = _Table()
    source = parquet.ParquetFile(pa.PythonFile(stream), pre_buffer=False, buffer_size=_CHUNK)
    for batch in source.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        table.rows += batch.num_rows
        for column in batch.columns:
            kind = column.type
            numeric = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
            if pa.types.is_floating(kind):
                column = column.cast(pa.float64())  # noqa: PLW2901 - is_nan knows no half floats
                table.missing += pc.sum(pc.is_nan(column)).as_py() or 0
                numeric = True
            if numeric:
                table.cells += len(column)
                table.missing += column.null_count
    return table


def _read_csv(stream: BinaryIO, *, compressed: bool) -> _Table:
    """Read all columns as text, so that a number of another type is no damage.

    A column is numeric if most of what its first rows hold is a number (or says NaN).
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    table = _Table()
    names, delimiter = _header(stream, compressed=compressed)
    source = pa.PythonFile(stream)
    reader = csv.open_csv(
        pa.CompressedInputStream(source, "gzip") if compressed else source,
        read_options=csv.ReadOptions(
            use_threads=False, block_size=_CSV_BLOCK, column_names=names, skip_rows=1
        ),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    numeric: list[int] | None = None
    for batch in reader:
        if not batch.num_rows:
            continue
        if numeric is None:
            numeric = [n for n, column in enumerate(batch.columns) if _is_numeric(column, pc)]
        table.rows += batch.num_rows
        for number in numeric:
            found = pc.sum(pc.match_substring_regex(batch.column(number), _NUMBER)).as_py()
            table.cells += batch.num_rows
            table.missing += batch.num_rows - (found or 0)
    return table


def _header(stream: BinaryIO, *, compressed: bool) -> tuple[list[str], str]:
    """Return unique column names and the delimiter; leave the stream at its start."""
    import csv  # noqa: PLC0415
    import gzip  # noqa: PLC0415

    source = gzip.GzipFile(fileobj=stream) if compressed else stream
    line = source.readline(_CHUNK).decode("utf-8-sig").strip("\r\n")
    stream.seek(0)
    if not line:
        raise SourceError(Reason.INVALID, "has no header line")
    delimiter = max(_DELIMITERS, key=line.count)
    columns = next(csv.reader([line], delimiter=delimiter))
    return [f"{number}:{name}" for number, name in enumerate(columns)], delimiter


def _is_numeric(column: Any, pc: Any) -> bool:
    filled = len(column) - pc.sum(pc.equal(pc.utf8_trim_whitespace(column), "")).as_py()
    numbers = pc.sum(pc.match_substring_regex(column, _NUMBER)).as_py()
    missing = pc.sum(pc.match_substring_regex(column, _NO_NUMBER, ignore_case=True)).as_py()
    return bool(filled) and (numbers + missing) * 2 > filled


def _read_archive(path: str, stream: BinaryIO) -> None:
    """Read every member to its end, which checks its checksum; judge JSON ones."""
    if path.lower().endswith(".zip"):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    _read_member(info.filename, member.read, size=info.file_size)
        return
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        count = 0
        for entry in tar:
            count += 1
            content = tar.extractfile(entry) if entry.isfile() else None
            if content is not None:
                _read_member(entry.name, content.read, size=entry.size)
        if not count:
            raise SourceError(Reason.INVALID, "is an empty archive")
        while tar.fileobj is not None and tar.fileobj.read(_CHUNK):
            pass  # the compressed stream's own checksum stands at its end


def _read_member(name: str, read: Callable[[int], bytes], *, size: int) -> None:
    if kind_of(name) is FileKind.JSON and size <= _MEMBER_LIMIT:
        try:
            judge_shape(files.parse_json(read(size + 1)), Shape.ANY)
        except SourceError as error:
            raise SourceError(error.reason, f"{name[:100]} in it {error.detail}") from error
    while read(_CHUNK):
        pass


def _sha256(stream: BinaryIO) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _cause(error: BaseException) -> str:
    """One line about an error. A parser quotes the file at the end: that is left out."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    quoted = re.search(r"(got \d+|invalid value)\b.*", text, re.DOTALL)
    text = text[: quoted.end(1)] if quoted else text
    return f"{type(error).__name__}: {' '.join(text.split())[:160]}"
