"""Write the stack's configuration: the shipped files with only addresses and intervals changed."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
SCRAPE_SECONDS = 1

# One-second probing and short proofs, so that a drill fits into minutes. A real
# bot keeps the defaults.
FAST_EXPORTER: Mapping[str, Any] = {
    "poll_seconds": 0.5,
    "ntp_poll_seconds": 0.5,
    "stale_intervals": 6,
    "timeout_seconds": 5.0,
    "account_poll_seconds": 0.5,
    "key_poll_seconds": 5.0,
    "rules_poll_seconds": 5.0,
    "data_poll_seconds": 2.0,
}
FAST_REMEDIATION: Mapping[str, Any] = {
    "dry_run": False,
    "reconcile_seconds": 5,
    "verify_samples": 3,
    "verify_interval_seconds": 0.5,
    # A twin must have started and beaten within it.
    "dry_run_seconds": 4,
    "live_proof_seconds": 60,
    "stop_seconds": 60,
    "command_seconds": 60,
    "escalation_repeat_seconds": 5,
}


@dataclass(frozen=True)
class Addresses:
    """Where each program of the stack listens, as host:port."""

    exporter: str
    remediation: str
    prometheus: str
    alertmanager: str


@dataclass(frozen=True)
class Files:
    """What has been written, and the secrets in it."""

    config: Path
    prometheus: Path
    alertmanager: Path
    operator_token: Path
    webhook_token: Path


def render(
    directory: Path,
    addresses: Addresses,
    sim: Mapping[str, Any],
    roots: Mapping[str, Path],
    *,
    remediation: Mapping[str, Any] | None = None,
) -> Files:
    """Write every file that the stack's programs read."""
    directory.mkdir(parents=True, exist_ok=True)
    files = Files(
        config=directory / "tradewarden.yml",
        prometheus=directory / "prometheus.yml",
        alertmanager=directory / "alertmanager.yml",
        operator_token=directory / "operator.token",
        webhook_token=directory / "webhook.token",
    )
    for token in (files.operator_token, files.webhook_token):
        _write_secret(token, secrets.token_urlsafe(24))
    settings = {
        **FAST_REMEDIATION,
        "data_dir": str(directory / "data"),
        "webhook_token_file": str(files.webhook_token),
        "operators": [{"name": "demo-operator", "token_file": str(files.operator_token)}],
        "external_url": f"http://{addresses.remediation}",
        **(remediation or {}),
    }
    keys = _write_keys(directory, sim)
    config = {
        "prometheus_url": f"http://{addresses.prometheus}",
        "alertmanager_urls": [f"http://{addresses.alertmanager}"],
        "bots": [_bot(name, root, sim, keys) for name, root in roots.items()],
        "exporter": {
            "ntp_servers": sim["ntp"],
            "clock_references": [{"kind": "binance_usdm", "base_url": sim["reference"]}],
            "data_dir": str(directory / "exporter"),
            **FAST_EXPORTER,
        },
        "remediation": settings,
    }
    _dump(files.config, config)
    _dump(files.prometheus, _prometheus(addresses))
    _dump(files.alertmanager, _alertmanager(addresses, sim, files.webhook_token))
    return files


def _bot(
    name: str, root: Path, sim: Mapping[str, Any], keys: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    script = ["script_live.py", "--config", "configs/config_live.yaml"]
    clockctl = [sys.executable, str(PROJECT / "tests/sim/clockctl.py")]
    control = ["--control", sim["control"]]
    return {
        "name": name,
        "mode": "paper",
        "root": str(root),
        "bot_config": "configs/config_live.yaml",
        "venue": {
            "kind": "binance_usdm",
            "base_url": sim["exchange"],
            "sapi_base_url": sim["exchange"],
            "stream_url": sim["stream_usdm"],
            "symbols": ["BTCUSDT"],
            "rate_limit_share": 0.5,
            "account": name,
            "client_order_prefix": "tb2-",
            "credentials": {
                "bot": {
                    "env_file": str(root / ".env"),
                    "key": "BINANCE_API_KEY",
                    "secret": "BINANCE_API_SECRET",
                },
                "exporter": keys["exporter"],
                "remediation": keys["remediation"],
            },
        },
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat", "max_age_seconds": 10},
        "commands": {
            "start": ["setsid", "--fork", sys.executable, *script],
            "start_dry_run": [sys.executable, *script, "--dry-run"],
            # The demo's clock commands move the simulator's clocks, never the host's.
            "resync_clock": {
                "slew": [*clockctl, "slew", *control],
                "step": [*clockctl, "step", *control],
            },
        },
    }


def _prometheus(addresses: Addresses) -> dict[str, Any]:
    config: dict[str, Any] = _shipped("prometheus.yml")
    every = f"{SCRAPE_SECONDS}s"
    config["global"] |= {
        "scrape_interval": every,
        "scrape_timeout": every,
        "evaluation_interval": every,
    }
    config["rule_files"] = [str(PROJECT / "alerts" / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
        addresses.alertmanager
    ]
    where = {
        "tradewarden-exporter": addresses.exporter,
        "tradewarden-remediation": addresses.remediation,
        "prometheus": addresses.prometheus,
        "alertmanager": addresses.alertmanager,
    }
    for job in config["scrape_configs"]:
        job["static_configs"][0]["targets"] = [where[job["job_name"]]]
    return config


def _alertmanager(addresses: Addresses, sim: Mapping[str, Any], token: Path) -> dict[str, Any]:
    config: dict[str, Any] = _shipped("alertmanager.yml")
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", ()):
            if receiver["name"] == "remediation":
                hook["url"] = f"http://{addresses.remediation}/webhook/alertmanager"
                hook["http_config"]["authorization"]["credentials_file"] = str(token)
            else:
                hook["url"] = sim["pager"]
    return config


def _shipped(name: str) -> Any:
    return yaml.safe_load((PROJECT / "alerts" / name).read_text(encoding="utf-8"))


def _write_keys(directory: Path, sim: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    keys = {}
    for role in ("exporter", "remediation"):
        pair = {}
        for part in ("key", "secret"):
            file = directory / f"{role}.{part}"
            _write_secret(file, sim[f"{role}_{part}"])
            pair[f"{part}_file"] = str(file)
        keys[role] = pair
    return keys


def _write_secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    os.chmod(file, 0o600)  # noqa: PTH101 - also when the file was there before
    file.write_text(text, encoding="utf-8")


def _dump(file: Path, config: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
