"""What a command line runs, whoever wrote it."""

import pytest

from exporter.sources.bot_command import Run, command_run, process_run


@pytest.mark.parametrize(
    ("command", "script"),
    [
        (["python3", "live.py"], "live.py"),
        (["setsid", "--fork", "python3", "-u", "live.py", "--config", "x"], "live.py"),
        (["nice", "-n", "10", "/v/bin/python", "-X", "dev", "live.py"], "live.py"),
        (["sudo", "-u", "trader", "python", "live.py"], "live.py"),
        (["taskset", "-c", "0-3", "python", "live.py"], "live.py"),
        (["env", "-u", "X", "A=1", "python", "-m", "tradingbot", "--live"], "-m tradingbot"),
        (["python3", "-Im", "tradingbot"], "-m tradingbot"),
        (["systemd-run", "--unit", "x", "python", "live.py"], "live.py"),
        (["uv", "run", "live.py"], "live.py"),
        (["bash", "--rcfile", "x", "start.sh"], "start.sh"),
        (["node", "--require", "d/c", "bot.js"], "bot.js"),
        (["./run.sh", "--live"], "./run.sh"),
        (["freqtrade", "trade", "--config", "x"], "freqtrade"),
        (["systemctl", "start", "bot"], None),
        (["sudo", "systemctl", "start", "bot"], None),
        (["python3"], None),
        (["python3", "-c", "print()"], None),
        (["setsid", "--fork"], None),
    ],
)
def test_the_script_is_found_behind_launchers_and_interpreter(
    command: list[str], script: str | None
) -> None:
    """Launchers, interpreter and their options do not matter; a manager is never the bot."""
    run = command_run(command)
    assert (None if run is None else run.script) == script


@pytest.mark.parametrize(
    ("argv", "run"),
    [
        (["/usr/bin/python3.11", "live.py", "--config=x"], Run("live.py", ("--config", "x"))),
        (["python", "-u", "live.py", "--dry-run"], Run("live.py", ())),
        (["/bin/sh", "./run.sh"], Run("./run.sh", ())),
        (["vim", "live.py"], Run("vim", ("live.py",))),
        (["setsid", "--fork", "python3", "live.py"], None),
        (["systemctl", "start", "bot"], None),
        (["python3"], None),
    ],
)
def test_a_process_is_what_it_runs_and_how(argv: list[str], run: Run | None) -> None:
    """One spelling of the arguments; a launcher is nobody, its child is."""
    assert process_run(argv) == run
