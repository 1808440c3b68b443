"""The dry run beside a live bot: it proves something, touches nothing, and is gone."""

import threading
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from exporter.config import Bot, Heartbeat
from exporter.sources.host import read_process
from remediation.actuators import twin_root
from remediation.actuators.process import ProcessActuator
from remediation.actuators.sessions import Spawn, find
from remediation.errors import ActionError, ActionReason
from tests.actuators.conftest import (
    STEP,
    OnceReached,
    beating,
    begun,
    dry_command,
    live_command,
    tree,
    until,
    with_commands,
)


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """Where twin roots are built."""
    return tmp_path / "twins"


@pytest.fixture
def stopping() -> threading.Event:
    """The receiver's shutdown."""
    return threading.Event()


@pytest.fixture
def patient(twins: Path) -> OnceReached:
    """A shutdown that is not looked at before the twin beats."""
    return OnceReached(lambda: beating(twins), "the twin's heartbeat")


def _gone(twins: Path) -> bool:
    inside = [p.info["cwd"] for p in psutil.process_iter(["cwd"]) if p.info["cwd"]]
    return not any(cwd.startswith(str(twins)) for cwd in inside) and not list(twins.iterdir())


def test_it_lives_beats_and_leaves_no_trace(
    process: ProcessActuator, bot: Bot, root: Path, twins: Path, patient: OnceReached
) -> None:
    """Ok after its time; the live root is byte for byte as before, the twin is gone."""
    (root / "state/positions.json").write_text('{"BTCUSDT": {"qty": "7"}}')
    (root / "logs/bot.log").write_text("a line of the live bot\n")
    before = tree(root)
    result = process.dry_run(bot, f"{STEP}-1", twins, 1.0, patient)
    assert result.ok, result.detail
    assert 1.0 <= result.seconds < 60
    assert tree(root) == before
    assert _gone(twins)
    assert find([f"{STEP}-1"], []) == []
    assert [line.rpartition(" ")[2] for line in result.log_tail] == ["dry-run)", "complete"]


def test_a_live_bot_beside_it_is_not_disturbed(
    process: ProcessActuator, bot: Bot, root: Path, twins: Path
) -> None:
    """The live bot keeps its pid, its pidfile and its own log; the twin is not "up"."""
    process.start(bot, f"{STEP}-1")
    (pid,) = read_process(bot).pids
    assert begun(root) == pid
    seen: list[tuple[int, ...]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            reading = read_process(bot)
            assert reading.pids == (pid,)
            seen.append(reading.dry_run_pids)

    watcher = threading.Thread(target=watch)
    watcher.start()
    patient = OnceReached(lambda: any(seen) and beating(twins), "the twin to be seen")
    try:
        result = process.dry_run(bot, f"{STEP}-2", twins, 1.0, patient)
    finally:
        done.set()
        watcher.join()
    assert result.ok, result.detail
    assert any(seen), "the twin is seen as a dry run"
    assert read_process(bot).pids == (pid,)
    assert (root / "state/bot.pid").read_text() == str(pid)
    assert "dry-run" not in (root / "logs/bot.log").read_text()
    assert _gone(twins)


@pytest.mark.parametrize("place", ["/var/lib/bot/positions.json", "../positions.json"])
def test_state_outside_the_root_is_refused(
    *,
    process: ProcessActuator,
    bot: Bot,
    twins: Path,
    stopping: threading.Event,
    spawns: list[Spawn],
    place: str,
) -> None:
    """A twin would share it with the live bot, so there is no twin, and it is said why."""
    paths = msgspec.structs.replace(bot.paths, positions=place)
    outside = msgspec.structs.replace(bot, paths=paths)
    with pytest.raises(ActionError, match="is outside") as caught:
        process.dry_run(outside, f"{STEP}-1", twins, 1.0, stopping)
    assert caught.value.reason is ActionReason.NOT_CONFIGURED
    assert spawns == []
    assert _gone(twins)


def test_too_much_state_is_refused(
    process: ProcessActuator, bot: Bot, root: Path, twins: Path, stopping: threading.Event
) -> None:
    """The copy is bounded; a sparse file is as large as it says."""
    with (root / "state/history.json").open("wb") as file:
        file.truncate(twin_root.COPY_LIMIT + 1)
    with pytest.raises(ActionError, match="larger than 256 MiB"):
        process.dry_run(bot, f"{STEP}-1", twins, 1.0, stopping)
    assert _gone(twins)


def test_a_twin_that_ends_with_a_failure_is_no_proof(
    process: ProcessActuator, bot: Bot, twins: Path, stopping: threading.Event
) -> None:
    """Its status and last words are the result, secrets taken out."""
    bot = with_commands(bot, start_dry_run=dry_command("--exit=3"))
    result = process.dry_run(bot, f"{STEP}-1", twins, 60.0, stopping)
    assert not result.ok
    assert "status 3" in result.detail
    assert result.log_tail[-1] == "api_secret=<secret> is not accepted"
    assert _gone(twins)


def test_a_twin_that_finishes_with_success_is_a_proof(
    process: ProcessActuator, bot: Bot, twins: Path, stopping: threading.Event
) -> None:
    """A dry run that checks and exits 0 need not live on."""
    bot = with_commands(bot, start_dry_run=dry_command("--exit=0"))
    assert process.dry_run(bot, f"{STEP}-1", twins, 60.0, stopping).ok


def test_a_twin_without_a_heartbeat_is_no_proof(
    process: ProcessActuator, bot: Bot, root: Path, twins: Path
) -> None:
    """The live bot's fresh heartbeat does not count for it."""
    (root / "state/heartbeat").touch()
    bot = with_commands(bot, start_dry_run=dry_command("--no-heartbeat"))
    patient = OnceReached(lambda: any(twins.glob("twin-*/state/bot.pid")), "the twin")
    result = process.dry_run(bot, f"{STEP}-1", twins, 0.5, patient)
    assert not result.ok
    assert "heartbeat" in result.detail


def test_a_heartbeat_that_is_no_file_is_not_asked(
    process: ProcessActuator, bot: Bot, twins: Path, stopping: threading.Event
) -> None:
    """An endpoint belongs to the live bot; staying alive is the proof then."""
    bot = msgspec.structs.replace(bot, heartbeat=Heartbeat(http="http://127.0.0.1:9/"))
    assert process.dry_run(bot, f"{STEP}-1", twins, 0.5, stopping).ok


def test_a_twin_that_writes_into_live_state_is_found_out(
    process: ProcessActuator, bot: Bot, root: Path, twins: Path, patient: OnceReached
) -> None:
    """An absolute path in the bot defeats the copy; with no live bot this is seen."""
    victim = root / "state/positions.json"
    victim.write_text("{}")
    bot = with_commands(bot, start_dry_run=dry_command(f"--scribble={victim}"))
    result = process.dry_run(bot, f"{STEP}-1", twins, 0.5, patient)
    assert not result.ok
    assert result.detail == "the dry run wrote into the live state: state/positions.json"


def test_a_stubborn_twin_with_children_is_proved_gone(
    process: ProcessActuator, bot: Bot, twins: Path
) -> None:
    """TERM first, KILL after ten seconds, a child in another session included."""
    loop = "while :; do sleep 1; done"
    script = f"trap '' TERM; setsid sh -c 'touch up; {loop}' & {loop}"
    bot = with_commands(bot, start_dry_run=("sh", "-c", script))
    bot = msgspec.structs.replace(bot, heartbeat=Heartbeat(http="http://127.0.0.1:9/"))
    patient = OnceReached(lambda: any(twins.glob("twin-*/up")), "the child")
    started = time.monotonic()
    result = process.dry_run(bot, f"{STEP}-1", twins, 0.5, patient)
    assert result.ok
    assert 10 < time.monotonic() - started < 60
    assert find([f"{STEP}-1"], []) == []
    assert _gone(twins)


def test_a_twin_that_leaves_its_session_is_watched_and_ended(
    process: ProcessActuator, bot: Bot, twins: Path, patient: OnceReached
) -> None:
    """A dry-run command that forks away is alive as long as its child is."""
    bot = with_commands(bot, start_dry_run=live_command("--dry-run"))
    bot = msgspec.structs.replace(
        bot, commands=msgspec.structs.replace(bot.commands, start=live_command())
    )
    result = process.dry_run(bot, f"{STEP}-1", twins, 1.0, patient)
    assert result.ok, result.detail
    assert result.seconds >= 1.0
    assert _gone(twins)


def test_a_receiver_that_stops_ends_the_twin(
    process: ProcessActuator, bot: Bot, twins: Path, stopping: threading.Event, spawns: list[Spawn]
) -> None:
    """Cut short is not a proof, and nothing is left behind."""

    def stop_soon() -> None:
        until(lambda: spawns, "the twin")
        stopping.set()

    timer = threading.Thread(target=stop_soon)
    timer.start()
    started = time.monotonic()
    result = process.dry_run(bot, f"{STEP}-1", twins, 90.0, stopping)
    timer.join()
    assert not result.ok
    assert "stopping" in result.detail
    assert time.monotonic() - started < 45
    assert _gone(twins)


def test_a_dry_run_that_would_trade_is_refused(
    process: ProcessActuator, bot: Bot, twins: Path, stopping: threading.Event
) -> None:
    """Missing, or the same as the live start: not configured."""
    for commands in ({"start": live_command()}, {"start": ("a",), "start_dry_run": ("a",)}):
        with pytest.raises(ActionError) as caught:
            process.dry_run(with_commands(bot, **commands), f"{STEP}-1", twins, 1.0, stopping)
        assert caught.value.reason is ActionReason.NOT_CONFIGURED


def test_a_second_dry_run_or_a_start_during_one_is_refused(
    process: ProcessActuator, bot: Bot, twins: Path, spawns: list[Spawn]
) -> None:
    """Between the look and the end nobody else may start anything of this bot."""
    results, refused = [], threading.Event()
    patient = OnceReached(lambda: refused.is_set() and beating(twins), "both refusals")
    thread = threading.Thread(
        target=lambda: results.append(process.dry_run(bot, f"{STEP}-1", twins, 1.0, patient))
    )
    thread.start()
    until(lambda: spawns, "the twin")
    with pytest.raises(ActionError) as caught:
        process.start(bot, f"{STEP}-2")
    assert caught.value.reason is ActionReason.STILL_RUNNING
    with pytest.raises(ActionError):
        process.dry_run(bot, f"{STEP}-3", twins, 1.0, patient)
    refused.set()
    thread.join()
    assert results[0].ok
    assert len(spawns) == 1
