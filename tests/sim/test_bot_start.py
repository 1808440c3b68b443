"""How the simulated bot is installed and started, beside others and after lost answers."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.sim.conftest import DEADLINE, LiveBot, until
from tests.sim.processes import live_bot
from tests.sim.serve import DROP, Request, Response

_PROJECT = Path(__file__).parents[2]


def test_the_install_command_makes_a_root_with_the_runbook_s_keys(
    bot: LiveBot, tmp_path: Path
) -> None:
    """Thresholds from the command line, keys from the ready file, nothing started."""
    ready_file, root = tmp_path / "ready.json", tmp_path / "other"
    ready_file.write_text(json.dumps(bot.simulator.ready))
    options = ["--ready-file", str(ready_file), "--kill-threshold-ms", "2000"]
    argv = [sys.executable, "-m", "tests.sim.install", str(root), *options]
    subprocess.run(argv, cwd=_PROJECT, timeout=DEADLINE, check=True, capture_output=True)
    config = yaml.safe_load((root / "configs/config_live.yaml").read_text())
    assert config["clock_sync"] == {
        "warn_threshold_ms": 500,
        "kill_threshold_ms": 2000,
        "refresh_sec": 1,
    }
    assert set(config) >= {"latency", "execution_params", "kill_switch", "bar_seconds", "symbol"}
    assert f"BINANCE_API_KEY={bot.simulator.world.keys['bot'].key}\n" in (root / ".env").read_text()
    assert (root / ".env").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in root.iterdir() if path.is_dir()} == {
        "configs",
        "state",
        "logs",
        "data",
        "backup",
    }


def test_it_starts_in_a_session_of_its_own(bot: LiveBot, control: httpx.Client) -> None:
    """``setsid --fork`` returns at once; the pidfile names the bot, its own session's member."""
    start = ["setsid", "--fork", sys.executable, "script_live.py"]
    subprocess.run(
        [*start, "--config", "configs/config_live.yaml"],
        cwd=bot.root,
        timeout=DEADLINE,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process = until(lambda: live_bot(bot.root), "a live bot")
    try:
        assert os.getsid(process.pid) != os.getsid(0)
        until(lambda: "Filled" in bot.log, "a trade")
    finally:
        stopped = control.post("/faults", json={"scenario": "process_crash", "signal": "TERM"})
    assert stopped.status_code == 200
    assert live_bot(bot.root) is None


def test_a_dry_run_twin_lives_beside_the_live_bot(bot: LiveBot, tmp_path: Path) -> None:
    """A root with copied state and everything else linked is a bot of its own."""
    bot.start()
    until(lambda: "Filled" in bot.log, "a trade")
    twin = tmp_path / "twin"
    twin.mkdir()
    for entry in bot.root.iterdir():
        if entry.name not in {"state", "logs"}:
            (twin / entry.name).symlink_to(entry)
    half_written = shutil.ignore_patterns(".*")  # by the bot, which goes on
    shutil.copytree(bot.root / "state", twin / "state", ignore=half_written)
    (twin / "logs").mkdir()
    beside = LiveBot(twin, bot.simulator)
    try:
        process = beside.start("--dry-run")
        until(lambda: "Dry run: would" in beside.log, "a decision")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=DEADLINE) == 0
    finally:
        beside.stop_all()
    assert bot.process.poll() is None
    assert "dry-run" not in bot.log


@pytest.mark.parametrize(
    ("executed", "answer"),
    [(True, DROP), (True, Response(503, {})), (False, DROP), (False, Response(502, "<html>"))],
    ids=["executed, dropped", "executed, 503", "lost, dropped", "lost, 502"],
)
def test_an_order_without_an_answer_is_looked_up_and_never_sent_again(
    bot: LiveBot, answer: Response, *, executed: bool
) -> None:
    """The file equals the exchange whether or not the order was carried out."""
    bot.start()
    until(lambda: bot.log.count("Filled") >= 2, "two trades")
    world, real = bot.simulator.world, bot.simulator.exchange.answer

    def swallow(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        del world.intercepts["test"]
        if executed:
            real(request)
        return answer

    world.intercepts["test"] = swallow
    until(lambda: "test" not in world.intercepts, "the order that gets no answer")
    filled = bot.log.count("Filled")
    until(lambda: bot.log.count("Filled") >= filled + 2, "trading again")
    bot.process.send_signal(signal.SIGTERM)
    assert bot.process.wait(timeout=DEADLINE) == 0
    assert bot.quantity == str(world.usdm.positions["BTCUSDT"].quantity)
    assert ("was not carried out" in bot.log) is not executed
    assert bot.latch["tripped"] is False
