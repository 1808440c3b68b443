"""The data files that the simulated bot's owner has downloaded before it starts."""

import json
import math
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.sim.books.prices import SYMBOLS
from tests.sim.books.usdm import MIN_NOTIONAL, STEP, TICK

_ROWS = 500
_BAR_SECONDS = 300


def write_data(root: Path) -> None:
    """Write filters and features below ``data/``, and a backup of them.

    The same again for the same minute.
    """
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    size = {"minQty": format(STEP, "f"), "maxQty": "120", "stepSize": format(STEP, "f")}
    price = {"minPrice": format(TICK, "f"), "maxPrice": "1000000", "tickSize": format(TICK, "f")}
    one = {
        "PRICE_FILTER": price,
        "LOT_SIZE": size,
        "MIN_NOTIONAL": {"notional": format(MIN_NOTIONAL, "f")},
    }
    filters = {"generated_at": now.isoformat(), "filters": dict.fromkeys(SYMBOLS, one)}
    text = json.dumps(filters, indent=2) + "\n"
    (root / "data/binance_filters.json").write_text(text, encoding="utf-8")
    begin = int(now.timestamp()) - _ROWS * _BAR_SECONDS
    waves = [math.sin(row / 20) for row in range(_ROWS)]
    table = pa.table(
        {
            "timestamp": [begin + row * _BAR_SECONDS for row in range(_ROWS)],
            "close": [60_000 + 500 * wave for wave in waves],
            "volume": [10 + wave for wave in waves],
            "rsi": [50 + 20 * wave for wave in waves],
        }
    )
    pq.write_table(table, root / "data/features.parquet")
    shutil.copytree(root / "data", root / "backup/data", dirs_exist_ok=True)
