"""A bot to break, a receiver that dies at a point, and what must be true afterwards."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from remediation.actuators.sessions import MARKER
from remediation.playbooks import PLAYBOOKS
from tests.pipeline.alerting_stub import AlertingStub
from tests.pipeline.crash_ground import Ground
from tests.pipeline.receiver import alert_json
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator
from tests.stack.programs import Program, free_port, wait_until
from tests.stack.render import Addresses, render

# As short as the steps allow; nothing here is what a real bot would be given.
_FAST: Mapping[str, Any] = {
    "reconcile_seconds": 0.5,
    "verify_samples": 2,
    "verify_interval_seconds": 0.1,
    "dry_run_seconds": 2,
    "live_proof_seconds": 60,
    "command_seconds": 60,
    "stop_seconds": 60,
    "escalation_repeat_seconds": 1,
}
# Of a reading or a call that succeeds: what only a busy machine delays must not fail.
_PATIENCE = 30.0
_HANG = "setsid sleep 300 & exec sleep 300\n"


@dataclass(frozen=True)
class Variant:
    """How a run is made to reach a step that the usual fault does not lead to.

    ``commands`` replace the bot's; in them ``{hang}`` becomes a program that, with its
    child in another session, never ends. ``bot_dies``: the bot is killed as well.
    """

    fault: Mapping[str, Any] = field(default_factory=dict)
    commands: Mapping[str, Any] = field(default_factory=dict)
    bot_dies: bool = False


_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "clock_drift": {"offset_seconds": 0.8},
    "kill_switch": {"cause": "manual"},
    "process_crash": {},
}
# The twin is real where it is what dies; elsewhere it only has to succeed.
_QUICK_TWIN: Mapping[str, Any] = {"start_dry_run": ["true"]}
_NO_SLEW: Mapping[str, Any] = {"resync_clock": {"slew": ["false"], "step": ["{step}"]}}
VARIANTS: Mapping[tuple[str, str], Variant] = {
    ("clock_drift", "step_clock"): Variant(commands={**_QUICK_TWIN, **_NO_SLEW}),
    # No twin is started beside a live bot.
    ("clock_drift", "dry_run"): Variant(bot_dies=True),
    ("process_crash", "accept_orphans"): Variant({"orphan": True}, _QUICK_TWIN),
    ("kill_switch", "dry_run"): Variant(),
    ("process_crash", "dry_run"): Variant(),
}
HANGING: Mapping[str, Mapping[str, Any]] = {
    "resync": {"resync_clock": {"slew": ["sh", "{hang}"]}},
    "step_clock": {"resync_clock": {"slew": ["false"], "step": ["sh", "{hang}"]}},
    "release": {"stop": ["sh", "{hang}"]},
    "doctor": {"doctor": ["sh", "{hang}"]},
}


@contextlib.contextmanager
def broken(
    directory: Path,
    simulator: Simulator,
    scenario: str,
    *,
    variant: Variant | None = None,
    commands: Mapping[str, Any] | None = None,
) -> Iterator[Ground]:
    """A live bot, struck by the scenario's fault; no receiver runs yet."""
    chosen = variant or Variant(commands=_QUICK_TWIN)
    with contextlib.ExitStack() as stack:
        alerting = stack.enter_context(AlertingStub().serving())
        http = stack.enter_context(httpx.Client(timeout=_PATIENCE, trust_env=False))
        root = install_bot(directory / "bot-alpha", simulator.ready)
        address = f"127.0.0.1:{free_port()}"
        files = render(
            directory,
            Addresses("127.0.0.1:1", address, alerting.address, alerting.address),
            simulator.ready,
            {"alpha": root},
            remediation=_FAST,
        )
        _replace_commands(files.config, directory, {**chosen.commands, **(commands or {})})
        alert = alert_json(scenario=scenario)
        ground = Ground(directory, alerting, files, root, alert, address, http)
        stack.callback(_reset, http, simulator)
        stack.callback(ground.stop)
        control = simulator.control.url
        http.post(f"{control}/bot", json={"name": "alpha", "root": str(root)}).raise_for_status()
        _start_bot(ground)
        fault = {"scenario": scenario, **_FAULTS.get(scenario, {}), **chosen.fault}
        http.post(f"{control}/faults", json=fault).raise_for_status()
        if scenario == "kill_switch":
            wait_until(lambda: "Kill switch flag present" in ground.log, "the bot holds")
        if chosen.bot_dies:
            ground.kill_bot()
        yield ground


def _start_bot(ground: Ground) -> None:
    argv = ["setsid", "--fork", sys.executable, "script_live.py"]
    argv += ["--config", "configs/config_live.yaml"]
    Program("bot", argv, ground.directory / "bot.log", cwd=ground.root).process.wait(_PATIENCE)
    wait_until((ground.root / "state/positions.json").exists, "the bot trades")


def _reset(http: httpx.Client, simulator: Simulator) -> None:
    http.post(f"{simulator.control.url}/reset").raise_for_status()


def _replace_commands(config: Path, directory: Path, commands: Mapping[str, Any]) -> None:
    hang = directory / "hang.sh"
    hang.write_text(_HANG, encoding="utf-8")
    whole = yaml.safe_load(config.read_text(encoding="utf-8"))
    whole["exporter"]["timeout_seconds"] = _PATIENCE
    (bot,) = whole["bots"]
    step = bot["commands"]["resync_clock"]["step"]

    def fill(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: fill(item) for name, item in value.items()}
        if value == ["{step}"]:
            return step
        return [part.replace("{hang}", str(hang)) for part in value]

    bot["commands"] |= fill(commands)
    config.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def points() -> list[tuple[str, str]]:
    """Every step of every playbook."""
    return [(name, step.name) for name, book in PLAYBOOKS.items() for step in book.steps]


def assert_interrupted(ground: Ground, scenario: str, step: str, starts_before: int) -> None:
    """What must be true once the receiver that is shipped has started again."""
    ((incident, state, outcome),) = ground.incidents
    assert (state, outcome) == ("closed", "interrupted")
    names = [name for name, _ in ground.attempts]
    assert names.count(step) == 1, "the step was tried again"
    assert len(names) == len(set(names)), "another step was tried again"
    assert ground.attempts[-1] == (step, None), "the run went on"
    assert not ground.marked(), f"a process with {MARKER} lives"
    assert len(ground.live_pids) <= 1, "two bots run"
    (planned,) = [s for s in PLAYBOOKS[scenario].steps if s.name == step]
    assert not planned.exposure or ground.is_held, "the bot trades without its proof"
    assert ground.live_starts - starts_before <= 1
    assert "Refusing to start: another bot" not in ground.log
    labels = {"alertname": "TradewardenIncidentEscalated", "incident": incident}
    wait_until(lambda: ground.alerting.posted(**labels), "a person is called")
    assert all("remediate" not in alert["labels"] for alert in ground.alerting.posted())
    assert ground.deliver() == "duplicate"
    assert len(ground.incidents) == 1
    report = (ground.directory / f"data/reports/{incident}.md").read_text(encoding="utf-8")
    assert "interrupted" in report


def wait_reconciled(ground: Ground, since: int) -> None:
    """Wait for a second round of reconciling: what was wrongly left open would run again.

    The dead receiver's last question may be counted only now.
    """
    wait_until(lambda: ground.alerting.asked >= since + 3, "reconciled twice")
