"""The doctor against the simulator: what passes, what does not, and what the gate asks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from exporter.sources import pause
from tests.collectors.conftest import Watched, checks_of
from tests.sources.bots import write


@pytest.fixture
def running(watched: Watched) -> Iterator[None]:
    """A process that is the bot as far as its pidfile says."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    write(watched.root, "state/bot.pid", str(process.pid))
    yield
    process.kill()
    process.wait()


def _pause(watched: Watched) -> None:
    flag = write(watched.root, "state/kill_switch.flag", "")
    moment = flag.stat().st_mtime_ns
    flag.write_bytes(pause.encode(pause.PauseMark("INC-7", moment)))
    os.utime(flag, ns=(moment, moment))


def _gate(watched: Watched, **env: str) -> tuple[int, dict[str, dict[str, object]]]:
    result = watched.run("doctor", "--gate=resume", "--json", **env)
    return result.returncode, checks_of(result.stdout)


@pytest.mark.usefixtures("running")
def test_a_healthy_bot_passes_everything(watched: Watched) -> None:
    """The table says so, and so does the exit status."""
    result = watched.run("doctor", "--verbose")
    assert result.returncode == 0, result.stdout
    assert result.stdout.startswith("alpha:\n")
    assert result.stdout.endswith("all 9 checks passed.\n")
    brief = watched.run("doctor")
    assert brief.stdout == "all 9 checks passed.\n"


def test_the_json_is_what_the_gate_reads(watched: Watched) -> None:
    """Keys as agreed, for each check."""
    result = watched.run("doctor", "--json", "--gate=resume")
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert report["gate"] == "resume"
    keys = {"bot", "check", "scenario", "ok", "status", "detail", "advice"}
    assert all(set(check) == keys for check in report["checks"])
    assert result.returncode == 0


def test_a_stopped_bot_fails_the_check_and_passes_the_gate(watched: Watched) -> None:
    """The gate is asked before the start, so it cannot ask for a process."""
    result = watched.run("doctor", "--json")
    assert result.returncode == 1
    checks = checks_of(result.stdout)
    assert checks["process"]["status"] == "fail"
    code, gate = _gate(watched)
    assert code == 0, gate
    assert "process" not in gate
    assert "heartbeat" not in gate


def test_our_pause_passes_the_gate_and_a_latch_does_not(watched: Watched) -> None:
    """The pause is ours to lift; everything else is a person's."""
    _pause(watched)
    assert _gate(watched)[0] == 0
    (watched.root / "state/kill_switch.flag").write_text("stop")
    code, gate = _gate(watched)
    assert code == 1
    assert gate["kill switch"]["status"] == "fail"
    assert gate["kill switch"]["advice"]


def test_a_state_that_the_runbook_lets_a_person_remove_does_not_close_the_gate(
    watched: Watched,
) -> None:
    """Section 3 step 3: "optional: reset counters". A flag alone still closes it."""
    (watched.root / "state/kill_switch_state.json").unlink()
    assert _gate(watched)[0] == 0
    (watched.root / "state/kill_switch.flag").touch()
    assert _gate(watched)[0] == 1


@pytest.mark.parametrize("cause", ["local", "exchange", "ntp"])
def test_any_wrong_clock_closes_the_gate(watched: Watched, cause: str) -> None:
    """Local drift, a wrong exchange, or NTP that disagrees."""
    setattr(watched.simulator.world.clocks, cause, 2.0)
    code, gate = _gate(watched)
    assert code == 1
    assert gate["clock"]["status"] == "fail"
    assert ("disagree" in str(gate["clock"]["detail"])) is (cause != "local")
    assert gate["account readable"]["status"] == "pass"


def test_clocks_that_disagree_within_the_limit_close_the_gate(watched: Watched) -> None:
    """One of the two references is wrong, and it is not known which."""
    watched.simulator.world.clocks.exchange = 0.4
    code, gate = _gate(watched)
    assert code == 1
    assert "disagree" in str(gate["clock"]["detail"])


def test_no_ntp_answer_is_unknown_and_closes_the_gate(watched: Watched) -> None:
    """One reference alone does not say who is wrong."""
    watched.plain["exporter"]["ntp_servers"] = ["127.0.0.1:9", "127.0.0.1:9", "127.0.0.1:9"]
    watched.save()
    code, gate = _gate(watched)
    assert code == 1
    assert gate["clock"]["status"] == "unknown"


def test_positions_that_differ_close_the_gate(watched: Watched) -> None:
    """What the bot believes and the exchange does not hold."""
    write(watched.root, "state/positions.json", '{"BTCUSDT": "1"}')
    code, gate = _gate(watched)
    assert code == 1
    assert gate["positions"]["status"] == "fail"
    assert "the bot says 1, the exchange says 0" in str(gate["positions"]["detail"])


@pytest.mark.parametrize("content", [None, "{"])
def test_positions_that_cannot_be_read_close_the_gate(
    watched: Watched, content: str | None
) -> None:
    """Missing or damaged is unknown, and unknown is not a pass."""
    if content is None:
        (watched.root / "state/positions.json").unlink()
    else:
        write(watched.root, "state/positions.json", content)
    code, gate = _gate(watched)
    assert code == 1
    assert gate["positions"]["status"] == "unknown"


def test_an_unreachable_exchange_fails_every_check_that_needs_it(watched: Watched) -> None:
    """None of them is skipped."""
    watched.simulator.exchange.stop()
    code, gate = _gate(watched)
    assert code == 1
    for name in ("exchange reachable", "no maintenance", "clock", "account readable", "positions"):
        assert gate[name]["status"] in ("fail", "unknown"), name
    assert gate["kill switch"]["status"] == "pass"


def test_without_a_key_the_gate_stays_closed(watched: Watched) -> None:
    """A person's check leaves out what is not configured; the gate may not."""
    del watched.bot["venue"]["credentials"]
    watched.save()
    assert "account readable" not in checks_of(watched.run("doctor", "--json").stdout)
    code, gate = _gate(watched)
    assert code == 1
    assert gate["account readable"]["status"] == "fail"


def test_an_unset_key_is_named(watched: Watched) -> None:
    """The variable's name, never a value."""
    code, gate = _gate(watched, TW_TEST_KEY="")
    assert code == 1
    assert "TW_TEST_KEY" in str(gate["account readable"]["detail"])


def test_an_unreadable_bot_config_closes_the_gate(watched: Watched) -> None:
    """Its limits are not known."""
    watched.bot["bot_config"] = "configs/none.yaml"
    watched.save()
    code, gate = _gate(watched)
    assert code == 1
    assert gate["configuration"]["status"] == "fail"


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 1)])
def test_the_bots_own_doctor_has_its_say(watched: Watched, status: int, code: int) -> None:
    """In the gate, too; and its words are passed on without secrets."""
    script = f"import os\nprint('key', os.environ['TW_TEST_SECRET'])\nraise SystemExit({status})"
    watched.bot["commands"] = {"doctor": [sys.executable, "-c", script]}
    watched.save()
    result = watched.run("doctor", "--gate=resume", "--json")
    assert result.returncode == code
    detail = checks_of(result.stdout)["bot's own doctor"]["detail"]
    assert detail == f"exit status {status}: key <secret>"
    assert watched.env["TW_TEST_SECRET"] not in result.stdout + result.stderr


def test_a_configuration_that_is_wrong_was_not_checked(watched: Watched) -> None:
    """Neither passed nor failed: exit status 2."""
    watched.bot["mode"] = "demo"
    watched.save()
    assert watched.run("doctor").returncode == 2
