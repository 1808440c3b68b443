"""The shipped rule files as data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
ALERTS = REPO / "alerts"

_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Rule:
    """One alerting rule and the stem of the file it is in."""

    stem: str
    alert: str
    expr: str
    wait: float
    keep_firing: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def remediable(self) -> bool:
        """Whether a playbook may start on it."""
        return "remediate" in self.labels


def seconds(duration: str) -> float:
    """A Prometheus duration such as ``1m30s``."""
    parts = re.findall(r"(\d+)([smh])", duration)
    if "".join(n + u for n, u in parts) != duration:
        raise ValueError(duration)
    return float(sum(int(n) * _UNITS[u] for n, u in parts))


def read_yaml(path: Path) -> Any:
    """A YAML file's content."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _read_rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(
            stem=path.stem,
            alert=rule["alert"],
            expr=rule["expr"],
            wait=seconds(rule.get("for", "0s")),
            keep_firing=seconds(rule.get("keep_firing_for", "0s")),
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
        )
        for path in sorted((ALERTS / "rules").glob("*.yml"))
        for group in read_yaml(path)["groups"]
        for rule in group["rules"]
    )


RULES = _read_rules()
