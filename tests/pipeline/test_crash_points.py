"""SIGKILL to the receiver at every point: nothing lost, nothing done twice, nothing left over.

A real receiver process kills itself at the point; the shipped one is then started on
what it has left behind. The bot, the exchange, the clocks and the commands are real
processes and servers of the simulator.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from remediation.playbooks import PLAYBOOKS
from tests.pipeline.crash_ground import Ground, is_alive
from tests.pipeline.crash_points import (
    HANGING,
    VARIANTS,
    assert_interrupted,
    broken,
    points,
    wait_reconciled,
)
from tests.sim.simulator import Simulator
from tests.stack.programs import wait_until

# Many receivers start and die one after the other.
pytestmark = pytest.mark.timeout(400)

_SPAWNING = [
    (scenario, step)
    for scenario, step in points()
    if step in ("resync", "step_clock", "release", "doctor", "dry_run", "start_live")
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """One simulator for all points; each point has a bot of its own."""
    with Simulator() as running:
        yield running


def die_at(ground: Ground, step: str, moment: str) -> int:
    """Let a receiver die at the point; returns the bot's live starts until then."""
    starts = ground.live_starts
    program = ground.start_dying(step, moment)
    ground.wait_ready(program)
    ground.strike()
    ground.wait_death(program)
    assert ground.attempts[-1] == (step, None)
    return starts


@pytest.mark.parametrize(("scenario", "step"), points())
def test_death_at_a_steps_intent(
    tmp_path: Path, simulator: Simulator, scenario: str, step: str
) -> None:
    """Intended and perhaps done: interrupted, a person is called, never done again."""
    with broken(tmp_path, simulator, scenario, variant=VARIANTS.get((scenario, step))) as ground:
        starts = die_at(ground, step, "intent")
        asked = ground.alerting.asked
        ground.wait_ready(ground.start_receiver())
        wait_reconciled(ground, asked)
        assert_interrupted(ground, scenario, step, starts)


@pytest.mark.parametrize(("scenario", "step"), _SPAWNING)
def test_death_while_a_steps_command_runs(
    tmp_path: Path, simulator: Simulator, scenario: str, step: str
) -> None:
    """The command, its children and its children's sessions are ended; a started bot is not."""
    with broken(
        tmp_path,
        simulator,
        scenario,
        variant=VARIANTS.get((scenario, step)),
        commands=HANGING.get(step),
    ) as ground:
        starts = die_at(ground, step, "spawn")
        (spawned,) = [pid for step_id, pid in ground.spawns if step_id.startswith(f"{step}-")]
        orphans = 0
        if step in HANGING:
            # The command and its child in a session of its own.
            orphans = 3 if step == "doctor" else 2
            wait_until(lambda: len(ground.marked()) == orphans, "the command's children run")
        elif step == "dry_run":
            # Right after its birth it has no environment yet.
            wait_until(lambda: [p.pid for p in ground.marked()] == [spawned], "the twin runs")
        left = ground.marked()
        ground.wait_ready(ground.start_receiver())
        assert not [process for process in left if is_alive(process)]
        assert_interrupted(ground, scenario, step, starts)


@pytest.mark.soak
@pytest.mark.parametrize(("scenario", "step"), points())
def test_death_after_a_step_has_acted(
    tmp_path: Path, simulator: Simulator, scenario: str, step: str
) -> None:
    """Done, but not known to be: the same as if it had not been done."""
    with broken(tmp_path, simulator, scenario, variant=VARIANTS.get((scenario, step))) as ground:
        starts = die_at(ground, step, "act")
        ground.wait_ready(ground.start_receiver())
        assert_interrupted(ground, scenario, step, starts)


@pytest.mark.parametrize("scenario", PLAYBOOKS)
def test_death_after_every_result(tmp_path: Path, simulator: Simulator, scenario: str) -> None:
    """Between steps nothing is in doubt: the run goes on, each step once, to its usual end."""
    with broken(tmp_path, simulator, scenario) as ground:
        starts = ground.live_starts
        program = ground.start_dying("any", "result")
        ground.wait_ready(program)
        ground.strike()
        deaths = 0
        while ground.wait_death_or_end(program):
            deaths += 1
            program = ground.start_dying("any", "result")
        names = [name for name, _ in ground.attempts]
        steps = [step.name for step in PLAYBOOKS[scenario].steps]
        assert names == steps
        assert deaths == len(steps)
        assert [outcome for _, _, outcome in ground.incidents] == ["recovered"]
        ground.wait_ready(program)
        assert ground.deliver() == "duplicate"
        assert len(ground.live_pids) == 1
        assert ground.live_starts - starts <= 1


@pytest.mark.parametrize("scenario", PLAYBOOKS)
def test_death_right_after_accepting(tmp_path: Path, simulator: Simulator, scenario: str) -> None:
    """Kept, but Alertmanager was not told: sent again it is a duplicate, and nothing is lost."""
    with broken(tmp_path, simulator, scenario) as ground:
        starts = ground.live_starts
        program = ground.start_dying("any", "accept")
        ground.wait_ready(program)
        with pytest.raises(httpx.TransportError):
            ground.deliver()
        ground.wait_death(program)
        assert not ground.attempts
        program = ground.start_receiver()
        ground.wait_ready(program)
        assert ground.deliver() == "duplicate"
        ground.until(program, lambda: ground.closed, "the incident ends")
        assert [outcome for _, _, outcome in ground.incidents] == ["recovered"]
        assert ground.live_starts - starts <= 1
