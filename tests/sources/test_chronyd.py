"""A real chronyd agrees with us about the sign, and never touches the clock."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.readings import ClockDaemonReading
from exporter.sources.clock_daemons import parse_chrony
from tests.sim.ntp import reply
from tests.sources.soak_programs import program


@pytest.fixture
def server() -> Iterator[list[float]]:
    """A time server; its port, and by how much it is ahead of us, which may be changed."""
    told = [0.0, 0.0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
        answering.bind(("127.0.0.1", 0))
        told[0] = answering.getsockname()[1]

        def serve() -> None:
            while (query := answering.recvfrom(1024))[0] != b"stop":
                if (packet := reply(query[0], time.time() + told[1])) is not None:
                    answering.sendto(packet, query[1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield told
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"stop", ("127.0.0.1", int(told[0])))
        thread.join()


@pytest.mark.soak  # make soak fetches chronyd
@pytest.mark.parametrize("ahead", [0.3, -0.3])
def test_a_real_chronyd_agrees_about_the_sign(
    tmp_path: Path, server: list[float], ahead: float
) -> None:
    """A server ahead of us means that our clock is behind. The clock itself is never touched.

    ``-x`` keeps chronyd from setting it, and without the capability nothing could.
    """
    chronyd, chronyc = program("chronyd"), program("chronyc")
    if os.geteuid() != 0:
        pytest.skip("chronyd begins as root only")
    server[1] = ahead
    folder = tmp_path / "chrony"
    folder.mkdir(mode=0o700)
    (folder / "conf").write_text(
        f"server 127.0.0.1 port {server[0]:.0f} iburst minpoll -4 maxpoll -4\n"
        f"port 0\ncmdport 0\nbindcmdaddress {folder}/sock\npidfile {folder}/pid\n"
    )
    command = ["setpriv", "--bounding-set=-sys_time", chronyd]
    daemon = subprocess.Popen(
        [*command, "-x", "-d", "-u", "root", "-f", str(folder / "conf")],
        stderr=subprocess.DEVNULL,
    )
    try:
        reading = _wait_for_offset([chronyc, "-h", f"{folder}/sock", "-c", "tracking"])
    finally:
        daemon.terminate()
        daemon.wait(timeout=20)
    assert reading.offset_seconds == pytest.approx(-ahead, abs=0.05)
    assert (reading.error_bound_seconds or 0) > abs(ahead)


def _wait_for_offset(argv: list[str]) -> ClockDaemonReading:
    deadline = time.monotonic() + 30
    while True:
        result = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
        if result.returncode == 0 and (reading := parse_chrony(result.stdout)).synchronized:
            return reading
        assert time.monotonic() < deadline, result.stdout
        time.sleep(0.1)
