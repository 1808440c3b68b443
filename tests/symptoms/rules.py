"""Which alerts of the rule files are true of a scrape: their own expressions, run by promtool."""

import json
import math
import subprocess
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.samples import Sample

from tests.symptoms.page import Page
from tests.tools import find_tool

_RULES = Path(__file__).resolve().parents[2] / "alerts/rules"
# Two scrapes, so far apart that last_over_time(x[1m]) sees one and increase(x[5m]) both.
_APART = 120
_SCRAPE = {"instance": "here", "job": "tradewarden-exporter"}
_UP = Sample("up", {}, 1.0)

_Series = tuple[str, frozenset[tuple[str, str]]]


@cache
def alerts(stem: str) -> Mapping[str, str]:
    """Return the expressions of a scenario's alerts about bots, by name."""
    body: Any = yaml.safe_load((_RULES / f"{stem}.yml").read_text(encoding="utf-8"))
    return {
        rule["alert"]: rule["expr"]
        for group in body["groups"]
        for rule in group["rules"]
        if rule.get("alert", "").startswith("TradingBot")
    }


def judge(
    page: Page, before: Page, stem: str, fires: Collection[str], maybe: Collection[str] = ()
) -> None:
    """Assert which of a scenario's alerts are true now, all others being false.

    ``for`` is left out: it only delays. Unix times are moved to where promtool's clock is.

    Args:
        page: the scrape to judge.
        before: an earlier one, for what counts increases.
        stem: the scenario.
        fires: the alerts that must be true.
        maybe: alerts that are not judged, because what they wait for is another source's.
    """
    known = {name: expr for name, expr in alerts(stem).items() if name not in maybe}
    assert set(fires) <= known.keys(), f"{stem} has no {set(fires) - known.keys()}"
    tagged = " or ".join(
        f'label_replace(group({expr}), "alert", "{name}", "", "")' for name, expr in known.items()
    )
    expected = [{"labels": f'{{alert="{name}"}}', "value": 1} for name in sorted(fires)]
    test = {
        "interval": f"{_APART}s",
        "input_series": [s for s in _input(before, page) if _is_used(s["series"], tagged)],
        "promql_expr_test": [
            {"expr": tagged, "eval_time": f"{_APART}s", "exp_samples": expected},
        ],
    }
    said = _promtool("test", "rules", "/dev/stdin", text=json.dumps({"tests": [test]}))
    verdict = _verdict(said.stdout + said.stderr)
    assert said.returncode == 0, f"{stem} of {page.bot}: {verdict}; {_failures(before, page)}"


def check_metrics(page: Page) -> None:
    """Assert that promtool finds nothing to say about a whole page."""
    said = _promtool("check", "metrics", text=page.text)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def _input(before: Page, page: Page) -> Iterator[dict[str, str]]:
    old, new = _shifted(before, page.at), _shifted(page, page.at)
    for series in sorted({*old, *new}, key=str):
        name, labels = series
        pairs = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels))
        values = " ".join(_text(samples.get(series)) for samples in (old, new))
        yield {"series": f"{name}{{{pairs}}}", "values": values}


def _shifted(page: Page, now: float) -> dict[_Series, float]:
    return {
        (sample.name, frozenset({**_SCRAPE, **sample.labels}.items())): (
            sample.value - now + _APART if _is_time(sample.name) else sample.value
        )
        for sample in (*page.samples, _UP)
    }


def _is_used(series: str, expr: str) -> bool:
    return series[: series.index("{")] in expr


def _is_time(name: str) -> bool:
    return name.endswith(("_timestamp_seconds", "_start_time_seconds"))


def _text(value: float | None) -> str:
    if value is None:
        return "_"
    return repr(value) if math.isfinite(value) else {math.inf: "Inf"}.get(value, "NaN")


def _failures(before: Page, page: Page) -> list[str]:
    """Which sources have failed meanwhile, and why, for whoever reads of an alert too many."""
    name = "source_failures_total"
    old = {(s.labels["source"], s.labels["reason"]): s.value for s in before.find(name)}
    new = {(s.labels["source"], s.labels["reason"]): s.value for s in page.find(name)}
    return [f"{'/'.join(key)} {value:g}" for key, value in new.items() if value > old.get(key, 0)]


def _verdict(said: str) -> str:
    """What promtool expected and got, without the expression."""
    _, mark, rest = said.rpartition("exp:")
    return f"expected{rest}".strip() if mark else said[-2000:]


def _promtool(*arguments: str, text: str) -> "subprocess.CompletedProcess[str]":
    program = find_tool("promtool")
    if program is None:
        pytest.fail("promtool is not installed; `make tools` says how to get it")
    return subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
    )
