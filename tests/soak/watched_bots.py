"""The three bots of the day, one of each venue, as the configuration describes them."""

import json
from pathlib import Path
from typing import Any

from tests.hostile.bots import World
from tests.sim.holdings import AMOUNT, SYMBOL, Venue
from tests.sim.simulator import Simulator
from tests.sources.bots import write


def section(root: Path, world: World, venue: Venue) -> dict[str, Any]:
    """Write a bot's files and return its configuration."""
    symbol, own = SYMBOL[venue], world.own.url
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/positions.json", json.dumps({symbol: str(AMOUNT[venue])}))
    write(root, "state/heartbeat", "")
    write(root, "data/prices.json", '{"prices": [1, 2, 3]}')
    write(root, "backup/monday/positions.json", "{}")
    write(root, "config.yaml", "clock_sync: {warn_threshold_ms: 400}\n")
    write(root, "logs/bot.log", "")
    http = venue == "binance_spot"
    return {
        "name": venue,
        "mode": "paper",
        "root": str(root),
        "bot_config": "config.yaml",
        "venue": _venue(root, world.simulator, venue),
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"http": f"{own}/health"} if http else {"file": "state/heartbeat"},
        "metrics": {"url": f"{own}/metrics", "heartbeat": "bot_heartbeat_timestamp_seconds"},
        "paths": {"data": ["data/*.json"]},
        "tolerances": {"confirm_seconds": 0.3, "spot_baselines": {"BTC": "0", "USDT": "0"}},
    }


def _venue(root: Path, simulator: Simulator, venue: Venue) -> dict[str, Any]:
    ready, alpaca = simulator.ready, venue == "alpaca"
    role = "alpaca_exporter" if alpaca else "exporter"
    write(root, "env", f"KEY={ready[f'{role}_key']}\nSECRET={ready[f'{role}_secret']}\n")
    key = {"env_file": str(root / "env"), "key": "KEY", "secret": "SECRET"}
    url = ready["alpaca" if alpaca else "exchange"]
    stream = ready["stream_usdm" if venue == "binance_usdm" else "stream"]
    return {
        "kind": venue,
        "base_url": url,
        "symbols": [SYMBOL[venue]],
        "rate_limit_share": 0.5,
        "credentials": {"exporter": key},
        **(
            {"data_base_url": ready["alpaca_data"]}
            if alpaca
            else {"sapi_base_url": url, "stream_url": stream}
        ),
    }
