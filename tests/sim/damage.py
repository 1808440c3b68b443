"""What damaged files of each kind look like."""

import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_KEPT = 0.05


def damaged(path: Path, kind: str, ratio: float) -> bytes:
    """Return the file's content as it is after the damage.

    Raises:
        ValueError: if that kind of file cannot be damaged like that.
    """
    if kind == "truncated_json":
        content = path.read_bytes()
        return content[: len(content) // 2]
    if path.suffix == ".parquet":
        return _parquet(path, kind, ratio)
    if kind == "wrong_schema":
        return b'["unexpected"]\n'
    if kind == "shrunk":
        lines = path.read_bytes().splitlines(keepends=True)
        return b"".join(lines[: max(1, int(len(lines) * _KEPT))])
    if kind == "stale_filters":
        return _other_steps(path)
    raise ValueError(f"{kind} is not for {path.suffix} files")


def _parquet(path: Path, kind: str, ratio: float) -> bytes:
    table = pq.read_table(path)
    if kind == "nan_parquet":
        return _bytes_of(pa.table({n: _holed(table[n], ratio) for n in table.column_names}))
    if kind == "wrong_schema":
        return _bytes_of(pa.table({"unexpected": ["text"] * table.num_rows}))
    if kind == "shrunk":
        return _bytes_of(table.slice(0, max(1, int(table.num_rows * _KEPT))))
    raise ValueError(f"{kind} is not for .parquet files")


def _holed(column: pa.ChunkedArray, ratio: float) -> pa.ChunkedArray | pa.Array:
    if not pa.types.is_floating(column.type):
        return column
    chosen = random.Random("holes")
    values = column.to_pylist()
    holes = set(chosen.sample(range(len(values)), round(len(values) * ratio)))
    return pa.array([float("nan") if n in holes else v for n, v in enumerate(values)], column.type)


def _bytes_of(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _other_steps(path: Path) -> bytes:
    filters = json.loads(path.read_bytes())
    for symbol in filters["filters"].values():
        symbol["LOT_SIZE"]["stepSize"] = "1"
        symbol["PRICE_FILTER"]["tickSize"] = "1"
    return json.dumps(filters).encode()
