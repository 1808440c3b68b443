"""Start and stop: one supervisor, never two bots, never KILL."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import psutil
import pytest

from exporter.config import Bot, Config, Process
from exporter.sources.host import TWIN_VARIABLE, read_process, twin_mark
from remediation.actuators import live_pids
from remediation.actuators.bot import BotActuator
from remediation.actuators.command import CommandActuator
from remediation.actuators.process import ProcessActuator
from remediation.actuators.sessions import MARKER, Spawn
from remediation.errors import ActionError, ActionReason
from tests.actuators.conftest import STEP, alive, begun, live_command, until, with_commands

SYSTEMCTL = """#!/bin/sh
cd "{root}" || exit 1
echo "$*" >> systemctl-calls
case "$1" in
  show)
    pid=$(cat state/bot.pid 2>/dev/null)
    echo LoadState=loaded
    if [ -e auto-restart ]; then
      printf 'ActiveState=activating\\nSubState=auto-restart\\nMainPID=0\\n'
    elif [ -n "$pid" ]; then
      printf 'ActiveState=active\\nSubState=running\\nMainPID=%s\\n' "$pid"
    else
      printf 'ActiveState=inactive\\nSubState=dead\\nResult=success\\nMainPID=0\\n'
    fi ;;
  start) setsid --fork "{python}" script_live.py ;;
  stop) kill -TERM "$(cat state/bot.pid)" ;;
esac
"""


@pytest.fixture
def unit(bot: Bot, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bot:
    """The small bot under a supervisor that looks like systemd."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "systemctl").write_text(SYSTEMCTL.format(root=root, python=sys.executable))
    (bin_dir / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}{os.pathsep}{os.environ['PATH']}")
    bot = with_commands(bot, stop=("touch", "commands-stop-was-called"))
    return msgspec.structs.replace(bot, process=Process(systemd_unit="tiny.service"))


def _calls(root: Path) -> list[str]:
    lines = (root / "systemctl-calls").read_text().splitlines()
    return [line for line in lines if not line.startswith("show")]


def _reason(error: pytest.ExceptionInfo[ActionError]) -> ActionReason:
    return error.value.reason


def test_a_started_bot_is_up_and_out_of_our_reach(
    process: ProcessActuator, bot: Bot, root: Path, spawns: list[Spawn]
) -> None:
    """Up in a session of its own, without our marker, in its root."""
    assert "started" in process.start(bot, f"{STEP}-1")
    (pid,) = read_process(bot).pids
    assert MARKER not in psutil.Process(pid).environ()
    assert os.getsid(pid) not in (os.getsid(0), spawns[0].pid)
    assert Path(psutil.Process(pid).cwd()) == root


def test_a_second_bot_is_refused(process: ProcessActuator, bot: Bot) -> None:
    """While one lives no other is started, and the first goes on."""
    process.start(bot, f"{STEP}-1")
    first = read_process(bot).pids
    with pytest.raises(ActionError) as caught:
        process.start(bot, f"{STEP}-2")
    assert _reason(caught) is ActionReason.STILL_RUNNING
    assert str(first[0]) in caught.value.detail
    assert read_process(bot).pids == first


def test_of_two_starts_at_once_one_happens(process: ProcessActuator, bot: Bot) -> None:
    """The look and the start cannot be interleaved."""
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def start(step_id: str) -> None:
        gate.wait()
        try:
            outcomes.append(process.start(bot, step_id)[:7])
        except ActionError as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=start, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["started", ActionReason.STILL_RUNNING]
    assert len(read_process(bot).pids) == 1


def test_a_living_twin_forbids_a_start(process: ProcessActuator, bot: Bot, root: Path) -> None:
    """A dry run that is still there must be gone before live."""
    twin = subprocess.Popen(
        [sys.executable, "script_live.py", "--dry-run"],
        cwd=root,
        env={**os.environ, TWIN_VARIABLE: twin_mark(bot)},
    )
    try:
        until(lambda: read_process(bot).dry_run_pids, "the twin")
        with pytest.raises(ActionError) as caught:
            process.start(bot, f"{STEP}-1")
        assert _reason(caught) is ActionReason.STILL_RUNNING
    finally:
        twin.terminate()
        twin.wait()


@pytest.mark.parametrize("flagged", ["foreign flag", "tripped state"])
def test_a_latched_bot_is_not_started(
    *,
    process: ProcessActuator,
    bot: Bot,
    flag: Path,
    state: Path,
    spawns: list[Spawn],
    flagged: str,
) -> None:
    """A latch forbids a start even if a caller forgot to ask."""
    if flagged == "foreign flag":
        flag.touch()
    else:
        state.write_text('{"tripped": true}')
    with pytest.raises(ActionError) as caught:
        process.start(bot, f"{STEP}-1")
    assert _reason(caught) is ActionReason.FORBIDDEN
    assert spawns == []


def test_a_bot_that_ends_at_once_was_not_started(bot: Bot, root: Path) -> None:
    """The launcher says 0 whatever becomes of the bot; its last words are shown without secrets."""
    # A shell, since an interpreter that is slow to begin would pass for a bot that lives.
    script = "echo api_secret=hunter2hunter2 is not accepted >> logs/bot.log; sleep 0.2; exit 2"
    (root / "script_live.sh").write_text(script)
    bot = with_commands(bot, start=("setsid", "--fork", "sh", "script_live.sh"))
    process = ProcessActuator(CommandActuator(lambda _: None), command_seconds=2, stop_seconds=1)
    with pytest.raises(ActionError) as caught:
        process.start(bot, f"{STEP}-1")
    assert _reason(caught) in (ActionReason.EXIT_STATUS, ActionReason.TIMEOUT)
    assert "hunter2" not in caught.value.detail


def test_a_start_command_that_fails_is_told(process: ProcessActuator, bot: Bot) -> None:
    """Its exit status is the reason."""
    with pytest.raises(ActionError, match="ended with status 7") as caught:
        process.start(with_commands(bot, start=("sh", "-c", "exit 7")), f"{STEP}-1")
    assert _reason(caught) is ActionReason.EXIT_STATUS


def test_a_start_command_that_does_not_return_is_told(bot: Bot, root: Path) -> None:
    """A bot in the foreground is asked to stop, and stops by itself."""
    bot = with_commands(bot, start=(sys.executable, "script_live.py"))

    def spared() -> tuple[int, ...]:
        begun(root)  # asked before it gets a signal
        return ()

    command = CommandActuator(lambda _: None, spared=spared)
    process = ProcessActuator(command, command_seconds=1, stop_seconds=1)
    with pytest.raises(ActionError, match="session of its own") as caught:
        process.start(bot, f"{STEP}-1")
    assert _reason(caught) is ActionReason.TIMEOUT
    until(lambda: read_process(bot).pids == (), "its end")
    assert (root / "logs/bot.log").read_text().endswith("Shutdown complete\n")


def test_without_a_start_command_nothing_is_started(process: ProcessActuator, bot: Bot) -> None:
    """Not configured is said, not guessed."""
    with pytest.raises(ActionError) as caught:
        process.start(with_commands(bot), f"{STEP}-1")
    assert _reason(caught) is ActionReason.NOT_CONFIGURED


def test_stop_asks_and_waits(process: ProcessActuator, bot: Bot, root: Path) -> None:
    """SIGTERM, a clean end, and a second stop that has nothing to do."""
    process.start(bot, f"{STEP}-1")
    begun(root)
    assert "SIGTERM" in process.stop(bot, f"{STEP}-2")
    assert read_process(bot).pids == ()
    assert (root / "logs/bot.log").read_text().endswith("Shutdown complete\n")
    assert "no process" in process.stop(bot, f"{STEP}-3")


def test_a_bot_that_will_not_stop_is_never_killed(
    bot: Bot, command: CommandActuator, root: Path
) -> None:
    """The time passes, it is reported, and it still runs."""
    bot = with_commands(bot, start=live_command("--ignore-term"))
    process = ProcessActuator(command, command_seconds=30, stop_seconds=1)
    process.start(bot, f"{STEP}-1")
    begun(root)
    (pid,) = read_process(bot).pids
    with pytest.raises(ActionError) as caught:
        process.stop(bot, f"{STEP}-2")
    assert _reason(caught) is ActionReason.NOT_STOPPED
    assert alive(pid)


def test_the_configured_stop_command_is_used(
    process: ProcessActuator, bot: Bot, root: Path
) -> None:
    """The owner's way to stop goes before a signal of ours."""
    bot = with_commands(
        bot, start=live_command(), stop=("sh", "-c", "kill -TERM $(cat state/bot.pid)")
    )
    process.start(bot, f"{STEP}-1")
    begun(root)
    assert process.stop(bot, f"{STEP}-2") == "stopped by sh (exit status 0)"


def test_a_stop_command_that_does_nothing_is_no_success(bot: Bot, command: CommandActuator) -> None:
    """Exit status 0 proves nothing; the host does."""
    bot = with_commands(bot, start=live_command(), stop=("true",))
    process = ProcessActuator(command, command_seconds=30, stop_seconds=0.5)
    process.start(bot, f"{STEP}-1")
    with pytest.raises(ActionError, match=r"did not stop within 0\.5 s of true"):
        process.stop(bot, f"{STEP}-2")


def test_both_of_two_bots_are_stopped(process: ProcessActuator, bot: Bot, root: Path) -> None:
    """Where the rule is broken already, stop ends both."""
    process.start(bot, f"{STEP}-1")
    second = subprocess.Popen([sys.executable, "script_live.py"], cwd=root)
    try:
        until(lambda: len(read_process(bot).pids) == 2, "two bots")
        process.stop(bot, f"{STEP}-2")
        second.wait(timeout=30)
        assert read_process(bot).pids == ()
    finally:
        second.kill()
        second.wait()


def test_under_systemd_only_systemctl_acts(process: ProcessActuator, unit: Bot, root: Path) -> None:
    """Start and stop go through the supervisor, a configured stop command is not used."""
    process.start(unit, f"{STEP}-1")
    (pid,) = read_process(unit).pids
    process.stop(unit, f"{STEP}-2")
    until(lambda: not alive(pid), "it is dead")  # a signal takes its time
    assert _calls(root) == ["start -- tiny.service", "stop --no-block -- tiny.service"]
    assert not (root / "commands-stop-was-called").exists()


def test_an_automatic_restart_counts_as_running(
    process: ProcessActuator, unit: Bot, root: Path
) -> None:
    """The supervisor is about to start it: a start of ours would be the second."""
    (root / "systemctl-calls").touch()
    (root / "auto-restart").touch()
    with pytest.raises(ActionError) as caught:
        process.start(unit, f"{STEP}-1")
    assert _reason(caught) is ActionReason.STILL_RUNNING
    assert _calls(root) == []


def test_a_host_that_cannot_tell_starts_nothing(
    process: ProcessActuator, bot: Bot, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No systemctl where a unit is configured: unknown is not "stopped"."""
    monkeypatch.setenv("PATH", str(tmp_path))
    bot = msgspec.structs.replace(bot, process=Process(systemd_unit="tiny.service"))
    for act in (process.start, process.stop):
        with pytest.raises(ActionError) as caught:
            act(bot, f"{STEP}-1")
        assert _reason(caught) is ActionReason.UNKNOWN_STATE


def test_a_paused_bot_is_stopped_and_the_pause_stays(
    process: ProcessActuator, bot: Bot, hands: BotActuator, flag: Path
) -> None:
    """Stopping is no resume."""
    process.start(bot, f"{STEP}-1")
    hands.pause(bot, "inc-1")
    process.stop(bot, f"{STEP}-2")
    assert flag.exists()


def test_live_bots_are_known_to_what_ends_groups(process: ProcessActuator, bot: Bot) -> None:
    """The second line of defence names the live bot, and no twin."""
    config = Config(bots=(bot,))
    assert live_pids(config) == frozenset()
    process.start(bot, f"{STEP}-1")
    assert live_pids(config) == frozenset(read_process(bot).pids)
