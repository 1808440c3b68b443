"""The command line: what it prints, and one line for each mistake."""

import socket
import subprocess
import sys

import pytest

from tests.collectors.conftest import Program, Watched


def test_check_config(watched: Watched) -> None:
    """Zero and the bots' names; one and where it is wrong."""
    good = watched.run("check-config")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == f"{watched.file}: good; bots: alpha (paper)\n"
    watched.bot["mode"] = "demo"
    watched.save()
    bad = watched.run("check-config")
    assert (bad.returncode, bad.stdout) == (1, "")
    message = "tradewarden-exporter: bots[0].mode: is 'demo'; accepted: paper, live\n"
    assert bad.stderr == message


@pytest.fixture
def too_many(watched: Watched) -> Watched:
    """Three bots at the defaults, behind one address; their exchange does not exist."""
    watched.bot["venue"] |= {"base_url": "https://fapi.exchange.test", "symbols": ["BTCUSDT"]}
    watched.plain["bots"] = [{**watched.bot, "name": f"bot{number}"} for number in range(3)]
    watched.plain["exporter"] = {"ntp_servers": [], "data_dir": None}
    watched.save()
    return watched


_HINT = "3 bots ask fapi.exchange.test for about"


@pytest.mark.parametrize("command", [("check-config",), ("serve", "--config.check")])
def test_what_will_not_fit_is_said_by_the_judge_of_files(
    too_many: Watched, command: tuple[str, ...]
) -> None:
    """A hint is no mistake."""
    judged = too_many.run(*command)
    assert judged.returncode == 0
    good, hint = judged.stdout.splitlines()
    assert "good; bots: " in good
    assert hint.startswith(f"{too_many.file}: hint: {_HINT}")


def test_what_will_not_fit_is_logged_at_the_start(too_many: Watched) -> None:
    """Once."""
    program = Program(too_many)
    try:
        assert program.log.count(_HINT) == 1
    finally:
        program.stop()


def test_once_prints_the_metrics_of_one_round(watched: Watched) -> None:
    """For a person, a cron job or a textfile."""
    result = watched.run("once")
    assert result.returncode == 0
    assert 'tradingbot_source_up{bot="alpha",source="exchange"} 1.0' in result.stdout
    assert 'tradingbot_kill_switch_engaged{bot="alpha"} 0.0' in result.stdout
    assert not any(secret in result.stdout + result.stderr for secret in watched.secrets)


@pytest.mark.parametrize("command", ["serve", "once", "doctor", "check-config"])
def test_a_missing_file_is_one_line(watched: Watched, command: str) -> None:
    """It names the file and fails."""
    watched.file.unlink()
    result = watched.run(command)
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"{watched.file}: cannot be read: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("serve", "--nope"), "No such option"),
        (("nope",), "No such command"),
        (("doctor", "--gate=maybe"), "resume"),
        (("doctor", "--bot=beta"), "beta is not configured; known: alpha"),
        (("--log.level=loud", "serve"), "debug"),
        (("serve", "--web.listen-address=nonsense"), "cannot listen on nonsense"),
        (("serve", "--web.listen-address=127.0.0.1:99999"), "cannot listen on"),
    ],
)
def test_a_wrong_flag_is_one_line(watched: Watched, arguments: tuple[str, ...], text: str) -> None:
    """No usage page, no traceback: what was wrong."""
    result = watched.run(*arguments)
    assert result.returncode != 0
    assert result.stderr.startswith("tradewarden-exporter: ")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


def test_a_port_in_use_is_one_line(watched: Watched) -> None:
    """It names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = watched.run("serve", f"--web.listen-address={address}")
    assert result.returncode != 0
    expected = f"tradewarden-exporter: cannot listen on {address}: Address already in use\n"
    assert result.stderr == expected


def test_help_is_on_stdout(watched: Watched) -> None:
    """And succeeds."""
    result = watched.run("serve", "--help")
    assert result.returncode == 0
    assert "--web.listen-address" in result.stdout


def test_no_command_is_one_line() -> None:
    """What is missing, not a page of help that reads as an error; asked for, help is no error."""
    nothing, asked = _bare(), _bare("--help")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr == "tradewarden-exporter: Missing command.\n"
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "doctor" in asked.stdout


def _bare(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program without any option that is not asked for."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
