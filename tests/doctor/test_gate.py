"""The resume gate: what must be true before a bot is started, and nothing else."""

import json
import os
import sys
from pathlib import Path

import pytest

from exporter.doctor.verdicts import Status
from exporter.sources import pause
from exporter.sources.datafiles import DataFiles
from tests.collectors.conftest import Watched, checks_of
from tests.doctor.conftest import Ward
from tests.sources.bots import make_bot, write

_GATE = {
    *("configuration", "exchange reachable", "clock", "kill switch", "no maintenance"),
    *("data files", "account readable", "positions"),
}


def _pause(watched: Watched) -> None:
    flag = write(watched.root, "state/kill_switch.flag", "")
    moment = flag.stat().st_mtime_ns
    flag.write_bytes(pause.encode(pause.PauseMark("INC-7", moment)))
    os.utime(flag, ns=(moment, moment))


def _gate(watched: Watched, **env: str) -> tuple[int, dict[str, dict[str, object]]]:
    result = watched.run("doctor", "--gate=resume", "--json", **env)
    return result.returncode, checks_of(result.stdout)


def test_the_json_is_what_the_remediation_reads(watched: Watched) -> None:
    """Keys as agreed for each check, and exactly the checks that count."""
    result = watched.run("doctor", "--json", "--gate=resume")
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert report["gate"] == "resume"
    keys = {"bot", "check", "scenario", "ok", "status", "detail", "advice"}
    assert all(set(check) == keys for check in report["checks"])
    assert {check["check"] for check in report["checks"]} == _GATE
    assert result.returncode == 0


def test_everything_that_can_be_configured_is_asked_at_the_gate(ward: Ward) -> None:
    """Tables, the manifest and the bot's own doctor, too; no stream, no key, no process."""
    ward.bot["process"] = {"pidfile": "state/none.pid"}
    ward.save()
    checks = ward.checks(gate=True)
    assert all(check.ok for check in checks.values()), checks
    assert set(checks) == {*_GATE, "data values", "checksums", "bot's own doctor"}


def test_our_pause_passes_and_a_latch_does_not(watched: Watched) -> None:
    """The pause is ours to lift; everything else is a person's."""
    _pause(watched)
    assert _gate(watched)[0] == 0
    paused = watched.run("doctor", "--scenario=kill_switch")
    assert paused.returncode == 1
    assert "Tradewarden's own pause" in paused.stdout
    (watched.root / "state/kill_switch.flag").write_text("stop")
    code, gate = _gate(watched)
    assert code == 1
    assert gate["kill switch"]["status"] == "fail"
    assert gate["kill switch"]["advice"]


def test_a_state_that_the_runbook_lets_a_person_remove_does_not_close_it(
    watched: Watched,
) -> None:
    """Section 3 step 3: "optional: reset counters". A flag alone still closes it."""
    (watched.root / "state/kill_switch_state.json").unlink()
    assert _gate(watched)[0] == 0
    (watched.root / "state/kill_switch.flag").touch()
    assert _gate(watched)[0] == 1


@pytest.mark.parametrize("cause", ["local", "exchange", "ntp"])
def test_any_wrong_clock_closes_it(watched: Watched, cause: str) -> None:
    """Local drift, a wrong exchange, or NTP that disagrees."""
    setattr(watched.simulator.world.clocks, cause, 2.0)
    code, gate = _gate(watched)
    assert code == 1
    assert gate["clock"]["status"] == "fail"
    assert ("disagree" in str(gate["clock"]["detail"])) is (cause != "local")
    assert gate["account readable"]["status"] == "pass"


def test_clocks_that_disagree_within_the_limit_close_it(watched: Watched) -> None:
    """One of the two references is wrong, and it is not known which."""
    watched.bot["clock_sync"] = {"warn_threshold_ms": 2000, "kill_threshold_ms": 3000}
    watched.save()
    watched.simulator.world.clocks.exchange = -1.5
    code, gate = _gate(watched)
    assert code == 1
    assert "disagree" in str(gate["clock"]["detail"])


def test_a_clock_that_the_exchange_refuses_closes_it(watched: Watched) -> None:
    """Whatever the bot's own limit is."""
    watched.bot["clock_sync"] = {"warn_threshold_ms": 50_000, "kill_threshold_ms": 60_000}
    watched.save()
    watched.simulator.world.clocks.local = 1.5
    code, gate = _gate(watched)
    assert code == 1
    assert "from 1 s ahead the exchange refuses" in str(gate["clock"]["detail"])


def test_no_ntp_answer_is_unknown_and_closes_it(watched: Watched) -> None:
    """One reference alone does not say who is wrong."""
    silent = {"ntp_servers": ["127.0.0.1:9"] * 3, "timeout_seconds": 5.0}
    watched.plain["exporter"] |= silent
    watched.save()
    code, gate = _gate(watched)
    assert code == 2
    assert gate["clock"]["status"] == "unknown"
    assert "runbook 2" in str(gate["clock"]["advice"])


def test_positions_that_differ_close_it(watched: Watched) -> None:
    """What the bot believes and the exchange does not hold."""
    write(watched.root, "state/positions.json", '{"BTCUSDT": "1"}')
    code, gate = _gate(watched)
    assert code == 1
    assert gate["positions"]["status"] == "fail"
    assert "the bot says 1, the exchange says 0" in str(gate["positions"]["detail"])


@pytest.mark.parametrize("content", [None, "{"])
def test_positions_that_cannot_be_read_close_it(watched: Watched, content: str | None) -> None:
    """Missing or damaged is unknown, and unknown is not a pass; damaged state is a failure, too."""
    if content is None:
        (watched.root / "state/positions.json").unlink()
    else:
        write(watched.root, "state/positions.json", content)
    code, gate = _gate(watched)
    assert gate["positions"]["status"] == "unknown"
    assert code == (2 if content is None else 1)
    assert gate["data files"]["ok"] is (content is None)


def test_damaged_data_closes_it_and_old_data_does_not(ward: Ward) -> None:
    """Nothing is resumed over a corrupt file; age and backups are no corruption."""
    table = ward.root / "data/features.parquet"
    whole = table.read_bytes()
    os.utime(ward.root / "data/binance_filters.json", (1e9, 1e9))
    write(ward.root, "backup/data/binance_filters.json", "{")
    assert all(check.ok for check in ward.checks(gate=True).values())
    table.write_bytes(whole[: len(whole) // 2])
    checks = ward.checks(gate=True)
    assert checks["data files"].status is Status.FAIL
    assert checks["checksums"].status is Status.FAIL


def test_backups_are_left_alone_when_nobody_asks(tmp_path: Path) -> None:
    """Judging them may take longer than a start can wait."""
    write(tmp_path, "backup/state/positions.json", "{}")
    os.utime(tmp_path / "backup/state/positions.json", (1e9, 1e9))
    files = DataFiles(make_bot(tmp_path))
    assert files.check(backup=False).backup is None
    assert files.check().backup is not None


def test_without_any_data_it_stays_open(watched: Watched) -> None:
    """A bot without files to check has none that are corrupt."""
    watched.bot["paths"] = {"state": []}
    watched.save()
    code, gate = _gate(watched)
    assert code == 0
    assert "data files" not in gate


def test_an_unreachable_exchange_fails_every_check_that_needs_it(watched: Watched) -> None:
    """None of them is skipped."""
    watched.simulator.exchange.shut()
    code, gate = _gate(watched)
    assert code == 1
    for name in ("exchange reachable", "no maintenance", "clock", "account readable", "positions"):
        assert gate[name]["status"] in ("fail", "unknown"), name
    assert gate["kill switch"]["status"] == "pass"


def test_without_a_key_it_stays_closed(watched: Watched) -> None:
    """A person's check leaves out what is not configured; the gate may not."""
    del watched.bot["venue"]["credentials"]
    watched.save()
    assert "account readable" not in checks_of(watched.run("doctor", "--json").stdout)
    code, gate = _gate(watched)
    assert code == 1
    assert gate["account readable"]["status"] == "fail"
    assert gate["positions"]["status"] == "unknown"


def test_an_unset_key_is_named(watched: Watched) -> None:
    """The variable's name, never a value."""
    code, gate = _gate(watched, TW_TEST_KEY="")
    assert code == 1
    assert "TW_TEST_KEY" in str(gate["account readable"]["detail"])


def test_an_unreadable_bot_config_closes_it(watched: Watched) -> None:
    """Its limits are not known."""
    watched.bot["bot_config"] = "configs/none.yaml"
    watched.save()
    code, gate = _gate(watched)
    assert code == 1
    assert gate["configuration"]["status"] == "fail"


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 1)])
def test_the_bots_own_doctor_has_its_say(watched: Watched, status: int, code: int) -> None:
    """Its words are passed on without secrets."""
    script = f"import os\nprint('key', os.environ['TW_TEST_SECRET'])\nraise SystemExit({status})"
    watched.bot["commands"] = {"doctor": [sys.executable, "-c", script]}
    watched.save()
    result = watched.run("doctor", "--gate=resume", "--json")
    assert result.returncode == code
    detail = checks_of(result.stdout)["bot's own doctor"]["detail"]
    assert detail == f"exit status {status}: key <secret>"
    assert watched.env["TW_TEST_SECRET"] not in result.stdout + result.stderr


def test_the_bots_own_doctor_may_be_ours(watched: Watched) -> None:
    """It does not call itself for ever."""
    watched.bot["commands"] = {
        "doctor": [sys.executable, "-m", "exporter", "doctor", f"--config.file={watched.file}"]
    }
    watched.save()
    result = watched.run("doctor", "--gate=resume", "--json", PYTHONPATH=str(Path.cwd()))
    assert "bot's own doctor" in checks_of(result.stdout)
