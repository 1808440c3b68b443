"""The endpoints over real HTTP, from the real program."""

import gzip
import os
import signal
import socket
import time

import httpx
import pytest

from tests.collectors.conftest import Program, Watched, wait_for


def _ready(program: Program) -> None:
    def answers() -> bool:
        return httpx.get(f"{program.url}/-/ready", timeout=5).status_code == 200

    wait_for("the exporter to be ready", answers)


def _scrape(program: Program, **headers: str) -> str:
    response = httpx.get(f"{program.url}/metrics", headers=headers, timeout=10)
    assert response.status_code == 200
    return response.text


def test_each_endpoint_answers_as_it_should(program: Program) -> None:
    """Paths, methods, types and the page for a person who finds the port."""
    _ready(program)
    with httpx.Client(base_url=program.url, timeout=10) as client:
        page = client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "/metrics" in page.text
        for path in ("/-/healthy", "/-/ready", "/metrics", "/"):
            assert client.get(path).status_code == 200
            head = client.head(path)
            assert (head.status_code, head.content) == (200, b"")
        missing = client.get("/nope")
        assert missing.status_code == 404
        assert missing.headers["content-type"].startswith("text/plain")
        for method, path in (("GET", "/-/reload"), ("DELETE", "/-/reload"), ("POST", "/metrics")):
            refused = client.request(method, path)
            assert refused.status_code == 405
            assert refused.headers["allow"]
            assert refused.headers["content-type"].startswith("text/plain")
        for method in ("POST", "PUT"):
            assert client.request(method, "/-/reload").status_code == 200


def test_metrics_come_in_the_format_asked_for(program: Program) -> None:
    """Classic text, OpenMetrics, and either of them compressed."""
    _ready(program)
    plain = httpx.get(f"{program.url}/metrics", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "content-encoding" not in plain.headers
    openmetrics = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    other = httpx.get(f"{program.url}/metrics", headers={"Accept": openmetrics})
    assert other.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert other.text.endswith("# EOF\n")
    with httpx.stream(
        "GET", f"{program.url}/metrics", headers={"Accept-Encoding": "gzip"}
    ) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept, Accept-Encoding"
        assert b"tradingbot_info" in gzip.decompress(b"".join(packed.iter_raw()))


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


def test_stalled_clients_delay_nobody(program: Program) -> None:
    """Half a request, or an unread answer, costs no other client any time."""
    _ready(program)
    host, port = program.url.removeprefix("http://").split(":")
    stalled = []
    try:
        for start in [
            b"",
            b"GET /met",
            b"POST /-/reload HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        ] * 8:
            client = socket.create_connection((host, int(port)), timeout=5)
            client.sendall(start)
            stalled.append(client)
        for _ in range(20):
            client = socket.create_connection((host, int(port)), timeout=5)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")  # and never reads
            stalled.append(client)
        for _ in range(5):
            started = time.monotonic()
            _scrape(program)
            assert time.monotonic() - started < 2
    finally:
        for client in stalled:
            client.close()


@pytest.mark.parametrize("by", ["POST", "SIGHUP"])
def test_a_reload_takes_the_new_file_or_keeps_the_old(
    watched: Watched, program: Program, by: str
) -> None:
    """A good file is in force at once; a bad one changes nothing and says so."""
    _ready(program)

    def reload(status: int) -> None:
        if by == "POST":
            response = httpx.post(f"{program.url}/-/reload", timeout=20)
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
    assert "bots[0].mode: is 'demo'; accepted: paper, live" in program.log
    watched.bot["mode"] = "paper"
    watched.save()
    reload(200)
    wait_for("the recovery", lambda: f"{success} 1.0" in _scrape(program))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_within_two_seconds(program: Program, number: signal.Signals) -> None:
    """Also while a client holds a connection, and without a word of complaint."""
    _ready(program)
    host, port = program.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as idle:
        idle.sendall(b"GET /")
        started = time.monotonic()
        program.process.send_signal(number)
        assert program.process.wait(10) == 0
        assert time.monotonic() - started < 2
    assert "Traceback" not in program.log
    assert "error" not in program.log


def test_it_stops_within_two_seconds_while_the_exchange_is_silent(watched: Watched) -> None:
    """A request that hangs does not hold the program."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watched.bot["venue"]["base_url"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        watched.plain["exporter"]["timeout_seconds"] = 30
        watched.save()
        program = Program(watched)
        try:
            connection, _ = silent.accept()
            with connection:
                assert httpx.get(f"{program.url}/-/ready").status_code == 503
                started = time.monotonic()
                program.process.send_signal(signal.SIGTERM)
                assert program.process.wait(10) == 0
                assert time.monotonic() - started < 2
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
        shown = program.log + _scrape(program) + httpx.get(program.url).text
        shown += httpx.post(f"{program.url}/-/reload", timeout=20).text
    finally:
        program.stop()
    for secret in (*watched.secrets, watched.env["TW_TEST_SECRET"]):
        assert secret not in shown
    assert "signature=" not in shown
