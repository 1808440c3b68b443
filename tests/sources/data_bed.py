"""Tables to damage, and a bot whose files are judged without waiting."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from exporter.readings import DataFileReading, DataReading
from exporter.sources.datafiles import DataFiles
from tests.sources.bots import make_bot

NOW = 4_000_000_000.0
PATIENCE_SECONDS = 300.0
FILTERS = (
    '{"symbols": [{"symbol": "BTCUSDT", "filters":'
    ' [{"filterType": "LOT_SIZE", "stepSize": "0.001"}]}]}'
)


def write_parquet(file: Path, columns: Mapping[str, Any], **options: Any) -> Path:
    """Write a table."""
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(dict(columns)), file, **options)
    return file


def make_files(
    root: Path,
    data: tuple[str, ...] = ("data/*",),
    pause: Callable[[float], None] = lambda _: None,
    **checks: Any,
) -> DataFiles:
    """Return the judge of a bot in ``root`` that does not wait between two looks."""
    # Its children run at the lowest priority, and on a busy machine for as long as that takes.
    checks = {"timeout_seconds": PATIENCE_SECONDS, **checks}
    bot = make_bot(root, paths={"data": data}, data_checks=checks)
    return DataFiles(bot, pause=pause, wall=lambda: NOW)


def by_name(reading: DataReading) -> dict[str, DataFileReading]:
    """Return the files by their labels."""
    return {file.file: file for file in reading.files}
