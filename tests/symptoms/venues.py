"""A bot of each venue, as its owner configures it and as its files are while all is well."""

import json
import shutil
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from tests.sim.holdings import SYMBOL, Venue
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator
from tests.sources.bots import write

VENUES: tuple[Venue, ...] = ("binance_spot", "binance_usdm", "alpaca")
PREFIX = "tb2-"
ROLES = ("bot", "exporter", "remediation")
MARKET_DATA_SECONDS = 5.0
TTL_SECONDS = 300.0
HELD: dict[Venue, str] = {"binance_spot": "0.1", "binance_usdm": "0.010", "alpaca": "10"}
_DATA = ["data/features.parquet", "data/binance_filters.json"]
_DAY_SECONDS = 86400.0

# Each source has a rhythm of its own: what a test waits for a fast one, so that it is soon over.
_RHYTHMS = ("poll", "ntp_poll", "account_poll", "key_poll", "data_poll", "rules_poll")
_FAST_SECONDS = 0.3
_SLOW_SECONDS = 10.0


def intervals(fast: Collection[str]) -> dict[str, float]:
    """Return how often the exporter asks, by the name of the setting without its unit."""
    assert set(fast) <= set(_RHYTHMS), fast
    return {
        f"{name}_seconds": _FAST_SECONDS if name in fast else _SLOW_SECONDS for name in _RHYTHMS
    }


def install(root: Path, simulator: Simulator, kind: Venue) -> None:
    """Put a bot's files in place; what it believes to hold is in its account, too."""
    install_bot(root, simulator.ready)
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    believe(root, **{SYMBOL[kind]: HELD[kind]})
    write(root, "state/heartbeat", "")
    write(root, "logs/bot.log", "")
    if kind != "binance_usdm":
        (root / "data/binance_filters.json").unlink()  # they are of USD-M
    shutil.copytree(root / "state", root / "backup/state")
    for role in ROLES:
        put_key(root, simulator, kind, role)


def put_key(root: Path, simulator: Simulator, kind: Venue, role: str) -> None:
    """Put a role's key where the role looks for it."""
    world = simulator.world
    pair = (world.alpaca_keys if kind == "alpaca" else world.keys)[role]
    write(root.parent, f"keys/{kind}_{role}.key", pair.key)
    write(root.parent, f"keys/{kind}_{role}.secret", pair.secret)
    if role == "bot":
        write(root, ".env", f"BINANCE_API_KEY={pair.key}\nBINANCE_API_SECRET={pair.secret}\n")


def section(root: Path, simulator: Simulator, kind: Venue) -> dict[str, Any]:
    """Return the bot's part of the configuration; its name is its venue's."""
    return {
        "name": kind,
        "mode": "paper",
        "root": str(root),
        "venue": _venue(root, simulator, kind),
        # By name, and so they must be there; what only a pattern finds may come and go.
        "paths": {"data": _DATA if kind == "binance_usdm" else _DATA[:1]},
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat"},
        "tolerances": {
            "confirm_seconds": 0.2,
            "spot_baselines": {"BTC": "0", "ETH": "4", "BNB": "0"},
        },
        "execution_params": {"ttl_steps": 1},
        "bar_seconds": TTL_SECONDS,
        "market_data": {"max_age_seconds": MARKET_DATA_SECONDS},
        "data_checks": {"max_nan_ratio": 0.05, "max_age_seconds": 30 * _DAY_SECONDS},
    }


def believe(root: Path, **quantities: str) -> None:
    """Write what the bot believes to hold."""
    rows = {symbol: {"qty": quantity} for symbol, quantity in quantities.items()}
    write(root, "state/positions.json", json.dumps(rows))


def holdings(kinds: Iterable[Venue]) -> list[dict[str, Any]]:
    """Return settings of the simulator by which the accounts hold what the bots believe."""
    return [{"venue": kind, "symbol": SYMBOL[kind], "quantity": HELD[kind]} for kind in kinds]


def fresh_keys() -> dict[str, dict[str, Any]]:
    """Return settings of the simulator that make every key a day old."""
    created = int((time.time() - _DAY_SECONDS) * 1000)
    return {role: {"created": created} for role in ROLES}


def _venue(root: Path, simulator: Simulator, kind: Venue) -> dict[str, Any]:
    ready = simulator.ready
    keys = root.parent / "keys"
    files = {
        role: {
            "key_file": str(keys / f"{kind}_{role}.key"),
            "secret_file": str(keys / f"{kind}_{role}.secret"),
        }
        for role in ROLES
        if role != "bot"
    }
    env = {"env_file": str(root / ".env"), "key": "BINANCE_API_KEY", "secret": "BINANCE_API_SECRET"}
    common = {
        "kind": kind,
        "client_order_prefix": PREFIX,
        "symbols": [SYMBOL[kind]],
        "credentials": {**files, "bot": env},
    }
    if kind == "alpaca":
        return {**common, "base_url": ready["alpaca"], "data_base_url": ready["alpaca_data"]}
    stream = ready["stream" if kind == "binance_spot" else "stream_usdm"]
    base = ready["exchange"]
    return {**common, "base_url": base, "sapi_base_url": base, "stream_url": stream}
