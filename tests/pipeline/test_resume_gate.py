"""The proof before a re-arm: the real doctor, as a process, against the simulated venue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporter.config_file import load
from remediation.bot_state import BotStateName
from remediation.resume_gate import GateAnswer, ask_gate
from remediation.services import Services, build_services
from tests.pipeline.receiver import write_config
from tests.sim.install import install_bot
from tests.sim.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An exchange and time servers that are well."""
    with Simulator() as running:
        yield running


@pytest.fixture
def services(tmp_path: Path, simulator: Simulator) -> Iterator[Services]:
    """A receiver's services for one installed bot that is flat and not running."""
    path = write_config(tmp_path)
    root = install_bot(tmp_path / "bot", simulator.ready)
    (root / "state/positions.json").write_text("{}")
    (root / "state/kill_switch_state.json").write_text('{"tripped": false}')
    raw = yaml.safe_load(path.read_text())
    raw["bots"] = raw["bots"][:1]
    raw["exporter"] = {"ntp_servers": simulator.ready["ntp"], "timeout_seconds": 30}
    key = {"env_file": str(root / ".env"), "key": "BINANCE_API_KEY", "secret": "BINANCE_API_SECRET"}
    raw["bots"][0]["venue"] |= {
        "base_url": simulator.ready["exchange"],
        "credentials": {"exporter": key},
    }
    path.write_text(yaml.safe_dump(raw))
    built = build_services(load(path), config_path=path)
    yield built
    built.close()


def _ask(services: Services, *waived: str) -> GateAnswer:
    return ask_gate(
        services.hands.command,
        services.config.bots[0],
        services.config_path,
        deadline=100,
        step_id="gate-test",
        waived=waived,
    )


def test_a_failure_that_a_person_has_accepted_does_not_count(services: Services) -> None:
    """A waived check is left out, any other still stops the resume."""
    bot = services.config.bots[0]
    (Path(bot.root) / "state/positions.json").write_text('{"BTCUSDT": "1"}')
    (problem,) = _ask(services).problems
    assert problem.startswith("positions: ")
    assert _ask(services, "positions").problems == ()
    (Path(bot.root) / "state/kill_switch.flag").touch()
    assert _ask(services, "positions").problems


def test_a_bot_that_is_fit_passes(services: Services) -> None:
    """Venue, clock, switch and positions are all well: nothing stands in the way."""
    answer = _ask(services)
    assert answer.problems == ()
    assert answer.checks


def test_a_tripped_switch_is_named(services: Services) -> None:
    """The check and its detail are the reason that the operator reads."""
    bot = services.config.bots[0]
    (Path(bot.root) / "state/kill_switch.flag").touch()
    (problem,) = _ask(services).problems
    assert "kill" in problem


def test_a_silent_venue_is_no_proof(services: Services, simulator: Simulator) -> None:
    """What cannot be read does not pass."""
    simulator.exchange.stop()
    assert _ask(services).problems
    assert services.states.get("alpha").state is BotStateName.ACTIVE
