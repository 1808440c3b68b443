"""The control API, the command and its ready line."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import ntplib
import pytest

from tests.sim.conftest import DEADLINE, until
from tests.sim.faults import FAULTS
from tests.sim.simulator import EXCHANGE_PORT, Simulator

_ROOT = Path(__file__).parents[2]


def _clockctl(action: str, url: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tests.sim.clockctl", action, "--control", url]
    return subprocess.run(
        argv, cwd=_ROOT, timeout=DEADLINE, capture_output=True, text=True, check=False
    )


def test_every_fault_is_registered_under_its_file_s_name_and_small() -> None:
    """One file a fault, at most sixty lines, the stem in the registry."""
    folder = Path(__file__).parent / "faults"
    files = {path.stem: path for path in folder.glob("*.py")}
    del files["__init__"], files["base"]
    assert {fault.scenario for fault in FAULTS} == set(files)
    for fault in FAULTS:
        assert fault.__module__ == f"tests.sim.faults.{fault.scenario}"
        assert len(files[fault.scenario].read_text().splitlines()) <= 60


@pytest.mark.parametrize(
    ("body", "wording"),
    [
        (b"{", "not JSON"),
        (b"[]", "JSON object"),
        (b"{}", "'scenario' must be one of network_disconnection, clock_drift, kill_switch"),
        (b'{"scenario": ["x"]}', "'scenario' must be one of"),
        (b'{"scenario": "clock_drift", "speed": 1}', "parameters of clock_drift: offset_seconds"),
        (b'{"scenario": "clock_drift", "where": "moon"}', "Invalid enum value 'moon'"),
        (b'{"scenario": "clock_drift", "offset_seconds": "3"}', "Expected `float`"),
        (b'{"scenario": "process_crash"}', "name one registered bot"),
        (b'{"scenario": "kill_switch", "cause": "manual", "bot": "x"}', "name one registered bot"),
    ],
)
def test_a_fault_asked_for_wrongly_is_refused_with_the_reason(
    control: httpx.Client, body: bytes, wording: str
) -> None:
    """400, the accepted values, and nothing injected."""
    response = control.post("/faults", content=body)
    assert response.status_code == 400
    assert wording in response.json()["error"]
    assert control.get("/state").json()["faults"] == {}


def test_unknown_control_paths_and_faults_are_refused(control: httpx.Client) -> None:
    """404 for a path, 400 for a stem or an action that does not exist."""
    assert control.get("/nothing").status_code == 404
    assert control.delete("/faults/nothing").status_code == 400
    assert control.post("/clock", json={"action": "jump"}).status_code == 400
    assert control.post("/bot", json={"name": "a", "root": "/no/such/root"}).status_code == 400


def test_the_pager_keeps_what_it_receives(control: httpx.Client) -> None:
    """Payloads come back in order; a reset empties it."""
    control.post("/pager", json={"alerts": [1]})
    control.post("/pager", json=[2])
    assert control.get("/pager").json() == [{"alerts": [1]}, [2]]
    control.post("/reset")
    assert control.get("/pager").json() == []


def test_requests_are_counted_by_endpoint_and_role(
    simulator: Simulator, control: httpx.Client
) -> None:
    """Who asked for what; unknown paths share one name."""
    with httpx.Client(base_url=simulator.exchange.url, timeout=30) as client:
        for path in ("/fapi/v1/ping", "/fapi/v1/ping", "/a", "/b"):
            client.get(path)
    state = control.get("/state").json()
    assert state["requests"] == {"GET /fapi/v1/ping": 2, "unknown": 2}
    assert state["requests_by_role"] == {"public": {"GET /fapi/v1/ping": 2, "unknown": 2}}


@pytest.mark.parametrize(
    ("where", "shown", "repaired"),
    [
        ("local", {"ntp": 3.0, "exchange": 3.0, "reference": 3.0}, True),
        ("exchange", {"ntp": 0.0, "exchange": 3.0, "reference": 0.0}, False),
        ("ntp", {"ntp": 3.0, "exchange": 0.0, "reference": 0.0}, False),
        ("ntp_one", {"ntp": 0.0, "exchange": 0.0, "reference": 0.0}, False),
    ],
)
def test_clock_drift_moves_the_right_clocks_and_only_a_local_one_is_repaired(
    control: httpx.Client, where: str, shown: dict[str, float], *, repaired: bool
) -> None:
    """Repairing the local clock ends the local drift and nothing else."""
    control.post("/faults", json={"scenario": "clock_drift", "where": where})

    def clock() -> Any:
        return control.get("/state").json()["clock"]

    lie = 3.0 if where == "ntp_one" else 0.0
    assert (clock()["offset_seconds"], clock()["ntp_one_seconds"]) == (shown, lie)
    removed = control.post("/clock", json={"action": "slew"}).json()["removed_seconds"]
    assert removed == (3.0 if repaired else 0.0)
    assert ("clock_drift" in control.get("/state").json()["faults"]) is not repaired
    assert control.delete("/faults/clock_drift").json()["ended"] is not repaired
    assert set(clock()["offset_seconds"].values()) == {0.0}
    assert clock()["repairs"][0]["action"] == "slew"


def test_a_drifted_reference_answers_with_the_drifted_time(
    simulator: Simulator, control: httpx.Client
) -> None:
    """All three references agree that the local clock is behind."""
    control.post("/faults", json={"scenario": "clock_drift", "offset_seconds": -7})
    for url in (simulator.exchange.url, simulator.reference.url):
        for path in ("/fapi/v1/time", "/api/v3/time"):
            before = simulator.world.wall()
            server = httpx.get(url + path, timeout=30).json()["serverTime"] / 1000
            assert before - 0.001 <= server - 7 <= simulator.world.wall()
    host, port = simulator.ready["ntp"][3].split(":")
    answer = ntplib.NTPClient().request(host, port=int(port), timeout=30)
    assert answer.offset == pytest.approx(7, abs=answer.delay / 2 + 0.001)
    control.post("/reset")
    assert simulator.world.clocks.local == 0


@pytest.mark.parametrize("action", ["slew", "step"])
def test_clockctl_repairs_the_local_clock(
    simulator: Simulator, control: httpx.Client, action: str
) -> None:
    """The command exits 0 and says what it removed; a second run removes nothing."""
    control.post("/faults", json={"scenario": "clock_drift", "offset_seconds": 3})
    done = _clockctl(action, simulator.control.url)
    assert (done.returncode, done.stdout) == (0, f"{action}: removed +3.000 s\n")
    assert simulator.world.clocks.local == 0
    assert _clockctl(action, simulator.control.url).stdout == f"{action}: removed +0.000 s\n"


def test_clockctl_fails_when_nobody_answers(simulator: Simulator) -> None:
    """Exit 1 and the address."""
    url = simulator.control.url
    simulator.control.shut()  # the port stays ours
    done = _clockctl("slew", url)
    assert done.returncode == 1
    assert url in done.stderr


def test_the_command_tells_where_everything_is_and_stops_cleanly(tmp_path: Path) -> None:
    """A taken default port is replaced, stdout and ready file agree, TERM ends it."""
    ready_file = tmp_path / "ready.json"
    argv = [sys.executable, "-m", "tests.sim", "--ready-file", str(ready_file)]
    with socket.socket() as taken:
        # Somebody else may hold the port already: then it is taken all the same.
        try:
            taken.bind(("127.0.0.1", EXCHANGE_PORT))
            taken.listen()
        except OSError:
            pass
        with subprocess.Popen(argv, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                ready = json.loads(process.stdout.readline())
                assert json.loads(ready_file.read_text()) == ready
                assert ready["exchange"] != f"http://127.0.0.1:{EXCHANGE_PORT}"
                for name in ("exchange", "reference"):
                    assert httpx.get(f"{ready[name]}/fapi/v1/ping", timeout=30).json() == {}
                assert httpx.get(ready["pager"], timeout=30).json() == []
                assert len(set(ready["ntp"])) == 4
            finally:
                process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=DEADLINE) == 0


def test_the_command_refuses_a_chosen_port_that_is_taken(simulator: Simulator) -> None:
    """A port asked for by number is not silently replaced."""
    port = str(simulator.exchange.server_port)
    argv = [sys.executable, "-m", "tests.sim", "--exchange-port", port]
    done = subprocess.run(
        argv, cwd=_ROOT, timeout=DEADLINE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_a_stopped_simulator_leaves_nothing_open() -> None:
    """No descriptor is left that was not there before, even with a client connected."""
    before = _descriptors()
    simulator = Simulator()
    with httpx.Client(base_url=simulator.exchange.url, timeout=30) as client:
        client.get("/fapi/v1/ping")
        simulator.stop()
        with pytest.raises(httpx.TransportError):
            client.get("/fapi/v1/ping")
    assert until(lambda: _descriptors() <= before, "descriptors closed")


def _descriptors() -> set[str]:
    """What this process has open; sockets and pipes are named by their numbers."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.add(str(link.readlink()))
    return found
