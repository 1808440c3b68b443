"""What keeps us from an exchange, against sockets that really behave like that."""

import socket
import time

import pytest

from exporter.readings import NetworkFault, Stage
from tests.sources.network_probes import HTML, PONG, probe, read, stages_of
from tests.sources.network_servers import (
    answering,
    babble,
    closed_port,
    failing_first,
    full_backlog,
    reset,
    serve,
    silent,
)
from tests.sources.v1_cgroup import wait_for


def test_every_step_of_a_good_way_is_timed() -> None:
    """Name, connection and answer, in that order."""
    with serve(PONG) as port:
        started = time.monotonic()
        reading = read(port, host="localhost")
        took = time.monotonic() - started
    assert reading.fault is NetworkFault.NONE
    assert reading.reachable
    assert reading.detail == ""
    assert [step.stage for step in reading.stages] == [Stage.DNS, Stage.TCP, Stage.HTTP]
    assert all(step.ok and step.seconds >= 0 for step in reading.stages)
    assert sum(step.seconds for step in reading.stages) <= took
    assert reading.others_reachable is None
    assert reading.gateway is True


def test_a_closed_port() -> None:
    """Refused at once, at the connection."""
    reading = read(closed_port())
    assert reading.fault is NetworkFault.REFUSED
    assert stages_of(reading) == {Stage.DNS: True, Stage.TCP: False}
    assert "refused" in reading.detail.lower()
    assert "3 tries" in reading.detail


def test_swallowed_syns() -> None:
    """Nobody to compare with: only a timeout. A second host answers: somebody filters."""
    with full_backlog() as port, serve(PONG) as other:
        assert read(port, timeout=3, tries=1).fault is NetworkFault.TIMEOUT
        reading = read(port, timeout=3, tries=1, others=[f"http://127.0.0.1:{other}"])
        assert reading.fault is NetworkFault.FIREWALL
        assert reading.others_reachable is True
        assert stages_of(reading) == {Stage.DNS: True, Stage.TCP: False}


def test_a_server_that_never_answers() -> None:
    """It took the connection, so no firewall is suspected, second host or not."""
    with serve(silent) as port, serve(PONG) as other:
        started = time.monotonic()
        reading = read(port, timeout=3, tries=1, others=[f"http://127.0.0.1:{other}"])
        assert reading.fault is NetworkFault.TIMEOUT
        assert stages_of(reading)[Stage.HTTP] is False
        assert time.monotonic() - started < 30


def test_a_server_that_drips() -> None:
    """Bytes that keep coming buy no time."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    with serve(drip) as port:
        started = time.monotonic()
        reading = read(port, timeout=3, tries=1)
        assert reading.fault is NetworkFault.TIMEOUT
        assert stages_of(reading)[Stage.HTTP] is False
        assert time.monotonic() - started < 30


def test_an_endless_answer_is_cut_off() -> None:
    """Not read to the end; it is no API's answer."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with serve(flood) as port:
        assert read(port, tries=1).fault is NetworkFault.SERVER


@pytest.mark.parametrize("secure", [False, True])
def test_a_broken_connection(secure: bool) -> None:
    """Reset as soon as it was accepted."""
    with serve(reset) as port:
        assert read(port, "https" if secure else "http").fault is NetworkFault.RESET


def test_closing_without_an_answer_is_a_broken_connection() -> None:
    """A polite close says no more than a rude one."""
    with serve(lambda connection: None) as port:
        assert read(port).fault is NetworkFault.RESET
        assert read(port, "https").fault is NetworkFault.RESET


@pytest.mark.parametrize(
    ("status", "body", "kind", "fault"),
    [
        (403, b"<html>blocked</html>", HTML, NetworkFault.FIREWALL),
        (403, b'{"message":"forbidden."}', "application/json", NetworkFault.NONE),
        (401, b'{"message":"unauthorized"}', "application/json", NetworkFault.NONE),
        (451, b'{"code":0,"msg":"restricted"}', "application/json", NetworkFault.RESTRICTED),
        (503, b"<html>sorry</html>", HTML, NetworkFault.SERVER),
        (503, b'{"code":-1008,"msg":"busy"}', "application/json", NetworkFault.SERVER),
        (200, b"<html>log in</html>", HTML, NetworkFault.SERVER),
        (302, b"", HTML, NetworkFault.SERVER),
        (429, b"slow down", "text/plain", NetworkFault.NONE),
        (418, b"teapot", "text/plain", NetworkFault.NONE),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, kind: str, fault: NetworkFault) -> None:
    """An API's own refusal is an answer; a page is somebody else's."""
    with serve(answering(status, body, kind)) as port:
        reading = read(port)
    assert reading.fault is fault
    if fault is not NetworkFault.NONE:
        assert f"HTTP {status}" in reading.detail


def test_a_redirect_is_not_followed() -> None:
    """Where a portal wants us to go is worth knowing, not going."""
    with serve(answering(302, b"", HTML, "Location: http://portal.invalid/\r\n")) as port:
        assert "to http://portal.invalid/" in read(port).detail


def test_an_answer_that_is_no_http() -> None:
    """There is a way, to something else."""
    with serve(babble) as port:
        assert read(port).fault is NetworkFault.UNKNOWN


def test_a_name_that_does_not_resolve() -> None:
    """Without anything to compare with, the name is what is wrong."""
    reading = probe("http://exchange.invalid", timeout=2).read()
    assert reading.fault is NetworkFault.DNS
    assert stages_of(reading) == {Stage.DNS: False}


def test_nothing_answers_at_all() -> None:
    """The exchange and the second hosts alike: it is us."""
    others = ["http://other.invalid", f"http://127.0.0.1:{closed_port()}"]
    reading = read(closed_port(), timeout=2, others=others)
    assert reading.fault is NetworkFault.LOCAL
    assert reading.others_reachable is False


def test_no_way_out_of_the_host() -> None:
    """No default route, and a name that cannot be looked up: it is us."""
    reading = probe("http://exchange.invalid", timeout=2, gateway=lambda: False).read()
    assert reading.fault is NetworkFault.LOCAL
    assert reading.gateway is False


def test_a_second_host_needs_only_to_answer() -> None:
    """Its error page proves a way out as well as anything."""
    with serve(PONG) as port, serve(answering(404, b"<html>", HTML)) as other:
        others = [f"http://127.0.0.1:{closed_port()}", f"http://127.0.0.1:{other}/x"]
        reading = read(port, others=others)
    assert reading.fault is NetworkFault.NONE
    assert reading.others_reachable is True


@pytest.mark.parametrize(("lost", "fault"), [(2, NetworkFault.NONE), (3, NetworkFault.RESET)])
def test_a_lost_packet_is_no_fault(lost: int, fault: NetworkFault) -> None:
    """Three tries within the round decide."""
    with serve(failing_first(lost, PONG)) as port:
        assert read(port).fault is fault


def test_an_exchange_that_wants_silence_is_not_asked() -> None:
    """The walk ends at the door, and the door is open."""
    asked: list[bytes] = []

    def note(connection: socket.socket) -> None:
        asked.append(connection.recv(1))

    with serve(note) as port:
        reading = probe(f"http://127.0.0.1:{port}").read(ask=False)
        wait_for("the other end to see it", lambda: asked)
    assert reading.fault is NetworkFault.NONE
    assert Stage.HTTP not in stages_of(reading)
    assert asked == [b""]
