"""All of /metrics for two literal bots, byte by byte, and linted by promtool."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.collectors import COLLECTORS
from exporter.errors import Reason
from exporter.exposition import render, render_text
from exporter.own_metrics import own_metrics
from exporter.readings import ExitKind
from exporter.scrape import Scraper
from exporter.snapshot import Snapshot
from tests.collectors.full_bot import DAEMONS, HOST, full
from tests.collectors.snapshots import GOOD, NOW, RUNNING, healthy
from tests.sources.bots import make_bot
from tests.tools import find_tool

_GOLDEN = Path(__file__).parents[1] / "golden/metrics.prom"


def _text() -> str:
    """A bot of which everything is known, and one of which little is."""
    unwell = healthy(
        bot=make_bot(Path("/opt/second"), name="beta", mode="live"),
        health={
            "exchange": replace(GOOD, up=False, last_success=None, failures={Reason.TIMEOUT: 4})
        },
        clocks={},
        kill_switch=None,
        process=replace(RUNNING, up=False, pids=(), last_exit=ExitKind.UNCLEAN),
        heartbeat=None,
        positions=None,
        file_valid={"state/kill_switch_state.json": False},
        account=None,
        maintenance=None,
        latency={},
    )
    scraper = Scraper(clock=lambda: 0.0)
    own = own_metrics("0.1.0", reload_successful=True, reload_success_time=NOW)
    snapshot = Snapshot((full(), unwell), host=HOST, clock_daemons=DAEMONS)
    return render_text((*scraper.scrape(snapshot, 60.0), *own))


def test_the_golden_file_shows_every_metric() -> None:
    """What is declared can be seen in use, so nothing is declared in vain."""
    shown = _GOLDEN.read_text(encoding="utf-8")
    missing = [
        family.name
        for collector in COLLECTORS
        for family in collector.families
        if f"\n{family.sample_name}{{" not in shown
        and f"\n{family.sample_name} " not in shown
        and f"\n{family.sample_name}_bucket{{" not in shown
    ]
    assert not missing


def test_metrics_are_as_agreed(request: pytest.FixtureRequest) -> None:
    """Names, labels and help are an interface; --update-golden accepts a change."""
    if request.config.getoption("--update-golden"):
        _GOLDEN.write_text(_text(), encoding="utf-8")
    assert _text() == _GOLDEN.read_text(encoding="utf-8")


def test_promtool_finds_nothing_to_say() -> None:
    """Naming rules are Prometheus' own."""
    promtool = find_tool("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    result = subprocess.run(
        [promtool, "check", "metrics"],
        input=_GOLDEN.read_bytes(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_nothing_carries_a_created_series() -> None:
    """They double the counters and nobody reads them."""
    body, content_type = render(
        Scraper().scrape(Snapshot((full(),)), 60.0), "application/openmetrics-text; version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    for page in (body, _GOLDEN.read_bytes()):
        assert not re.search(rb"_created[{ ]", page)


def test_one_bot_is_a_few_hundred_series() -> None:
    """A scrape stays cheap."""
    text = render_text(Scraper().scrape(Snapshot((full(),)), 60.0))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) < 600
