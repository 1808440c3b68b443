"""Install a simulated bot: ``python -m tests.sim.install ROOT --ready-file F``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from tests.sim.installed_data import write_data

_PROJECT = Path(__file__).resolve().parents[2]
_SCRIPT = '''"""Start TradingBot2 (simulated)."""

import sys

sys.path.insert(0, {project!r})

from tests.sim.bot import main

sys.exit(main())
'''


def install_bot(
    root: Path,
    ready: Mapping[str, Any],
    *,
    kill_threshold_ms: float = 5000,
    warn_threshold_ms: float = 500,
    stream: bool = False,
    metrics_port: int | None = None,
) -> Path:
    """Create the bot's root for the simulator that printed ``ready``; return it.

    State and logs of an earlier installation are left alone. With ``stream`` the bot listens to
    market data, and logs its loss; with ``metrics_port`` it has metrics of its own.
    """
    for name in ("configs", "state", "logs", "data", "backup"):
        (root / name).mkdir(parents=True, exist_ok=True)
    exchange = {"base_url": ready["exchange"]}
    if stream:
        exchange["stream_url"] = f"{ready['stream_usdm']}/public"
    config: dict[str, Any] = {
        "exchange": exchange,
        "symbol": "BTCUSDT",
        "bar_seconds": 5,
        "clock_sync": {
            "warn_threshold_ms": warn_threshold_ms,
            "kill_threshold_ms": kill_threshold_ms,
            "refresh_sec": 1,
        },
        "latency": {"timeout_ms": 2500, "retries": 1},
        "execution_params": {"ttl_steps": 1},
        "kill_switch": {"max_consecutive_errors": 5},
    }
    if metrics_port is not None:
        config["metrics"] = {"port": metrics_port}
    (root / "script_live.py").write_text(_SCRIPT.format(project=str(_PROJECT)), encoding="utf-8")
    (root / "configs/config_live.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    write_data(root)
    env = root / ".env"
    env.touch(mode=0o600)
    env.write_text(
        f"BINANCE_API_KEY={ready['api_key']}\nBINANCE_API_SECRET={ready['api_secret']}\n",
        encoding="utf-8",
    )
    return root


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--ready-file", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--kill-threshold-ms", type=click.FloatRange(1), default=5000, show_default=True)
@click.option("--warn-threshold-ms", type=click.FloatRange(1), default=500, show_default=True)
@click.option("--stream", is_flag=True, help="Listen to market data.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve metrics of its own.")
def main(root: Path, ready_file: Path, **options: Any) -> None:
    """Create a bot's root directory."""
    ready = json.loads(ready_file.read_text(encoding="utf-8"))
    print(install_bot(root, ready, **options))


if __name__ == "__main__":
    main()
