"""The whole program beside a simulated exchange; the server itself is tested in tests/web."""

import os
import signal
import socket

import httpx
import pytest

from tests.collectors.conftest import Program, Watched, wait_for


def _ready(program: Program) -> None:
    def answers() -> bool:
        return httpx.get(f"{program.url}/-/ready", timeout=30).status_code == 200

    wait_for("the exporter to be ready", answers)


def _scrape(program: Program, **headers: str) -> str:
    response = httpx.get(f"{program.url}/metrics", headers=headers, timeout=30)
    assert response.status_code == 200
    return response.text


def test_the_whole_way_from_simulator_to_metric(watched: Watched, program: Program) -> None:
    """A drifting clock and a touched flag show, with their signs."""
    _ready(program)
    assert 'tradingbot_kill_switch_engaged{bot="alpha"} 0.0' in _scrape(program)
    watched.simulator.world.clocks.local = 3.0
    (watched.root / "state/kill_switch.flag").touch()

    def shows() -> bool:
        text = _scrape(program)
        offsets = [
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith("tradingbot_clock_offset_seconds")
        ]
        engaged = 'tradingbot_kill_switch_engaged{bot="alpha"} 1.0' in text
        return engaged and len(offsets) == 2 and all(2.8 < offset < 3.2 for offset in offsets)

    wait_for("both faults to show", shows)
    # The account is still read: our requests carry the exchange's own time.
    assert 'tradingbot_source_up{bot="alpha",source="account"} 1.0' in _scrape(program)


@pytest.mark.parametrize("by", ["POST", "SIGHUP"])
def test_a_reload_takes_the_new_file_or_keeps_the_old(
    watched: Watched, program: Program, by: str
) -> None:
    """A good file is in force at once; a bad one changes nothing and says so."""
    _ready(program)

    def reload(status: int) -> None:
        if by == "POST":
            response = httpx.post(f"{program.url}/-/reload", timeout=60)
            assert response.status_code == status
            assert ("bots[0].mode" in response.text) is (status == 500)
        else:
            os.kill(program.process.pid, signal.SIGHUP)

    success = "tradewarden_exporter_config_last_reload_successful"
    watched.bot["name"] = "renamed"
    watched.save()
    reload(200)
    wait_for("the new name", lambda: 'process_up{bot="renamed"}' in _scrape(program))
    assert 'bot="alpha"' not in _scrape(program)
    watched.bot["mode"] = "demo"
    watched.save()
    reload(500)
    wait_for("the failure", lambda: f"{success} 0.0" in _scrape(program))
    assert 'tradingbot_info{bot="renamed"' in _scrape(program)
    said = "bots[0].mode: is 'demo'; accepted: paper, live"
    wait_for("why", lambda: said in program.log)
    watched.bot["mode"] = "paper"
    watched.save()
    reload(200)
    wait_for("the recovery", lambda: f"{success} 1.0" in _scrape(program))


def test_it_stops_at_once_while_the_exchange_is_silent(watched: Watched) -> None:
    """A request that hangs does not hold the program."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watched.bot["venue"]["base_url"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        watched.plain["exporter"]["timeout_seconds"] = 60
        watched.save()
        program = Program(watched)
        try:
            connection, _ = silent.accept()
            with connection:
                assert httpx.get(f"{program.url}/-/ready", timeout=30).status_code == 503
                program.process.send_signal(signal.SIGTERM)
                assert program.process.wait(25) == 0, "the request takes a minute"
        finally:
            program.stop()
    assert "Traceback" not in program.log


def test_no_secret_is_ever_shown(watched: Watched) -> None:
    """Not in metrics, log or answers, on success or failure, at the most talkative level."""
    watched.env["TW_TEST_SECRET"] = "a-wrong-secret-that-is-refused"
    program = Program(watched, "--log.level=debug")
    try:
        _ready(program)
        wait_for("a refusal", lambda: "source alpha/account failed" in program.log)
        shown = program.log + _scrape(program) + httpx.get(program.url, timeout=30).text
        shown += httpx.post(f"{program.url}/-/reload", timeout=60).text
    finally:
        program.stop()
    for secret in (*watched.secrets, watched.env["TW_TEST_SECRET"]):
        assert secret not in shown
    assert "signature=" not in shown
